/** What iptables drops, over either of its back ends, told by its NFLOG target. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createWire, namespacesMissing, type Wire } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const BACK_ENDS = ['nft', 'legacy'] as const;
const folder = temporaryFolder();
const MISSING = namespacesMissing();

function isInstalled(backEnd: string): boolean {
  return spawnSync(`iptables-${backEnd}`, ['-nL']).status === 0;
}

interface DropRecord {
  dstPort: number;
  packets: number;
  octets: number;
  direction: number;
  forwardingStatus: number | null;
  extra?: Record<string, string | number>;
}

function dropsOf(data: string): DropRecord[] {
  const { stdout } = runWeir(['query', '--data', data, '--last', '1h', '--top', '1000', '--json']);
  const records = stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as DropRecord);
  return records.filter(({ forwardingStatus }) => (forwardingStatus ?? 0) >> 6 === 2);
}

/** Packets and octets that the rules with this target and port counted. */
function counted(wire: Wire, command: string, port: number): { packets: number; octets: number } {
  const line = wire.b
    .run(command, '-nvxL', 'INPUT')
    .split('\n')
    .find((candidate) => candidate.includes('NFLOG') && candidate.includes(`dpt:${port}`));
  const [packets = 0, octets = 0] = (line ?? '').trim().split(/\s+/).map(Number);
  return { packets, octets };
}

describe.skipIf(MISSING !== undefined)(
  `iptables${MISSING === undefined ? '' : ` (skipped: ${MISSING})`}`,
  () => {
    let wire: Wire | undefined;
    const running: RunningWeir[] = [];
    afterEach(async () => {
      for (const weir of running.splice(0)) await weir.stop('SIGKILL');
      wire?.remove();
      wire = undefined;
    });

    test.skipIf(!BACK_ENDS.every(isInstalled)).each(BACK_ENDS)(
      'every frame that it drops is in a record with its reason and rule: %s (skipped where it is not installed)',
      async (backEnd) => {
        wire = createWire(`ipt${backEnd.slice(0, 1)}`);
        const { a, b } = wire;
        const [ipv4, ipv6] = [`iptables-${backEnd}`, `ip6tables-${backEnd}`];
        const rule = (command: string, protocol: string, port: number, ...target: string[]) =>
          b.run(command, '-A', 'INPUT', '-p', protocol, '--dport', String(port), '-j', ...target);
        rule(ipv4, 'tcp', 22, 'NFLOG', '--nflog-group', '5', '--nflog-prefix', 'ssh-deny');
        rule(ipv4, 'tcp', 22, 'DROP');
        rule(ipv6, 'udp', 53, 'NFLOG', '--nflog-group', '5', '--nflog-prefix', 'trust:dns');
        rule(ipv6, 'udp', 53, 'DROP');
        const data = path.join(folder, backEnd);
        const profile = path.join(folder, `${backEnd}.profile`);
        const metadata = {
          IpFixCollectors: ['Tcp/127.0.0.1:4739'],
          Interfaces: [b.interfaceName],
          DropSources: [{ Nflog: 5, Reason: 'AccessControl', PrefixReasons: { 'trust:': 'Trust' } }],
        };
        writeFileSync(profile, JSON.stringify({ FlowMetadata: metadata }));
        const collector = startWeir(
          ['collect', '--data', data, '--listen', 'tcp/127.0.0.1:4739', '--no-http'],
          b.prefix,
        );
        running.push(collector);
        await collector.said(/listening on/);
        const exporter = startWeir(['export', '--profile', profile], b.prefix);
        running.push(exporter);
        await exporter.said(/"metering \w/);
        const say = (script: string) => spawnSync('ip', ['netns', 'exec', a.namespace, 'bash', '-c', script]);
        say(`exec timeout 3 bash -c 'exec 3<>/dev/tcp/${b.ipv4}/22'`);
        say(`for i in 1 2 3 4; do echo hi > /dev/udp/${b.ipv6}/53; done`);
        const ssh = counted(wire, ipv4, 22);
        const dns = counted(wire, ipv6, 53);
        expect(await exporter.stop('SIGTERM'), exporter.output()).toBe(0);
        expect(await collector.stop('SIGTERM'), collector.output()).toBe(0);

        const drops = dropsOf(data);
        const sums = (port: number) => ({
          packets: drops
            .filter(({ dstPort }) => dstPort === port)
            .reduce((sum, { packets }) => sum + packets, 0),
          octets: drops
            .filter(({ dstPort }) => dstPort === port)
            .reduce((sum, { octets }) => sum + octets, 0),
        });
        expect(ssh.packets).toBeGreaterThan(1);
        expect(dns.packets).toBe(4);
        expect(sums(22)).toEqual(ssh);
        expect(sums(53)).toEqual(dns);
        for (const { dstPort, direction, extra } of drops) {
          expect(direction).toBe(0);
          expect(extra?.['ruleName']).toBe(dstPort === 22 ? 'ssh-deny' : 'trust:dns');
        }
      },
    );
  },
);
