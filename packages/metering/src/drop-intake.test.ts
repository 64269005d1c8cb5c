import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { receiveBuffers, silentLogger } from '@weir/base';
import { captureCapability } from '@weir/host';
import { type FlowBatchNote, isPresent, u64AsNumber, viewFlowBatch } from '@weir/ipfix';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type DroppedRow, droppedRows } from './dropped-row.ts';
import { buildIpv4 } from './frame-builder.ts';
import { LINKTYPE_RAW } from './link-type.ts';
import { createLiveMeter } from './live-meter.ts';
import { concatenate, PcapngBuilder } from './pcapng-stream-builder.ts';

const rethrow = (error: unknown) => {
  throw error;
};

describe.skipIf(process.platform === 'win32')(
  'a meter whose only packets are those of a pcapng stream',
  () => {
    test('meters what passed and reports what was dropped, to the last frame', async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'weir-drops-'));
      const socketPath = path.join(folder, 'overlay');
      const { port1, port2 } = new MessageChannel();
      const dropped: DroppedRow[] = [];
      const passed: (readonly [packets: number, direction: number | undefined])[] = [];
      receiveBuffers<FlowBatchNote>(
        port2,
        async (buffer, note) => {
          const batch = viewFlowBatch(buffer, note);
          dropped.push(...droppedRows(batch));
          for (let row = 0; row < batch.rowCount; row += 1) {
            if (isPresent(batch, 'forwardingStatus', row)) continue;
            const { packets, direction } = batch.columns;
            passed.push([u64AsNumber(packets, row), direction[row]]);
          }
        },
        rethrow,
      );
      const meter = createLiveMeter(
        { interfaces: [], dropSources: [{ kind: 'pcapng', path: socketPath }] },
        { port: port1, logger: silentLogger },
      );
      await meter.start();
      const builder = new PcapngBuilder();
      const timestampMs = Date.now();
      const refused = (port: number) =>
        builder.packet(buildIpv4({ destinationPort: port }), {
          timestampMs,
          options: [builder.flags(2), builder.verdict(1, 2n), builder.comment('rule=lab reason=Trust')],
        });
      const carried = builder.packet(buildIpv4(), { timestampMs, options: [builder.flags(1)] });
      const socket = connect(socketPath);
      socket.write(concatenate([builder.section(), builder.interface('overlay0', LINKTYPE_RAW)]));
      for (let port = 1; port <= 1000; port += 1) socket.write(concatenate([refused(port), carried]));
      await new Promise<void>((resolve) => socket.end(resolve));
      await expect.poll(() => dropped.length, { timeout: 10_000 }).toBe(1000);
      await meter.stop();
      expect(dropped.every(({ frames, dropReason }) => frames === 1 && dropReason === 2)).toBe(true);
      expect(new Set(dropped.map(({ ruleName, direction }) => `${ruleName} ${direction}`))).toEqual(
        new Set(['lab 1']),
      );
      expect(passed).toEqual([[1000, 0]]);
      const status = meter.status();
      expect(status?.meter.packets).toBe(1000);
      expect(status?.drops).toMatchObject({
        ledger: { frames: 1000, records: 1000, framesTrust: 1000, framesOverflow: 0, flowsHeld: 0 },
        pcapng: [{ framesPassed: 1000, framesDropped: 1000, damages: 0, writers: 0 }],
      });
      port2.close();
      rmSync(folder, { recursive: true });
    }, 20_000);

    test('a source that cannot be opened is refused at start', async () => {
      const { port1 } = new MessageChannel();
      const dropSources = [{ kind: 'pcapng', path: '/nowhere/to/be/found' }] as const;
      const meter = createLiveMeter({ interfaces: [], dropSources }, { port: port1, logger: silentLogger });
      await expect(meter.start()).rejects.toMatchObject({ name: 'UserError', code: 'drop_source_failed' });
      await meter.stop();
    });
  },
);

const RULES = `
table inet guard {
  chain in {
    type filter hook input priority 0;
    tcp dport 22 counter log prefix "acl:ssh " group 5 drop
    udp dport 53 counter log prefix "trust:dns " group 5 drop
    icmp type echo-request counter log prefix "acl:ping " group 5 drop
    icmpv6 type echo-request counter log prefix "acl:ping6 " group 5 drop
  }
  chain out {
    type filter hook output priority 0;
    tcp dport 25 counter log prefix "smtp" group 6 drop
    udp dport 161 counter log prefix "snmp" group 6 drop
    icmp type echo-request ip daddr 10.9.1.2 counter log prefix "ping-out" group 6 drop
    icmpv6 type echo-request ip6 daddr fd09:1::2 counter log prefix "ping6-out" group 6 drop
  }
  chain transit {
    type filter hook forward priority 0;
    counter log prefix "transit" group 6 drop
  }
}`;

/** What each rule's records must say: reason, direction, protocols. */
const EXPECTED: Readonly<Record<string, readonly [reason: number, direction: number, protocols: number[]]>> =
  {
    'acl:ssh': [1, 0, [6]],
    'trust:dns': [2, 0, [17]],
    'acl:ping': [1, 0, [1]],
    'acl:ping6': [1, 0, [58]],
    smtp: [3, 1, [6]],
    snmp: [3, 1, [17]],
    'ping-out': [3, 1, [1]],
    'ping6-out': [3, 1, [58]],
    transit: [3, 0, [17]],
  };

/** Sends datagrams and SYNs to an address; every one is refused. */
const KNOCK = `
import socket, sys
address, datagram_port, syn_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ':' in address else socket.AF_INET
def quietly(send, *what):
  try: send(*what)
  except OSError: pass
for i in range(40):
  s = socket.socket(family, socket.SOCK_DGRAM)
  quietly(s.sendto, bytes(i * 10), (address, datagram_port))
  quietly(s.sendto, bytes(7), (address, datagram_port))
for i in range(10 if syn_port else 0):
  t = socket.socket(family, socket.SOCK_STREAM)
  t.setblocking(False)
  quietly(t.connect, (address, syn_port))
`;

/** Meters in a namespace until it is interrupted, then prints its drop records and its status. */
const METER = `
import { MessageChannel } from 'node:worker_threads';
const [base, ipfix, drops, live] = await Promise.all(process.argv.slice(2, 6).map((url) => import(url)));
const { port1, port2 } = new MessageChannel();
const rows = [];
const take = async (buffer, note) => void rows.push(...drops.droppedRows(ipfix.viewFlowBatch(buffer, note)));
base.receiveBuffers(port2, take, (error) => { throw error; });
const options = JSON.parse(process.argv[6]);
const meter = live.createLiveMeter(options, { port: port1, logger: base.silentLogger });
await meter.start();
console.log('metering');
process.once('SIGINT', async () => {
  await meter.stop();
  console.log(JSON.stringify({ rows, status: meter.status() }));
  port2.close();
});`;

function unavailable(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'not root on Linux';
  if (!captureCapability().allowed) return 'no capability';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' });
    execFileSync('nft', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'no ip netns or no nft';
  }
}

const reason = unavailable();

describe.skipIf(reason !== undefined)(`rules that log and drop, in a namespace ${reason ?? ''}`, () => {
  const here = `weir-drop-${process.pid}-a`;
  const there = `weir-drop-${process.pid}-b`;
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-drops-'));
  const ip = (...args: string[]) => execFileSync('ip', args);
  const run = (namespace: string, command: string, ...args: string[]) =>
    execFileSync('ip', ['netns', 'exec', namespace, command, ...args], { encoding: 'utf8' });

  beforeAll(() => {
    for (const namespace of [here, there]) ip('netns', 'add', namespace);
    ip('-n', here, 'link', 'add', 'veth', 'type', 'veth', 'peer', 'name', 'veth', 'netns', there);
    for (const [namespace, host] of [
      [here, '1'],
      [there, '2'],
    ] as const) {
      ip('-n', namespace, 'addr', 'add', `10.9.1.${host}/24`, 'dev', 'veth');
      ip('-n', namespace, 'addr', 'add', `fd09:1::${host}/64`, 'dev', 'veth', 'nodad');
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
      ip('-n', namespace, 'link', 'set', 'veth', 'up');
    }
    ip('-n', here, 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'inmost');
    ip('-n', here, 'link', 'set', 'inmost', 'up');
    ip('-n', here, 'addr', 'add', '10.9.2.1/24', 'dev', 'inner');
    ip('-n', here, 'link', 'set', 'inner', 'up');
    ip('-n', there, 'route', 'add', '10.9.2.0/24', 'via', '10.9.1.1');
    run(here, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward');
    run(here, 'nft', RULES);
  });
  afterAll(() => {
    for (const namespace of [here, there]) ip('netns', 'del', namespace);
    rmSync(folder, { recursive: true });
  });

  /** Packets and octets by rule, as the kernel counted them. */
  function ruleCounters(): Map<string, { frames: number; octets: number }> {
    const counters = new Map<string, { frames: number; octets: number }>();
    const text = run(here, 'nft', 'list', 'ruleset');
    for (const [, frames, octets, prefix = ''] of text.matchAll(
      /counter packets (\d+) bytes (\d+) log prefix "([^"]*)"/g,
    )) {
      counters.set(prefix.trim(), { frames: Number(frames), octets: Number(octets) });
    }
    return counters;
  }

  async function startMeter() {
    const urls = [
      import.meta.resolve('@weir/base'),
      import.meta.resolve('@weir/ipfix'),
      new URL('./dropped-row.ts', import.meta.url).href,
      new URL('./live-meter.ts', import.meta.url).href,
    ];
    const options = {
      interfaces: ['veth'],
      dropSources: [
        { kind: 'nflog', group: 5, reason: 'AccessControl', prefixReasons: { 'trust:': 'Trust' } },
        { kind: 'nflog', group: 6, reason: 'Other', prefixReasons: {} },
      ],
    };
    const script = path.join(folder, 'meter.mjs');
    writeFileSync(script, METER);
    const node = [process.execPath, script, ...urls, JSON.stringify(options)];
    const child = spawn('ip', ['netns', 'exec', here, ...node], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await expect.poll(() => output, { timeout: 20_000 }).toContain('metering');
    return async () => {
      child.kill('SIGINT');
      await once(child, 'close');
      return JSON.parse(output.slice(output.indexOf('{')));
    };
  }

  test('every frame that a rule refused is in a drop record, with reason and rule', async () => {
    const stop = await startMeter();
    const quietly = ['-c', '5', '-i', '0.02', '-W', '0.05'];
    for (const [from, address, udp, tcp] of [
      [there, '10.9.1.1', '53', '22'],
      [there, 'fd09:1::1', '53', '22'],
      [here, '10.9.1.2', '161', '25'],
      [here, 'fd09:1::2', '161', '25'],
    ] as const) {
      run(from, 'python3', '-c', KNOCK, address, udp, tcp);
      run(from, 'sh', '-c', `ping ${quietly.join(' ')} ${address} >/dev/null 2>&1; true`);
    }
    run(there, 'python3', '-c', KNOCK, '10.9.2.77', '9', '0');
    const { rows, status } = (await stop()) as {
      rows: DroppedRow[];
      status: { drops: { ledger: object; nflog: { framesLost: number }[] } };
    };
    const counters = ruleCounters();
    expect([...counters.keys()].sort()).toEqual(Object.keys(EXPECTED).sort());
    for (const [rule, counted] of counters) {
      const records = rows.filter(({ ruleName }) => ruleName === rule);
      const frames = records.reduce((sum, row) => sum + row.frames, 0);
      const octets = records.reduce((sum, row) => sum + row.octets, 0);
      expect({ rule, frames, octets }).toEqual({ rule, ...counted });
      const [expectedReason, direction, protocols] = EXPECTED[rule] ?? [0, 0, []];
      expect(new Set(records.map(({ dropReason }) => dropReason))).toEqual(new Set([expectedReason]));
      expect(new Set(records.map((row) => row.direction))).toEqual(new Set([direction]));
      expect(new Set(records.map(({ protocol }) => protocol))).toEqual(new Set(protocols));
      for (const record of records) {
        expect(record.inIf === undefined).toBe(direction === 1);
        expect(record.outIf === undefined).toBe(direction === 0 && rule !== 'transit');
        expect(record.exporter).toBe('veth');
      }
    }
    const total = [...counters.values()].reduce((sum, { frames }) => sum + frames, 0);
    // 80 datagrams of each of five kinds, 5 pings of each of four; at least 10 SYNs of each of four.
    expect(total).toBeGreaterThanOrEqual(5 * 80 + 4 * 5 + 4 * 10);
    expect(status.drops.ledger).toMatchObject({ frames: total, records: rows.length, flowsHeld: 0 });
    expect(status.drops.nflog.map(({ framesLost }) => framesLost)).toEqual([0, 0]);
  }, 40_000);
});
