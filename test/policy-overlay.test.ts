/**
 * The policy matrix of an overlay whose firewall is known, cell by cell: what is allowed and was seen, what
 * was denied and dropped, a hole that was made on purpose, what is dropped although the policy allows it,
 * and what never came.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import type { MatrixCell, PolicyDocument, PolicyMatrix, SeenSums } from '@weir/analysis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createOverlay,
  type Overlay,
  type OverlayHost,
  overlayMissing,
  stopChild,
} from './overlay-network.ts';
import { type Conversation, sumsOfCapture } from './packet-sums.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = overlayMissing();
const COLLECTOR_PORT = 4739;
const NFLOG_GROUP = 7;
const SSH = 2222;
const LEGACY = 7777;
const UNTRUSTED = 5555;
const IPERF = 5201;
const WEB = 8000;

const rulesFor = (interfaceName: string) => `table inet weir {
  counter denied { }
  counter strict { }
  counter untrusted { }
  chain input { type filter hook input priority 0; policy accept;
    ct state established,related accept
    iifname ${interfaceName} tcp dport ${SSH} counter name denied log group ${NFLOG_GROUP} prefix "ssh-deny" drop
    iifname ${interfaceName} tcp dport ${LEGACY} counter name strict log group ${NFLOG_GROUP} prefix "too-strict" drop
    iifname ${interfaceName} meta mark 7 drop
  }
  chain output { type filter hook output priority 0; policy accept;
    oifname ${interfaceName} udp dport ${UNTRUSTED} counter name untrusted log group ${NFLOG_GROUP} prefix "no-trust" drop
  }
}
`;

interface Answer {
  matrix: PolicyMatrix;
  records: number;
  notes: string[];
}

describe.skipIf(missing !== undefined)(`the policy of an overlay ${missing ?? ''}`, () => {
  let overlay: Overlay;
  const running: RunningWeir[] = [];
  const data = path.join(folder, 'data');
  const captureOf = (name: string) => path.join(folder, `${name}.pcap`);
  let counters = '';
  let imported: PolicyDocument;
  let leftOut = '';
  let matrix: PolicyMatrix;

  function importRules(text: string): { document: PolicyDocument; said: string } {
    const [, b] = overlay.hosts;
    const file = path.join(folder, 'ruleset');
    writeFileSync(file, text);
    const { stdout, stderr, status } = runWeir([
      ...['policy', 'import', '--from', 'nftables', file],
      ...['--self', `${b.ipv4},${b.ipv6}`],
      ...['--interface', `${b.interfaceName}=10.99.0.0/24,fd99::/64`],
    ]);
    expect(status, stderr).toBe(0);
    return { document: JSON.parse(stdout), said: stderr };
  }

  /** What the firewall does, and what its owner means it to do. */
  function intended(): PolicyDocument {
    const [a, b, c] = overlay.hosts;
    const groups = [
      { name: 'a', members: [a.ipv4, a.ipv6] },
      { name: 'c', members: [c.ipv4, c.ipv6] },
    ];
    const rules: PolicyDocument['rules'] = [
      { name: 'hole', from: ['a'], to: ['c'], services: [`tcp/${WEB}`], action: 'deny' },
      { name: 'ping', from: ['a'], to: ['c'], services: ['icmp/8', 'icmp6/128'], action: 'allow' },
      { name: 'legacy', from: ['a'], to: ['this host'], services: [`tcp/${LEGACY}`], action: 'allow' },
      {
        name: 'backup',
        from: ['c'],
        to: ['this host'],
        services: ['tcp/873'],
        action: 'allow',
        expected: true,
      },
      {
        name: 'web',
        from: ['this host'],
        to: ['c'],
        services: [`tcp/${WEB}`],
        action: 'allow',
        expected: true,
      },
      { name: 'never', from: ['c'], to: ['a'], services: ['any'], action: 'deny', firewall: 'never-drops' },
    ];
    expect(b.ipv4).toBe('10.99.0.2');
    return {
      ...imported,
      groups: [...groups, ...imported.groups],
      rules: [...rules, ...imported.rules],
      default: 'deny',
    };
  }

  async function startExporters(): Promise<RunningWeir[]> {
    const profiles = overlay.hosts.map((host) => {
      const profile = path.join(folder, `${host.name}.profile`);
      const FlowMetadata = {
        IpFixCollectors: [`Udp/${overlay.collector.underlay}:${COLLECTOR_PORT}`],
        DropSources: [{ Nflog: NFLOG_GROUP, Reason: 'AccessControl' }],
      };
      writeFileSync(profile, JSON.stringify({ FlowMetadata }));
      return startWeir(['export', '--profile', profile, '--interface', host.interfaceName], host.prefix);
    });
    running.push(...profiles);
    await Promise.all(profiles.map((exporter) => exporter.said(/metering/)));
    return profiles;
  }

  function makeTraffic(): void {
    const [a, b, c] = overlay.hosts;
    for (const family of ['ipv4', 'ipv6'] as const) {
      const url = (host: typeof a) => (family === 'ipv4' ? host.ipv4 : `[${host.ipv6}]`);
      a.run('ping', '-c', '3', '-i', '0.2', c[family]);
      a.run('iperf3', '-c', b[family], '-n', '1M');
      for (const client of [a, b]) client.run('curl', '-s', '-o', '/dev/null', `http://${url(c)}:${WEB}/`);
      for (const port of [SSH, LEGACY])
        a.attempt('curl', '-s', '--max-time', '2', `http://${url(b)}:${port}/`);
      b.attempt('bash', '-c', `for i in 1 2 3; do echo x > /dev/udp/${c[family]}/${UNTRUSTED}; done`);
    }
  }

  beforeAll(async () => {
    overlay = await createOverlay(folder, 'pol');
    const [, b, c] = overlay.hosts;
    const rules = path.join(folder, 'rules.nft');
    writeFileSync(rules, rulesFor(b.interfaceName));
    b.run('nft', '-f', rules);
    const { document, said } = importRules(b.run('nft', '--json', 'list', 'ruleset'));
    imported = document;
    leftOut = said;
    mkdirSync(path.join(data, 'policy'), { recursive: true });
    writeFileSync(path.join(data, 'policy', 'policy.json'), JSON.stringify(intended()));
    const collector = startWeir(
      ['collect', '--data', data, '--listen', `udp/0.0.0.0:${COLLECTOR_PORT}`, '--no-http'],
      overlay.collector.prefix,
    );
    running.push(collector);
    await collector.said(/listening on udp/);
    const captures = overlay.hosts.map((host) =>
      host.start('tcpdump', '-i', host.interfaceName, '-B', '16384', '-s', '128', '-w', captureOf(host.name)),
    );
    const web = `require('node:http').createServer((_, answer) => answer.end('x'.repeat(50000))).listen(${WEB}, '::')`;
    const servers = [b.start('iperf3', '-s'), c.start(process.execPath, '-e', web)];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const exporters = await startExporters();
    makeTraffic();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const exporter of exporters) expect(await exporter.stop(), exporter.output()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const child of [...captures, ...servers]) await stopChild(child);
    expect(await collector.stop()).toBe(0);
    counters = b.run('nft', 'list', 'counters');
    const { stdout, stderr, status } = runWeir([
      'policy',
      'matrix',
      '--data',
      data,
      '--last',
      '1h',
      '--json',
    ]);
    expect(status, stderr).toBe(0);
    ({ matrix } = JSON.parse(stdout) as Answer);
  }, 120_000);

  afterAll(async () => {
    for (const weir of running) await weir.stop('SIGKILL');
    await overlay.remove();
  });

  function counted(name: string): Conversation {
    const found = new RegExp(`counter ${name} {\\s+packets (\\d+) bytes (\\d+)`).exec(counters);
    expect(Number(found?.[1])).toBeGreaterThan(1);
    return { packets: Number(found?.[1]), octets: Number(found?.[2]) };
  }

  /**
   * What both directions of the conversations with a port of `server` can come to, port 0 for ping. Of each
   * direction one end's count is taken, whichever end's record came first; on a busy machine the overlay itself
   * loses packets between the two ends, so they need not be equal.
   */
  function captured(client: string, server: OverlayHost, port: number): Conversation[] {
    const isServer = (end: string) => [`${server.ipv4}:${port}`, `${server.ipv6}:${port}`].includes(end);
    const ends = [client, server.name].map((host) => sumsOfCapture(captureOf(host)));
    const keys = [...(ends[0]?.keys() ?? [])].filter((key) => key.split(' ').slice(1).some(isServer));
    expect(keys.length).toBeGreaterThan(1);
    let possible: Conversation[] = [{ packets: 0, octets: 0 }];
    for (const key of keys) {
      const counts = ends.flatMap((sums) => sums.get(key) ?? []);
      possible = distinct(
        possible.flatMap((sum) =>
          counts.map(({ packets, octets }) => ({
            packets: sum.packets + packets,
            octets: sum.octets + octets,
          })),
        ),
      );
    }
    return possible;
  }

  function cell(from: string, to: string): MatrixCell {
    const found = matrix.cells.find((each) => each.from === from && each.to === to);
    if (found === undefined)
      throw new Error(`there is no cell ${from} → ${to}: ${JSON.stringify(matrix.cells)}`);
    return found;
  }

  const none = expect.objectContaining({ connections: 0, packets: 0, octets: 0 });
  const seen = (connections: number, sums: Conversation): SeenSums =>
    expect.objectContaining({ connections, ...sums });

  function expectOneOf(sums: SeenSums, connections: number, possible: readonly Conversation[]): void {
    expect(sums.connections).toBe(connections);
    expect(possible).toContainEqual({ packets: sums.packets, octets: sums.octets });
  }

  test('the rules of the firewall became a policy, and what could not is named', () => {
    const [, b] = overlay.hosts;
    const rule = (name: string) => imported.rules.find((each) => each.name === name);
    expect(rule('ssh-deny')).toMatchObject({
      from: [b.interfaceName],
      to: ['this host'],
      services: [`tcp/${SSH}`],
      action: 'deny',
      firewall: 'ssh-deny',
    });
    expect(rule('no-trust')).toMatchObject({ from: ['this host'], to: [b.interfaceName], action: 'deny' });
    expect(imported.rules.map(({ action }) => action)).toEqual(['deny', 'deny', 'allow', 'deny', 'allow']);
    expect(leftOut).toMatch(/left out: .*mark.*meta mark/);
    expect(leftOut).toMatch(/note: ct state established/);
    expect(importRules(b.run('nft', 'list', 'ruleset')).document).toEqual(imported);
  });

  test('what is allowed and was seen, to the octet; the ports of iperf3 tell who began', () => {
    const [, b, c] = overlay.hosts;
    // Two connections a run: one for control, one for data.
    expectOneOf(cell('a', 'this host').allowed, 4, captured('a', b, IPERF));
    expectOneOf(cell('this host', 'c').allowed, 2, captured('b', c, WEB));
    expectOneOf(cell('a', 'c').allowed, 2, captured('a', c, 0));
    expect(matrix.unsure).toBeLessThanOrEqual(4);
  });

  test('what was denied and dropped, by which rule, although it was metered on its way in', () => {
    const dropped = cell('a', 'this host');
    expect(dropped.dropped).toEqual(seen(2, counted('denied')));
    const ssh = dropped.services.find(({ service }) => service === `tcp/${SSH}`);
    expect(ssh).toMatchObject({ rules: ['ssh-deny'], firewall: ['ssh-deny'] });
    expect(ssh?.violation).toEqual(none);
    expect(cell('this host', 'c').dropped).toMatchObject(counted('untrusted'));
    expect(cell('a', 'c').dropped).toEqual(none);
  });

  test('the hole: allowed although denied, answered, and nothing else', () => {
    const [, , c] = overlay.hosts;
    const hole = cell('a', 'c').violation;
    expectOneOf(hole, 2, captured('a', c, WEB));
    expect(hole.answered).toBe(2);
    expect(matrix.totals.violation).toEqual(hole);
    expect(cell('a', 'c').services.find(({ service }) => service === `tcp/${WEB}`)?.rules).toEqual(['hole']);
  });

  test('what is dropped although the policy allows it is unexplained', () => {
    const { unexplained, droppedAllowed } = cell('a', 'this host');
    expect(unexplained).toEqual(seen(2, counted('strict')));
    expect(droppedAllowed).toEqual(unexplained);
    expect(matrix.firewall.find(({ name }) => name === 'too-strict')?.droppedAllowed).toEqual(unexplained);
  });

  test('what was expected and never came; rules that were never hit', () => {
    expect(cell('c', 'this host').missing).toEqual(['backup']);
    expect(matrix.expected.map(({ rule, seen: { connections } }) => [rule, connections])).toEqual([
      ['backup', 0],
      ['web', 2],
    ]);
    const named = ['hole', 'ping', 'legacy', 'backup', 'web', 'never', 'ssh-deny', 'too-strict', 'no-trust'];
    const never = matrix.rules.filter(({ name, neverHit }) => neverHit && named.includes(name));
    // The firewall's too-strict stands behind the rule that allows the same.
    expect(never.map(({ name }) => name)).toEqual(['backup', 'never', 'too-strict']);
    expect(matrix.firewallNeverHit).toEqual(['never-drops']);
  });
});

function distinct(sums: readonly Conversation[]): Conversation[] {
  return [...new Map(sums.map((sum) => [`${sum.packets} ${sum.octets}`, sum])).values()];
}
