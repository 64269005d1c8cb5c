import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock, silentLogger } from '@weir/base';
import {
  createRecordDecoder,
  type DecodedRecord,
  type ExtraLayout,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  setPresent,
  WEIR_ENTERPRISE_NUMBER,
} from '@weir/ipfix';
import { afterAll, describe, expect, test } from 'vitest';
import { type CollectorFixture, createCollectorFixture, transportsOf } from './collector-fixture.ts';
import { createExporter, type Exporter } from './exporter.ts';
import { batchOf, type FlowFixture } from './flow-fixture.ts';
import { parseProfile } from './profile.ts';

const START_MS = 1_700_000_000_000;
const folder = mkdtempSync(join(tmpdir(), 'weir-treatment-'));
const keyFile = join(folder, 'key');
writeFileSync(keyFile, 'boojahyoo3vaeToong0Eijee7Ahz3yee');
afterAll(() => rmSync(folder, { recursive: true }));

function flow(octets: number, more: Partial<FlowFixture> = {}): FlowFixture {
  return { source: '192.0.2.1', destination: '198.51.100.7', protocol: 17, octets, packets: 1, ...more };
}

interface Received {
  readonly flows: DecodedRecord[];
  readonly options: DecodedRecord[];
  readonly problems: string[];
}

function read({ datagrams }: CollectorFixture): Received {
  const received: Received = { flows: [], options: [], problems: [] };
  const session = {
    exporterAddress: '192.0.2.9',
    localSocket: 'test',
    transport: 'udp',
    source: 'test',
  } as const;
  const decoder = createRecordDecoder();
  for (const datagram of datagrams) {
    decoder.decodeDatagram(datagram, session, START_MS, {
      record: (record) => void (record.scope === undefined ? received.flows : received.options).push(record),
      problem: ({ message }) => void received.problems.push(message),
    });
  }
  return received;
}

interface Bench {
  readonly exporter: Exporter;
  readonly collectors: readonly CollectorFixture[];
}

async function start(entries: readonly object[], randoms: number[] = []): Promise<Bench> {
  const collectors = entries.map(createCollectorFixture);
  const metadata = {
    IpFixCollectors: entries.map((entry, index) => ({ Address: `Udp/192.0.2.${index + 1}:4739`, ...entry })),
  };
  const profile = parseProfile(JSON.stringify({ FlowMetadata: metadata }), 'test.profile');
  const exporter = createExporter(profile, {
    logger: silentLogger,
    clock: createManualClock(START_MS),
    createTransport: ({ text }) => {
      const index = metadata.IpFixCollectors.findIndex(({ Address }) => Address === text);
      return transportsOf(collectors.slice(index))(profile.collectors[0]!);
    },
    random: () => randoms.shift() ?? 0.999,
  });
  await exporter.start();
  return { exporter, collectors };
}

const octetsOf = ({ flows }: Received) => flows.map(({ fields }) => fields['octetDeltaCount']);

/** Adds fields without a column to the row: of these elements, with these octets. */
function setExtra(batch: FlowBatch, row: number, layout: ExtraLayout, octets: readonly number[]): void {
  const before = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  batch.columns.extraLayout[row] = batch.layouts.push(layout) - 1;
  setPresent(batch, FLOW_COLUMN_INDEX.extraLayout, row, row + 1);
  batch.extra.set(octets, before);
  for (let after = row; after < batch.rowCount; after += 1) batch.extraEnd[after] = before + octets.length;
}

describe('sampling', () => {
  const dropped = { columns: { forwardingStatus: 0x80 } };

  test('deterministic: every third record, all of drops, and said so; others get all', async () => {
    const { exporter, collectors } = await start([{}, { Sampling: { Deterministic: 3 } }]);
    const flows = [1, 2, 3, 4, 5, 6, 7].map((octets) => flow(octets));
    exporter.export(batchOf([...flows, flow(100, dropped), flow(101, dropped)]));
    await exporter.stop();
    const [all, sample] = collectors.map(read);
    expect(all && octetsOf(all)).toEqual([1, 2, 3, 4, 5, 6, 7, 100, 101]);
    expect(sample && octetsOf(sample)).toEqual([1, 4, 7, 100, 101]);
    const said = sample?.options.filter(({ fields }) => 'flowSelectorAlgorithm' in fields);
    expect(said?.at(-1)).toMatchObject({
      scope: { observationDomainId: 1, selectorId: 1 },
      fields: {
        flowSelectorAlgorithm: 1,
        samplingFlowInterval: 1,
        samplingFlowSpacing: 2,
        selectorIDTotalFlowsObserved: 7,
        selectorIDTotalFlowsSelected: 3,
      },
    });
    expect(all?.options.some(({ fields }) => 'flowSelectorAlgorithm' in fields)).toBe(false);
    expect([...(all?.problems ?? []), ...(sample?.problems ?? [])]).toEqual([]);
    expect(exporter.counters()).toMatchObject({ recordsTaken: 9, recordsPacked: 14, recordsNotSampled: 4 });
    expect(exporter.collectors().map(({ counters }) => counters.flowsSent)).toEqual([9, 5]);
  });

  test('random: each with its probability, and said so', async () => {
    const { exporter, collectors } = await start([{ Sampling: { Random: 4 } }], [0.1, 0.3, 0.24, 0.9]);
    exporter.export(batchOf([1, 2, 3, 4].map((octets) => flow(octets))));
    await exporter.stop();
    const [sample] = collectors.map(read);
    expect(sample && octetsOf(sample)).toEqual([1, 3]);
    expect(sample?.options.findLast(({ fields }) => 'samplingProbability' in fields)?.fields).toMatchObject({
      flowSelectorAlgorithm: 4,
      samplingProbability: 0.25,
      selectorIDTotalFlowsObserved: 4,
      selectorIDTotalFlowsSelected: 2,
    });
  });
});

describe('anonymisation', () => {
  test('maps the addresses of that collector alone, and says so of each template', async () => {
    const { exporter, collectors } = await start([{}, { Anonymisation: { CryptoPan: keyFile } }]);
    const batch = batchOf([
      flow(1, { columns: { flowId: 99, srcMac: 7, dstMac: 8 } }),
      flow(2, { source: '2001:db8::1', destination: '2001:db8::2' }),
    ]);
    exporter.export(batch);
    await exporter.stop();
    const [plain, hidden] = collectors.map(read);
    expect(plain?.flows[0]?.fields).toMatchObject({ sourceIPv4Address: '192.0.2.1' });
    expect(hidden?.flows[0]?.fields).toMatchObject({ sourceIPv4Address: '206.2.124.120' });
    expect(plain?.flows.find(({ fields }) => 'flowId' in fields)).toBeDefined();
    expect(hidden?.flows.some(({ fields }) => 'flowId' in fields || 'sourceMacAddress' in fields)).toBe(
      false,
    );
    const ipv6 = hidden?.flows.find(({ fields }) => 'sourceIPv6Address' in fields)?.fields;
    expect(ipv6?.['sourceIPv6Address']).not.toContain('2001:db8');
    const said = hidden?.options.filter(({ fields }) => 'anonymizationTechnique' in fields) ?? [];
    expect(said).toContainEqual(
      expect.objectContaining({
        observationDomainId: 1,
        scope: { templateId: 257, informationElementId: 8 },
        fields: { anonymizationFlags: 3, anonymizationTechnique: 6 },
      }),
    );
    expect(plain?.options.some(({ fields }) => 'anonymizationTechnique' in fields)).toBe(false);
    expect(hidden?.problems).toEqual([]);
  });

  test('truncation', async () => {
    const { exporter, collectors } = await start([{ Anonymisation: { TruncateIPv4: 24, TruncateIPv6: 48 } }]);
    exporter.export(batchOf([flow(1), flow(2, { source: '2001:db8:1:2::3', destination: '::' })]));
    await exporter.stop();
    const [hidden] = collectors.map(read);
    expect(hidden?.flows.map(({ fields }) => fields)).toMatchObject([
      { sourceIPv4Address: '192.0.2.0', destinationIPv4Address: '198.51.100.0' },
      { sourceIPv6Address: '2001:db8:1::', destinationIPv6Address: '::' },
    ]);
  });

  test('leaves out names and addresses among the fields without a column', async () => {
    const { exporter, collectors } = await start([{}, { Anonymisation: { CryptoPan: keyFile } }]);
    const batch = batchOf([flow(1), flow(2), flow(3)]);
    const ours = (elementId: number, length: number) => ({
      enterpriseNumber: WEIR_ENTERPRISE_NUMBER,
      elementId,
      length,
    });
    // ruleName, peerName, tcpRetransmittedPackets; then peerName alone.
    setExtra(batch, 0, [ours(2, 65535), ours(3, 65535), ours(12, 4)], [1, 0x72, 2, 0x70, 0x71, 0, 0, 0, 5]);
    setExtra(batch, 1, [ours(3, 65535)], [1, 0x70]);
    exporter.export(batch);
    await exporter.stop();
    const [plain, hidden] = collectors.map(read);
    const rows = ({ flows }: Received) =>
      flows
        .map(({ fields }) => fields)
        .sort((a, b) => Number(a['octetDeltaCount']) - Number(b['octetDeltaCount']));
    expect(plain && rows(plain)).toMatchObject([
      { ruleName: 'r', peerName: 'pq', tcpRetransmittedPackets: 5 },
      { peerName: 'p' },
      {},
    ]);
    expect(hidden && rows(hidden)[0]).toMatchObject({ ruleName: 'r', tcpRetransmittedPackets: 5 });
    expect(hidden?.flows.some(({ fields }) => 'peerName' in fields)).toBe(false);
    expect(hidden?.flows).toHaveLength(3);
    expect(hidden?.problems).toEqual([]);
  });

  test.each([
    ['short', 'x', 'found 1 octets, allowed: 32 octets, or 64 hexadecimal digits'],
    ['missing', undefined, 'no such file'],
  ])('a key file that is %s is said before anything starts', async (name, text, message) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    await expect(start([{ Anonymisation: { CryptoPan: path } }])).rejects.toMatchObject({
      code: 'key_unreadable',
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });

  test('a key in hexadecimal digits is the same key', async () => {
    const hex = join(folder, 'hex');
    writeFileSync(hex, `0x${Buffer.from('boojahyoo3vaeToong0Eijee7Ahz3yee').toString('hex')}\n`);
    const { exporter, collectors } = await start([{ Anonymisation: { CryptoPan: hex } }]);
    exporter.export(batchOf([flow(1)]));
    await exporter.stop();
    const [hidden] = collectors.map(read);
    expect(hidden?.flows[0]?.fields).toMatchObject({ sourceIPv4Address: '206.2.124.120' });
  });
});

test('what the meter holds and dropped is told, its elements before', async () => {
  const collector = createCollectorFixture();
  const profile = parseProfile('{"FlowMetadata":{"IpFixCollectors":["Udp/192.0.2.1:4739"]}}', 'test.profile');
  const exporter = createExporter(profile, {
    logger: silentLogger,
    clock: createManualClock(START_MS),
    createTransport: transportsOf([collector]),
    meteringState: () => ({ cacheFlows: 3, cacheFlowsPeak: 9, droppedPackets: 5, droppedOctets: 500 }),
    meteringLoss: () => ({ ignoredPackets: 1, ignoredOctets: 60, firstMs: START_MS, lastMs: START_MS }),
  });
  await exporter.start();
  await exporter.stop();
  const { options, problems } = read(collector);
  expect(options.map(({ fields }) => fields['informationElementName']).filter(Boolean)).toEqual([
    'flowCacheEntries',
    'flowCachePeakEntries',
  ]);
  expect(options.find(({ fields }) => 'flowCacheEntries' in fields)).toMatchObject({
    scope: { observationDomainId: 1 },
    fields: {
      flowCacheEntries: 3,
      flowCachePeakEntries: 9,
      droppedPacketTotalCount: 5,
      droppedOctetTotalCount: 500,
    },
  });
  expect(options.find(({ fields }) => 'ignoredPacketTotalCount' in fields)).toBeDefined();
  expect(problems).toEqual([]);
});

describe('type information (RFC 5610)', () => {
  test('of our elements comes before the template that uses them, and none without', async () => {
    const { exporter, collectors } = await start([{}]);
    const batch = batchOf([flow(1)]);
    const layout = [{ enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId: 12, length: 4 }];
    setExtra(batch, 0, layout, [0, 0, 0, 5]);
    const before = read(collectors[0]!).options;
    expect(before.some(({ fields }) => 'informationElementName' in fields)).toBe(false);
    exporter.export(batch);
    await exporter.stop();
    const received = read(collectors[0]!);
    expect(received.options.find(({ fields }) => 'informationElementName' in fields)).toMatchObject({
      scope: { privateEnterpriseNumber: WEIR_ENTERPRISE_NUMBER, informationElementId: 12 },
      fields: {
        informationElementName: 'tcpRetransmittedPackets',
        informationElementDataType: 3,
        informationElementSemantics: 3,
        informationElementUnits: 3,
      },
    });
    expect(received.problems).toEqual([]);
  });
});

describe('times', () => {
  test('Absolute: no system uptimes, and Template IDs that mean nothing else', async () => {
    const { exporter, collectors } = await start([{}, { Times: 'Absolute' }]);
    const batch = batchOf([1, 2, 3].map((octets) => flow(octets, { direction: 1 })));
    setExtra(batch, 1, [{ enterpriseNumber: 0, elementId: 210, length: 1 }], [7]);
    exporter.export(batch);
    await exporter.stop();
    const [both, absolute] = collectors.map(read);
    expect(both?.flows.map(({ templateId }) => templateId)).toEqual([257, 257, 36_864]);
    expect(absolute?.flows.map(({ templateId }) => templateId)).toEqual([65_534, 65_534, 1792]);
    const uptimes = ['flowStartSysUpTime', 'flowEndSysUpTime'];
    expect(Object.keys(both?.flows[0]?.fields ?? {})).toEqual(expect.arrayContaining(uptimes));
    for (const { fields } of absolute?.flows ?? []) {
      expect(Object.keys(fields)).not.toEqual(expect.arrayContaining(uptimes));
      expect(fields).toHaveProperty('flowStartMilliseconds');
      expect(fields).toHaveProperty('flowEndMilliseconds');
    }
  });
});
