/**
 * Random stacks of headers, dissected by tshark and by us: the same packets, octets, ports and TCP flags in each
 * flow. WEIR_DIFFERENTIAL_FILES=50 makes a long run of it; a failure names its seed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { FlowFields } from './flow-fields.ts';
import { meterFile } from './meter-file.ts';
import { createRows } from './trace-oracle.test-support.ts';

const FILES = Number(process.env['WEIR_DIFFERENTIAL_FILES'] ?? 3);
const FRAMES = 300;
const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const folder = mkdtempSync(path.join(tmpdir(), 'weir-frames-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Random = (below: number) => number;
const u16 = (value: number) => [(value >> 8) & 255, value & 255];
const zeros = (octets: number) => new Array<number>(octets).fill(0);
const MACS = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];

function createRandom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 8) * below) >>> 24;
  };
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random(items.length)] as Item;
}

function transport(random: Random, protocol: number): number[] {
  const ports = [...u16(random(65536)), ...u16(random(65536))];
  const rest = zeros(random(40));
  if (protocol === 6) return [...ports, ...zeros(8), 0x50, random(256), ...zeros(6), ...rest];
  if (protocol === 17) return [...ports, ...u16(8 + rest.length), 0, 0, ...rest];
  if (protocol === 132) return [...ports, ...zeros(8), 0, 3, 0, 20, ...zeros(16)];
  if (protocol === 1 || protocol === 58)
    return [pick(random, [3, 5, 8, 128, 129]), random(4), ...zeros(26), ...rest];
  return zeros(20 + random(40));
}

function ipv4(random: Random): number[] {
  const protocol = pick(random, [1, 2, 6, 6, 17, 17, 50, 89, 132, 255]);
  const options = pick(random, [[], [], [0x94, 4, 0, 0], [1, 1, 1, 1, 1, 1, 1, 0]]);
  const body = transport(random, protocol);
  const fragment = pick(random, [0, 0, 0, 0x4000, 0x2000, 185, 0x2005]);
  const header = [0x45 + options.length / 4, random(256), ...u16(20 + options.length + body.length), 0, 1];
  const addresses = [10, 0, random(4), random(256), 192, 0, 2, random(4)];
  return [...header, ...u16(fragment), 64, protocol, 0, 0, ...addresses, ...options, ...body];
}

function ipv6(random: Random): number[] {
  let next = pick(random, [6, 6, 17, 17, 50, 51, 58, 59, 89, 132, 255]);
  let body = transport(random, next);
  // tshark's fields tell one header of a kind.
  for (const extension of [60, 44, 43, 0].filter(() => random(4) === 0)) {
    const fragment = [next, 0, ...u16(pick(random, [0, 1, 8, 1480])), 0, 0, 0, 7];
    const options = [next, 1, 1, 12, ...zeros(12)];
    const route = [next, 2, 0, 1, ...zeros(20)];
    body = [...(extension === 44 ? fragment : extension === 43 ? route : options), ...body];
    next = extension;
  }
  const prefix = [0x20, 1, 0x0d, 0xb8, ...zeros(10)];
  const addresses = [...prefix, random(4), random(256), ...prefix, 0, random(4)];
  return [0x60 | random(16), random(256), 0, 0, ...u16(body.length), next, 64, ...addresses, ...body];
}

function frameOf(random: Random): number[] {
  const isIpv6 = random(2) === 0;
  let type = isIpv6 ? 0x86dd : 0x0800;
  let payload = isIpv6 ? ipv6(random) : ipv4(random);
  for (let count = random(3); count > 0; count -= 1) {
    const kind = random(5);
    if (kind === 0) {
      payload = [0, 0x40 + random(16), 0, 1, ...u16(type), ...payload];
      type = 0x892f;
    } else if (kind === 1) {
      payload = [0, 1, 0, 2, ...u16(type), ...payload];
      type = 0x8926;
    } else if (kind === 2 && (type === 0x0800 || type === 0x86dd)) {
      payload = [0, 1, random(16) << 4, 64, 0, 2, 0x11, 64, ...payload];
      type = 0x8847;
    } else {
      payload = [...u16(random(4096)), ...u16(type), ...payload];
      type = pick(random, [0x8100, 0x88a8, 0x9100]);
    }
  }
  if (random(12) === 0)
    return [...MACS, ...u16(payload.length + 8), 0xaa, 0xaa, 3, 0, 0, 0, ...u16(type), ...payload];
  const frame = [...MACS, ...u16(type), ...payload];
  return [...frame, ...zeros(Math.max(0, 60 - frame.length))];
}

function captureOf(frames: readonly number[][]): Uint8Array {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.set([2, 0, 4, 0], 4);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((frame) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, Buffer.from(frame)];
  });
  return Buffer.concat([header, ...records]);
}

const FIELDS = [
  'ip.src',
  'ip.dst',
  'ip.len',
  'ip.proto',
  'ip.frag_offset',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.plen',
  'ipv6.nxt',
  'ipv6.fraghdr.offset',
  'ipv6.hopopts.nxt',
  'ipv6.routing.nxt',
  'ipv6.fraghdr.nxt',
  'ipv6.dstopts.nxt',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.flags',
  'udp.srcport',
  'udp.dstport',
  'sctp.srcport',
  'sctp.dstport',
  'icmp.type',
  'icmp.code',
  'icmpv6.type',
  'icmpv6.code',
] as const;
type Field = (typeof FIELDS)[number];

/** What tshark says of each frame, as a flow's key, octets and flags. */
function tsharkFlows(file: string): string[] {
  const wanted = FIELDS.flatMap((field) => ['-e', field]);
  const whole = ['ip.defragment', 'ipv6.defragment', 'tcp.desegment_tcp_streams'];
  const options = whole.flatMap((name) => ['-o', `${name}:FALSE`]);
  const text = execFileSync(
    'tshark',
    ['-n', '-r', file, ...options, '-T', 'fields', '-E', 'occurrence=f', ...wanted],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26,
    },
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const cells = line.split('\t');
      return flowOf((field) => cells[FIELDS.indexOf(field)] ?? '');
    });
}

function flowOf(cell: (field: Field) => string): string {
  const isIpv4 = cell('ip.src') !== '';
  const protocol = isIpv4 ? Number(cell('ip.proto')) : lastProtocol(cell);
  const fragment = cell(isIpv4 ? 'ip.frag_offset' : 'ipv6.fraghdr.offset');
  const isLaterFragment = fragment !== '' && Number(fragment) !== 0;
  const octets = isIpv4 ? Number(cell('ip.len')) : Number(cell('ipv6.plen')) + 40;
  const addresses = isIpv4 ? [cell('ip.src'), cell('ip.dst')] : [cell('ipv6.src'), cell('ipv6.dst')];
  const ports = isLaterFragment ? [0, 0] : portsOf(cell, protocol);
  const flags = protocol === 6 && !isLaterFragment ? Number(cell('tcp.flags')) & 0xfff : 0;
  return [...addresses, protocol, ...ports, octets, flags].join(' ');
}

const NEXT: Readonly<Record<number, Field>> = {
  0: 'ipv6.hopopts.nxt',
  43: 'ipv6.routing.nxt',
  44: 'ipv6.fraghdr.nxt',
  60: 'ipv6.dstopts.nxt',
};

function lastProtocol(cell: (field: Field) => string): number {
  let protocol = Number(cell('ipv6.nxt'));
  for (let field = NEXT[protocol]; field !== undefined && cell(field) !== ''; field = NEXT[protocol]) {
    protocol = Number(cell(field));
  }
  return protocol;
}

function portsOf(cell: (field: Field) => string, protocol: number): number[] {
  const name = { 6: 'tcp', 17: 'udp', 132: 'sctp' }[protocol];
  if (name !== undefined) return ['src', 'dst'].map((end) => Number(cell(`${name}.${end}port` as Field)));
  if (protocol === 1) return [0, Number(cell('icmp.type')) * 256 + Number(cell('icmp.code'))];
  if (protocol === 58) return [0, Number(cell('icmpv6.type')) * 256 + Number(cell('icmpv6.code'))];
  return [0, 0];
}

function ownFlow(fields: FlowFields): string {
  const version = fields['sourceIPv4Address'] === undefined ? 6 : 4;
  return [
    fields[`sourceIPv${version}Address`],
    fields[`destinationIPv${version}Address`],
    fields['protocolIdentifier'],
    fields['sourceTransportPort'],
    fields['destinationTransportPort'],
    fields['octetDeltaCount'],
    fields['tcpControlBits'] ?? 0,
  ].join(' ');
}

/** Flows of several packets, so that they can be compared one by one. */
function single(flows: readonly string[]): Set<string> {
  const keyOf = (flow: string) => flow.split(' ').slice(0, 5).join(' ');
  const groups = Map.groupBy(flows, keyOf);
  return new Set(flows.filter((flow) => groups.get(keyOf(flow))?.length === 1));
}

test.skipIf(!hasTshark)(
  'tshark and we agree on random frames, or: tshark is not installed',
  async () => {
    for (let seed = 1; seed <= FILES; seed += 1) {
      const random = createRandom(seed);
      const file = path.join(folder, `${seed}.pcap`);
      writeFileSync(file, captureOf(Array.from({ length: FRAMES }, () => frameOf(random))));
      const theirs = single(tsharkFlows(file));
      const { rows, sink } = createRows();
      const { counters } = await meterFile(file, { flowsMax: 10_000 }, sink);
      sink.full();
      expect(counters.packets, `seed ${seed}`).toBe(FRAMES);
      const ours = new Set(rows.map(ownFlow));
      expect(theirs.size).toBeGreaterThan(FRAMES / 2);
      expect(
        [...theirs].filter((flow) => !ours.has(flow)),
        `seed ${seed}`,
      ).toEqual([]);
    }
  },
  60_000,
);
