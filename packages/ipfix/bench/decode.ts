/**
 * How fast datagrams become columns, on one core: `node packages/ipfix/bench/decode.ts [seconds]`.
 *
 * Two workloads: one IPv4 template of 18 fields, 21 records a datagram, as a router sends them; and 30
 * templates in turn, each with fields of variable length. CPU time of the process, not wall time.
 */
import { cpus } from 'node:os';
import { clearFlowBatch, createFlowBatch, createFlowDecoder, type TransportSession } from '../src/index.ts';

const SESSION: TransportSession = {
  exporterAddress: '192.0.2.1',
  localSocket: '0.0.0.0:4739',
  transport: 'udp',
  source: 'bench',
};
const DATAGRAMS = 512;

/** Element and length of 18 fields: 63 octets a record. */
const ROUTER_FIELDS: readonly (readonly [number, number])[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [7, 2],
  [11, 2],
  [4, 1],
  [6, 1],
  [5, 1],
  [1, 8],
  [2, 8],
  [152, 8],
  [153, 8],
  [10, 4],
  [14, 4],
  [16, 2],
  [17, 2],
  [9, 1],
  [13, 1],
];

const VARIABLE = 65535;

/** Xorshift: the same octets in every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

class Writer {
  readonly octets: number[] = [];
  u8 = (value: number) => void this.octets.push(value & 255);
  u16 = (value: number) => void this.octets.push((value >> 8) & 255, value & 255);
  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }
}

function message(sequenceNumber: number, sets: readonly number[]): Uint8Array {
  const writer = new Writer();
  writer.u16(10);
  writer.u16(16 + sets.length);
  writer.u32(1_700_000_000);
  writer.u32(sequenceNumber);
  writer.u32(1);
  return Uint8Array.from([...writer.octets, ...sets]);
}

function set(setId: number, body: readonly number[]): number[] {
  const writer = new Writer();
  writer.u16(setId);
  writer.u16(4 + body.length);
  return [...writer.octets, ...body];
}

function templateSet(templateId: number, fields: readonly (readonly [number, number])[]): number[] {
  const writer = new Writer();
  writer.u16(templateId);
  writer.u16(fields.length);
  for (const [elementId, length] of fields) {
    writer.u16(elementId);
    writer.u16(length);
  }
  return set(2, writer.octets);
}

function record(fields: readonly (readonly [number, number])[], random: () => number): number[] {
  const octets: number[] = [];
  for (const [, length] of fields) {
    const content = length === VARIABLE ? random() % 24 : length;
    if (length === VARIABLE) octets.push(content);
    for (let index = 0; index < content; index++) octets.push(random() & 255);
  }
  return octets;
}

interface Workload {
  readonly name: string;
  readonly templates: Uint8Array;
  readonly datagrams: readonly Uint8Array[];
}

function workload(
  name: string,
  templates: readonly (readonly (readonly [number, number])[])[],
  recordsPerSet: number,
): Workload {
  const random = createRandom(42);
  let sequence = 0;
  const datagrams: Uint8Array[] = [];
  for (let index = 0; index < DATAGRAMS; index++) {
    const number = index % templates.length;
    const fields = templates[number] ?? [];
    const records = Array.from({ length: recordsPerSet }, () => record(fields, random));
    datagrams.push(message(sequence, set(256 + number, records.flat())));
    sequence += recordsPerSet;
  }
  const sets = templates.flatMap((fields, number) => templateSet(256 + number, fields));
  return { name, templates: message(0, sets), datagrams };
}

/** 30 templates: the router's fields rotated and thinned, with 2 variable-length fields each. */
function mixedTemplates(): (readonly (readonly [number, number])[])[] {
  return Array.from({ length: 30 }, (_, number) => {
    const rotated = [...ROUTER_FIELDS.slice(number % 9), ...ROUTER_FIELDS.slice(0, number % 9)];
    const kept = rotated.slice(0, 12 + (number % 6));
    return [...kept.slice(0, 8), [82, VARIABLE] as const, ...kept.slice(8), [96, VARIABLE] as const];
  });
}

function measure({ name, templates, datagrams }: Workload, seconds: number): void {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch();
  let records = 0;
  const sink = {
    batch,
    full() {
      records += batch.rowCount;
      clearFlowBatch(batch);
      return batch;
    },
  };
  const arena = arenaOf(datagrams);
  decoder.decodeDatagram(templates, SESSION, 1_700_000_000_000, sink);
  const pass = () => {
    for (const datagram of arena) decoder.decodeDatagram(datagram, SESSION, 1_700_000_000_000, sink);
  };
  for (let warm = 0; warm < 200; warm++) pass();
  records = 0;
  const from = process.cpuUsage();
  const until = performance.now() + seconds * 1000;
  let passes = 0;
  while (performance.now() < until) {
    pass();
    passes += 1;
  }
  const spent = process.cpuUsage(from);
  const cpuSeconds = (spent.user + spent.system) / 1e6;
  const problems = decoder.counters().problems;
  const rate = records / cpuSeconds / 1e6;
  console.log(
    `${name.padEnd(34)} ${rate.toFixed(1).padStart(6)} M records/s  ${(1 / rate).toFixed(3)} CPU s/M  ` +
      `${((passes * datagrams.length) / cpuSeconds / 1e3).toFixed(0).padStart(6)} k datagrams/s  ${problems} problems`,
  );
}

/** All datagrams side by side in one buffer, as a receiver's arena has them. */
function arenaOf(datagrams: readonly Uint8Array[]): Uint8Array[] {
  const arena = new Uint8Array(datagrams.reduce((sum, datagram) => sum + datagram.length, 0));
  let at = 0;
  return datagrams.map((datagram) => {
    arena.set(datagram, at);
    at += datagram.length;
    return arena.subarray(at - datagram.length, at);
  });
}

const seconds = Number(process.argv[2] ?? 3);
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`);
measure(workload('18 fields, IPv4, 21 records a Set', [ROUTER_FIELDS], 21), seconds);
measure(workload('30 templates, variable length', mixedTemplates(), 18), seconds);
