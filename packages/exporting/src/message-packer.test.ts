import {
  clearFlowBatch,
  createFlowBatch,
  createFlowDecoder,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowBatch,
  type FlowColumnName,
  isPresent,
  u64AsBigInt,
} from '@weir/ipfix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTemplateRegistry, STANDARD_COLUMNS } from './export-template.ts';
import { batchOf, type FlowFixture, setColumn } from './flow-fixture.ts';
import { createMessagePacker, type MessagePacker } from './message-packer.ts';
import type { Direction } from './profile-properties.ts';
import { createRowClassifier, type RowClassifier } from './row-classifier.ts';
import { encodeTemplates } from './template-message.ts';

/** What a packer handed over, with the templates of each message before it. */
interface Packed {
  readonly packer: MessagePacker;
  readonly classifier: RowClassifier;
  readonly messages: {
    bytes: Uint8Array;
    recordCount: number;
    octets: number;
    packets: number;
    templateIds: number[];
  }[];
  readonly datagrams: Uint8Array[];
}

function createPacked(messageOctetsMax: number, direction: Direction = 'Both'): Packed {
  const registry = createTemplateRegistry();
  const classifier = createRowClassifier(registry, direction);
  const announced = new Set<number>();
  const datagrams: Uint8Array[] = [];
  const messages: Packed['messages'] = [];
  const packer = createMessagePacker({
    classifier,
    observationDomainId: 7,
    messageOctetsMax,
    systemInitTimeMs: 1_700_000_000_000,
    emit({ bytes, offset, length, recordCount, octets, packets, templates }) {
      const unknown = templates.filter(({ templateId }) => !announced.has(templateId));
      for (const message of encodeTemplates(unknown, 7, messageOctetsMax)) datagrams.push(message.bytes);
      for (const { templateId } of unknown) announced.add(templateId);
      const copy = bytes.slice(offset, offset + length);
      datagrams.push(copy);
      const templateIds = templates.map(({ templateId }) => templateId);
      messages.push({ bytes: copy, recordCount, octets, packets, templateIds });
    },
  });
  return { packer, classifier, messages, datagrams };
}

type Row = Partial<Record<FlowColumnName, bigint>> & { extra?: string };

function valueAt(batch: FlowBatch, name: FlowColumnName, row: number): bigint {
  const column = batch.columns[name];
  return column.length === batch.capacity * 2
    ? u64AsBigInt(column as Uint32Array, row)
    : BigInt(column[row] ?? 0);
}

/** What the collector adds itself, the columns behind `extraLayout` above all, and what the addresses say. */
const NOT_EXPORTED: readonly string[] = [
  'receivedAt',
  'exporter',
  'ipVersion',
  ...FLOW_COLUMNS.slice(FLOW_COLUMN_INDEX.extraLayout).map(({ name }) => name),
];

function rowOf(batch: FlowBatch, row: number): Row {
  const values: Row = {};
  for (const { name } of FLOW_COLUMNS) {
    if (!NOT_EXPORTED.includes(name) && isPresent(batch, name, row)) values[name] = valueAt(batch, name, row);
  }
  return values;
}

const SYSTEM_UPTIMES: readonly number[] = [21, 22];

/** The extra fields of a row as `element:hex`, without the uptimes that repeat the absolute times. */
function extraOf(batch: FlowBatch, row: number): string {
  if (!isPresent(batch, 'extraLayout', row)) return '';
  const layout = batch.layouts[batch.columns.extraLayout[row] ?? -1] ?? [];
  let position = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  const fields: string[] = [];
  for (const { elementId, enterpriseNumber, length } of layout) {
    const from = position;
    position += length === 65535 ? 1 + (batch.extra[position] ?? 0) : length;
    const octets = Buffer.from(batch.extra.subarray(from, position)).toString('hex');
    if (enterpriseNumber !== 0 || !SYSTEM_UPTIMES.includes(elementId)) {
      fields.push(`${enterpriseNumber}/${elementId}:${octets}`);
    }
  }
  return fields.join(' ');
}

function decode(datagrams: readonly Uint8Array[]): { rows: Row[]; problems: string[] } {
  const rows: Row[] = [];
  const problems: string[] = [];
  const batch = createFlowBatch(4096);
  function takeRows(): void {
    for (let row = 0; row < batch.rowCount; row += 1) {
      rows.push({ ...rowOf(batch, row), extra: extraOf(batch, row) });
    }
    clearFlowBatch(batch);
  }
  const sink = {
    batch,
    full() {
      takeRows();
      return batch;
    },
    problem: ({ code, message }: { code: string; message: string }) =>
      void problems.push(`${code}: ${message}`),
  };
  const decoder = createFlowDecoder();
  const session = {
    exporterAddress: '192.0.2.1',
    localSocket: '[::]:4739',
    transport: 'udp',
    source: 't',
  } as const;
  for (const datagram of datagrams) decoder.decodeDatagram(datagram, session, 1_800_000_000_000, sink);
  takeRows();
  return { rows, problems };
}

const IPV4_MAPPED = 0xffffn << 32n;

function isMapped(high: bigint, low: bigint): boolean {
  return high === 0n && low >> 32n === 0xffffn;
}

const GROUPS: readonly (readonly FlowColumnName[])[] = [
  ['srcMac', 'dstMac'],
  ['srcAs', 'dstAs'],
  ['srcMask', 'dstMask'],
  ['nextHopHi', 'nextHopLo'],
  ['reverseOctets', 'reversePackets'],
];

/** What a collector must see of a row: the naive model of the packer. */
function expectedRow(batch: FlowBatch, row: number): Row {
  const expected: Row = { ...rowOf(batch, row), extra: extraOf(batch, row) };
  for (const name of STANDARD_COLUMNS) expected[name] ??= 0n;
  for (const group of GROUPS) {
    if (group.some((name) => expected[name] !== undefined)) for (const name of group) expected[name] ??= 0n;
  }
  const addresses = [
    [expected.srcAddrHi ?? 0n, expected.srcAddrLo ?? 0n],
    [expected.dstAddrHi ?? 0n, expected.dstAddrLo ?? 0n],
  ] as const;
  const zero = ([high, low]: readonly [bigint, bigint]) => high === 0n && low === 0n;
  const isIpv4 =
    addresses.some(([high, low]) => isMapped(high, low)) &&
    addresses.every((address) => isMapped(...address) || zero(address));
  if (isIpv4) {
    if (zero(addresses[0])) expected.srcAddrLo = IPV4_MAPPED;
    if (zero(addresses[1])) expected.dstAddrLo = IPV4_MAPPED;
  }
  if (expected.protocol !== 6n) delete expected.tcpFlags;
  if (expected.protocol !== (isIpv4 ? 1n : 58n)) delete expected.icmpTypeCode;
  return expected;
}

/** A decoder takes ICMP's type and code from the ports where a record has no element for them. */
function withoutDerivedIcmp(row: Row): Row {
  const isIpv4 =
    isMapped(row.srcAddrHi ?? 0n, row.srcAddrLo ?? 0n) && isMapped(row.dstAddrHi ?? 0n, row.dstAddrLo ?? 0n);
  const { icmpTypeCode, ...others } = row;
  return icmpTypeCode === undefined || row.protocol === (isIpv4 ? 1n : 58n) ? row : others;
}

/** Rows have no order between templates. */
function sorted(rows: readonly Row[]): string[] {
  const text = (row: Row) =>
    JSON.stringify(
      Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)),
      (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value),
    );
  return rows.map(text).sort();
}

const U32 = fc.integer({ min: 0, max: 0xffffffff });
/** ::/0 in two halves; half of them IPv4-mapped, so that both families meet. */
const address = fc.oneof(
  fc.tuple(
    fc.constant(0n),
    U32.map((low) => IPV4_MAPPED | BigInt(low)),
  ),
  fc.tuple(fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
);
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });

function columnValue(name: FlowColumnName, type: string): fc.Arbitrary<bigint> {
  if (name === 'protocol') return fc.constantFrom(1n, 6n, 17n, 58n, 47n, 0n, 255n);
  if (name === 'flowStart' || name === 'flowEnd') return timeMs.map(BigInt);
  if (name === 'srcMac' || name === 'dstMac') return fc.bigInt({ min: 0n, max: 2n ** 48n - 1n });
  if (name === 'samplingRate') return fc.bigInt({ min: 1n, max: 2n ** 32n - 1n });
  const bits = BigInt(type.slice(1));
  return fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
}

const ADDRESS_COLUMNS = ['srcAddr', 'dstAddr', 'nextHop'] as const;

const plainColumns = Object.fromEntries(
  FLOW_COLUMNS.filter(({ name }) => !NOT_EXPORTED.includes(name) && !/(Hi|Lo)$/.test(name)).map(
    ({ name, type }) => [name, columnValue(name, type)],
  ),
);
const generatedRow = fc.record(
  {
    ...plainColumns,
    srcAddr: address,
    dstAddr: address,
    nextHop: address,
    layout: fc.constantFrom(0, 1, 2),
    extra: fc.uint8Array({ maxLength: 20 }),
  },
  { requiredKeys: ['extra'] },
);
type GeneratedRow = typeof generatedRow extends fc.Arbitrary<infer Value> ? Value : never;

/** Fixed, variable and of an enterprise. */
const LAYOUTS = [
  [{ enterpriseNumber: 0, elementId: 31, length: 4 }],
  [{ enterpriseNumber: 0, elementId: 96, length: 65535 }],
  [
    { enterpriseNumber: 35632, elementId: 77, length: 3 },
    { enterpriseNumber: 0, elementId: 82, length: 65535 },
  ],
];

function extraOctets(layout: number, octets: Uint8Array): Uint8Array {
  if (layout === 0) return Uint8Array.from([0, 0, 1, octets.length]);
  const variable = Uint8Array.from([octets.length, ...octets]);
  return layout === 1 ? variable : Uint8Array.from([1, 2, 3, ...variable]);
}

function setWords(batch: FlowBatch, row: number, name: FlowColumnName, value: bigint): void {
  setColumn(batch, row, name, 0);
  const column = batch.columns[name] as Uint32Array;
  column[row * 2] = Number(value & 0xffffffffn);
  column[row * 2 + 1] = Number(value >> 32n);
}

function fillRow(batch: FlowBatch, generated: GeneratedRow): void {
  const row = batch.rowCount;
  batch.rowCount += 1;
  const values = generated as Record<string, unknown>;
  for (const { name, type } of FLOW_COLUMNS) {
    const value = values[name];
    // What is absent holds rubbish: validity alone says what counts.
    if (typeof value === 'bigint') {
      if (type === 'u64') setWords(batch, row, name, value);
      else setColumn(batch, row, name, Number(value));
    } else batch.columns[name].fill(0x5a, row, row + 1);
  }
  for (const name of ADDRESS_COLUMNS) {
    const halves = generated[name];
    if (halves === undefined) continue;
    setWords(batch, row, `${name}Hi`, halves[0]);
    setWords(batch, row, `${name}Lo`, halves[1]);
  }
  const start = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  batch.extraEnd[row] = start;
  if (generated.layout === undefined) return;
  setColumn(batch, row, 'extraLayout', generated.layout);
  const octets = extraOctets(generated.layout, generated.extra);
  batch.extra.set(octets, start);
  batch.extraEnd[row] = start + octets.length;
}

function generatedBatch(rows: readonly GeneratedRow[]): FlowBatch {
  const batch = createFlowBatch(256);
  batch.layouts.push(...LAYOUTS);
  for (const row of rows) fillRow(batch, row);
  return batch;
}

const NOW = 1_700_000_500_000;
const tcp: FlowFixture = {
  source: '10.0.0.1',
  destination: '192.0.2.1',
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 443,
  octets: 1500,
  packets: 3,
  startMs: NOW - 900,
  endMs: NOW,
  direction: 1,
};

describe('the inverse of decoding', () => {
  test('what a decoder reads equals the batch', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(generatedRow, { maxLength: 200 }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 512, max: 3000 }),
        (batches, messageOctetsMax) => {
          const packed = createPacked(messageOctetsMax);
          const expected: Row[] = [];
          for (const rows of batches) {
            const batch = generatedBatch(rows);
            for (let row = 0; row < batch.rowCount; row += 1) expected.push(expectedRow(batch, row));
            packed.packer.pack(batch, NOW);
          }
          packed.packer.flush();
          const { rows, problems } = decode(packed.datagrams);
          expect(problems).toEqual([]);
          expect(sorted(rows.map(withoutDerivedIcmp))).toEqual(sorted(expected));
          expect(packed.packer.counters).toEqual({
            recordsPacked: expected.length,
            messagesPacked: packed.messages.length,
            recordsTooLong: 0,
          });
          for (const { bytes } of packed.messages) expect(bytes.length).toBeLessThanOrEqual(messageOctetsMax);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a message says how many records, packets and octets it carries', () => {
    const packed = createPacked(1400);
    packed.packer.pack(batchOf(Array.from({ length: 100 }, (_, i) => ({ ...tcp, octets: 40 + i }))), NOW);
    packed.packer.flush();
    const sum = (pick: (message: Packed['messages'][number]) => number) =>
      packed.messages.reduce((total, message) => total + pick(message), 0);
    expect(sum(({ recordCount }) => recordCount)).toBe(100);
    expect(sum(({ packets }) => packets)).toBe(300);
    expect(sum(({ octets }) => octets)).toBe(40 * 100 + 4950);
  });
});

describe('messages', () => {
  test('are as full as the size allows, and the last waits', () => {
    const packed = createPacked(1400);
    packed.packer.pack(batchOf(Array.from({ length: 64 }, () => tcp)), NOW);
    const recordOctets = createTemplateRegistry().templateFor(0, 0).recordOctets;
    const perMessage = Math.floor((1400 - 20) / recordOctets);
    expect(packed.messages.map(({ recordCount }) => recordCount)).toEqual(
      new Array(Math.floor(64 / perMessage)).fill(perMessage),
    );
    expect(packed.packer.openSinceMs).toBe(NOW);
    packed.packer.flush();
    expect(packed.packer.openSinceMs).toBeUndefined();
    expect(packed.messages.at(-1)?.recordCount).toBe(64 % perMessage);
    packed.packer.flush();
    expect(packed.packer.counters.messagesPacked).toBe(packed.messages.length);
  });

  test('begin with the header of RFC 7011 and have one Set a template and batch', () => {
    const packed = createPacked(1400);
    const udp: FlowFixture = { ...tcp, protocol: 17 };
    packed.packer.pack(batchOf([tcp, udp, tcp, udp]), NOW);
    packed.packer.flush();
    const [message] = packed.messages;
    const view = new DataView((message?.bytes ?? new Uint8Array(16)).buffer);
    expect(view.getUint16(0)).toBe(10);
    expect(view.getUint16(2)).toBe(message?.bytes.length);
    expect(view.getUint32(12)).toBe(7);
    expect(message?.templateIds).toEqual([256, 257]);
    expect(view.getUint16(16)).toBe(256);
    expect(view.getUint16(16 + view.getUint16(18))).toBe(257);
  });

  test('a smaller path takes effect with the next message', () => {
    const packed = createPacked(1400);
    const batch = batchOf(Array.from({ length: 64 }, () => tcp));
    packed.packer.pack(batch, NOW);
    packed.packer.messageOctetsMax = 600;
    const before = packed.messages.length;
    packed.packer.pack(batch, NOW);
    packed.packer.flush();
    for (const { bytes } of packed.messages.slice(before + 1)) expect(bytes.length).toBeLessThanOrEqual(600);
    expect(decode(packed.datagrams).rows.length).toBe(128);
  });

  test('a record whose extra fields do not fit goes out without them, and is counted', () => {
    const packed = createPacked(512);
    const batch = batchOf([tcp]);
    batch.layouts.push([{ enterpriseNumber: 0, elementId: 96, length: 65535 }]);
    setColumn(batch, 0, 'extraLayout', 0);
    batch.extra.set([255, 600 >> 8, 600 & 0xff]);
    batch.extraEnd[0] = 603;
    packed.packer.pack(batch, NOW);
    packed.packer.flush();
    expect(packed.packer.counters).toEqual({ recordsPacked: 1, messagesPacked: 1, recordsTooLong: 1 });
    expect(decode(packed.datagrams).rows).toHaveLength(1);
  });

  test('octets that contradict their layout are left out, and counted', () => {
    const packed = createPacked(1400);
    const batch = batchOf([tcp, tcp]);
    batch.layouts.push([{ enterpriseNumber: 0, elementId: 31, length: 4 }]);
    setColumn(batch, 0, 'extraLayout', 0);
    setColumn(batch, 1, 'extraLayout', 9);
    batch.extraEnd[0] = 3;
    batch.extraEnd[1] = 3;
    packed.packer.pack(batch, NOW);
    packed.packer.flush();
    expect(packed.classifier.counters.recordsWithoutExtra).toBe(2);
    expect(decode(packed.datagrams).rows.map(({ extra }) => extra)).toEqual(['', '']);
  });
});

describe('Direction', () => {
  const DROPPED = 0x80;
  const flows: FlowFixture[] = [
    { ...tcp, direction: 0, sourcePort: 1 },
    { ...tcp, direction: 1, sourcePort: 2 },
    { ...tcp, direction: 0, sourcePort: 3, columns: { forwardingStatus: DROPPED | 5 } },
    { ...tcp, direction: 1, sourcePort: 4, columns: { forwardingStatus: DROPPED } },
    { ...tcp, direction: 0, sourcePort: 5, columns: { forwardingStatus: 0x40 } },
    { ...omitDirection(tcp), sourcePort: 6 },
    { ...omitDirection(tcp), sourcePort: 7, columns: { forwardingStatus: DROPPED } },
  ];

  function omitDirection({ direction: _, ...flow }: FlowFixture): FlowFixture {
    return flow;
  }

  test.each([
    ['Both', [1n, 2n, 3n, 4n, 5n, 6n, 7n], 0, 0],
    ['SendingToPeer', [2n, 3n, 4n, 7n], 2, 1],
    ['ReceivedFromPeer', [1n, 3n, 4n, 5n, 7n], 1, 1],
  ] as const)('%s', (direction, ports, otherDirection, withoutDirection) => {
    const packed = createPacked(1400, direction);
    packed.packer.pack(batchOf(flows), NOW);
    packed.packer.flush();
    const seen = decode(packed.datagrams).rows.map(({ srcPort }) => srcPort);
    expect(seen.sort()).toEqual([...ports]);
    expect(packed.classifier.counters).toMatchObject({
      recordsOfOtherDirection: otherDirection,
      recordsWithoutDirection: withoutDirection,
    });
  });
});

test('absent values go out as zeros, whatever the column holds', () => {
  const packed = createPacked(1400);
  const batch = batchOf([tcp]);
  batch.columns.tos[0] = 99;
  batch.columns.forwardingStatus[0] = 0x80;
  packed.packer.pack(batch, NOW);
  packed.packer.flush();
  expect(decode(packed.datagrams).rows[0]).toMatchObject({ tos: 0n, forwardingStatus: 0n });
  expect(batch.validity[FLOW_COLUMN_INDEX.tos]?.[0]).toBe(0);
});
