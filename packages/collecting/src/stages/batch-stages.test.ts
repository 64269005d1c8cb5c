import { isPresent, type OptionsRecord, VARIABLE_LENGTH, WEIR_ENTERPRISE_NUMBER } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { parsePrefix, rangesOfPrefixes } from '../addresses/address-ranges.ts';
import { countryNumber } from '../addresses/country-code.ts';
import { createOriginTable, NO_RANGES } from '../addresses/origin-table.ts';
import { networkTableOf, userTableOf } from '../enrichment/prefix-tables.ts';
import { createExporterKnowledge } from '../exporter-knowledge.ts';
import { type BatchStagesOptions, createBatchStages } from './batch-stages.ts';
import { batchOf, field, labelOf, numberOf, type ToldRecord } from './stages.test-support.ts';

const SESSIONS = {
  pairing: true,
  deduplication: true,
  windowSeconds: 6,
  sessionsMax: 1000,
  acrossExporters: false,
};
const TCP = { protocol: 6, srcPort: 40_000, dstPort: 443 };

function rangesOf(entries: Record<string, number>) {
  return rangesOfPrefixes(Object.entries(entries).flatMap(([text, value]) => parsePrefix(text, value) ?? []));
}

function run(records: readonly ToldRecord[], options: Partial<BatchStagesOptions> = {}) {
  const stages = createBatchStages({
    sessions: SESSIONS,
    names: createExporterKnowledge(),
    tables: {},
    hostNames: true,
    ...options,
  });
  const batch = batchOf(records);
  stages.apply(batch, 0, batch.rowCount);
  return { batch, stages };
}

test('in a hurry, records keep their names and go without sessions and origins', () => {
  const origins = createOriginTable(rangesOf({ '198.51.100.0/24': countryNumber('NZ') }), NO_RANGES);
  const networks = networkTableOf('prefix,network\n198.51.100.0/24,branch\n', 'networks.csv');
  const options = {
    sessions: SESSIONS,
    names: createExporterKnowledge(),
    tables: { origins, networks },
    hostNames: true,
  };
  const present = (hurried: boolean) => {
    const batch = batchOf([{ src: '198.51.100.1', dst: '10.0.0.1', columns: TCP }]);
    createBatchStages(options).finish(batch, hurried);
    return (['srcNetwork', 'srcCountry', 'sessionId'] as const).map((name) => isPresent(batch, name, 0));
  };
  expect(present(false)).toEqual([true, true, true]);
  expect(present(true)).toEqual([true, false, false]);
});

describe('origins', () => {
  const origins = createOriginTable(
    rangesOf({ '198.51.100.0/24': countryNumber('NZ'), '2001:db8::/32': countryNumber('DE') }),
    rangesOf({ '198.51.100.0/24': 64_496, '2001:db8::/32': 64_497 }),
  );

  test('countries of both addresses; the exporter knows its systems better', () => {
    const { batch, stages } = run(
      [
        { src: '198.51.100.7', dst: '2001:db8::1' },
        { src: '2001:db8::1', dst: '198.51.100.7', columns: { srcAs: 7, dstAs: 0 } },
        { src: '10.0.0.1', dst: '::1', columns: { srcAs: 9 } },
        { src: '0.0.0.0', dst: '::' },
        {},
      ],
      { tables: { origins } },
    );
    const columns = ['srcCountry', 'dstCountry', 'srcAs', 'dstAs'] as const;
    const rows = [0, 1, 2, 3, 4].map((row) => columns.map((column) => numberOf(batch, column, row)));
    const [nz, de] = [countryNumber('NZ'), countryNumber('DE')];
    expect(rows).toEqual([
      [nz, de, 64_496, 64_497],
      [de, nz, 7, 64_496],
      [undefined, undefined, 9, undefined],
      [undefined, undefined, undefined, undefined],
      [undefined, undefined, undefined, undefined],
    ]);
    expect(stages.counters().origins).toEqual({ addresses: 8, searches: 4 });
  });

  test('other tables hold from the next batch on', () => {
    const { stages } = run([{ src: '198.51.100.7', dst: '10.0.0.1' }], { tables: { origins } });
    stages.adopt({});
    const batch = batchOf([{ src: '198.51.100.7', dst: '10.0.0.1' }]);
    stages.apply(batch, 0, 1);
    expect(numberOf(batch, 'srcCountry', 0)).toBeUndefined();
    expect(stages.counters().origins.addresses).toBe(2);
  });
});

describe('networks and users', () => {
  test('the longest prefix names an address; users have their times', () => {
    const networks = networkTableOf(
      'prefix,network,site\n10.0.0.0/8,campus,\n10.1.0.0/16,lab,Wellington\n',
      'n',
    );
    const users = userTableOf(
      'prefix,user,from,to\n10.1.0.5,ada,2026-01-01,2026-02-01\n10.1.0.5,bob,2026-02-01,\nfd00::5,eve,,',
      'u',
    );
    const records = [
      { src: '10.1.0.5', dst: '10.2.0.1', receivedAtMs: Date.parse('2026-01-15') },
      { src: '10.1.0.5', dst: 'fd00::5', receivedAtMs: Date.parse('2026-02-01') },
      { src: '10.1.0.5', dst: '192.0.2.1', receivedAtMs: Date.parse('2025-12-31') },
    ];
    const { batch } = run(records, { tables: { networks, users } });
    const columns = ['srcNetwork', 'srcSite', 'srcUser', 'dstNetwork', 'dstSite', 'dstUser'] as const;
    expect([0, 1, 2].map((row) => columns.map((column) => labelOf(batch, column, row)))).toEqual([
      ['lab', 'Wellington', 'ada', 'campus', undefined, undefined],
      ['lab', 'Wellington', 'bob', undefined, undefined, 'eve'],
      ['lab', 'Wellington', undefined, undefined, undefined, undefined],
    ]);
  });

  test('new files let go of the old names', () => {
    const table = (name: string) => networkTableOf(`prefix,network\n10.0.0.0/8,${name}\n`, 'n');
    const { stages } = run([{ src: '10.0.0.1', dst: '10.0.0.2' }], { tables: { networks: table('old') } });
    stages.adopt({ networks: table('new') });
    const batch = batchOf([{ src: '10.0.0.1', dst: '10.0.0.2' }]);
    stages.apply(batch, 0, 1);
    expect(labelOf(batch, 'dstNetwork', 0)).toBe('new');
    expect(stages.counters().labels.held).toBe(1);
  });
});

describe('what exporters name', () => {
  const exporter = { address: '192.0.2.1', observationDomainId: 0, source: 'test', version: 10 };
  const told = (fields: OptionsRecord['fields'], scope: OptionsRecord['fields']): OptionsRecord => ({
    exporter,
    templateId: 256,
    exportTimeMs: 0,
    scope,
    fields,
  });

  test('interfaces, peers, applications and VRFs, also after they changed', () => {
    const names = createExporterKnowledge();
    names.take(told({ interfaceName: 'Gi0/1' }, { ingressInterface: 1 }), 0);
    names.take(told({ peerName: 'laptop', peerUser: 'ada' }, { peerOverlayAddresses: '10.9.0.2/32' }), 0);
    names.take(told({ applicationName: 'http' }, { applicationId: '0d000050' }), 0);
    names.take(told({ VRFname: 'blue' }, { ingressVRFID: 7 }), 0);
    const layout = [
      { enterpriseNumber: 0, elementId: 95, length: 4 },
      { enterpriseNumber: 0, elementId: 234, length: 4 },
    ];
    const record = {
      src: '10.9.0.2',
      dst: '10.9.0.3',
      columns: { inIf: 1, outIf: 2 },
      extra: { layout, octets: [0x0d, 0, 0, 0x50, 0, 0, 0, 7] },
    };
    const { batch, stages } = run([record, record], { names });
    for (const row of [0, 1]) {
      expect(labelOf(batch, 'inIfName', row)).toBe('Gi0/1');
      expect(labelOf(batch, 'outIfName', row)).toBeUndefined();
      expect(labelOf(batch, 'srcPeer', row)).toBe('laptop');
      expect(labelOf(batch, 'srcUser', row)).toBe('ada');
      expect(labelOf(batch, 'dstPeer', row)).toBeUndefined();
      expect(labelOf(batch, 'application', row)).toBe('http');
      expect(labelOf(batch, 'inVrf', row)).toBe('blue');
    }
    names.take(told({ interfaceName: 'uplink' }, { ingressInterface: 1 }), 0);
    const later = batchOf([record]);
    stages.apply(later, 0, 1);
    expect(labelOf(later, 'inIfName', 0)).toBe('uplink');
  });
});

describe('fields without a column', () => {
  const drop = [
    { enterpriseNumber: 0, elementId: 9999, length: 2 },
    { enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId: 1, length: 1 },
    { enterpriseNumber: 0, elementId: 9998, length: VARIABLE_LENGTH },
    { enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId: 2, length: VARIABLE_LENGTH },
    { enterpriseNumber: 0, elementId: 9997, length: 4 },
  ];
  const user = [{ enterpriseNumber: 0, elementId: 371, length: 8 }];

  test('rule, reason, user; cut records and foreign fields are passed over', () => {
    const long = 'r'.repeat(300);
    const records: ToldRecord[] = [
      { extra: { layout: drop, octets: [1, 2, 3, ...field('x'), ...field('ssh from outside'), 0, 0, 0, 0] } },
      { extra: { layout: user, octets: [...new TextEncoder().encode('ada'), 0, 0, 0, 0, 0] } },
      {},
      { extra: { layout: drop, octets: [1, 2, 4, 200, 1] } },
      { extra: { layout: drop, octets: [1, 2, 5, ...field(''), ...field(long), 0, 0, 0, 0] } },
      { extra: { layout: user, octets: [0, 0, 0, 0, 0, 0, 0, 0] } },
    ];
    const { batch } = run(records);
    expect(records.map((_, row) => numberOf(batch, 'dropReason', row))).toEqual([
      3,
      undefined,
      undefined,
      4,
      5,
      undefined,
    ]);
    expect(labelOf(batch, 'rule', 0)).toBe('ssh from outside');
    expect(labelOf(batch, 'rule', 4)).toBe('r'.repeat(128));
    expect(records.map((_, row) => labelOf(batch, 'srcUser', row))).toEqual([
      undefined,
      'ada',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('biflowDirection decides who began, in its batch only', () => {
    const layout = [{ enterpriseNumber: 0, elementId: 239, length: 1 }];
    const record = { src: '10.0.0.1', dst: '10.0.0.2', columns: TCP };
    const { batch, stages } = run([{ ...record, extra: { layout, octets: [2] } }]);
    expect([numberOf(batch, 'directionRule', 0), numberOf(batch, 'sessionSide', 0)]).toEqual([4, 1]);
    const next = batchOf([{ ...record, columns: { ...TCP, srcPort: 40_001 } }]);
    stages.apply(next, 0, 1);
    expect([numberOf(next, 'directionRule', 0), numberOf(next, 'sessionSide', 0)]).toEqual([5, 0]);
  });
});

describe('host names', () => {
  const layout = [{ enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId: 15, length: VARIABLE_LENGTH }];

  test('of the responder, from the record that names it on, for an hour', () => {
    const there = { src: '10.0.0.1', dst: '198.51.100.7', columns: TCP };
    const back = {
      src: '198.51.100.7',
      dst: '10.0.0.1',
      columns: { protocol: 6, srcPort: 443, dstPort: 40_000 },
    };
    const { batch, stages } = run([
      there,
      { ...back, extra: { layout, octets: field('www.example.org') } },
      there,
    ]);
    expect(labelOf(batch, 'dstName', 0)).toBe('www.example.org');
    expect(labelOf(batch, 'srcName', 1)).toBe('www.example.org');
    expect(labelOf(batch, 'srcName', 0)).toBeUndefined();
    expect(stages.counters().hostNames).toEqual({ learned: 1, evicted: 0 });
    const later = batchOf([{ ...there, receivedAtMs: 1_800_000_000_000 + 3_700_000 }]);
    stages.apply(later, 0, 1);
    expect(labelOf(later, 'dstName', 0)).toBeUndefined();
  });

  test('a name server is asked once, and its answer serves later records', () => {
    const asked: Int32Array[] = [];
    const answers: ((name: string) => void)[] = [];
    const nameServer = {
      ready: () => true,
      ask(address: Int32Array, told: (name: string) => void) {
        asked.push(address);
        answers.push(told);
      },
    };
    const record = { src: '10.0.0.1', dst: '10.0.0.1', columns: TCP };
    const { batch, stages } = run([record, record], { nameServer, hostNames: false });
    expect(asked).toEqual([Int32Array.of(0x0a000001, 0xffff, 0, 0)]);
    expect(labelOf(batch, 'srcName', 1)).toBeUndefined();
    answers[0]?.('printer.example.org');
    const later = batchOf([record]);
    stages.apply(later, 0, 1);
    expect([labelOf(later, 'srcName', 0), labelOf(later, 'dstName', 0)]).toEqual(
      Array(2).fill('printer.example.org'),
    );
  });

  test('the oldest names make room', () => {
    const stages = createBatchStages({
      sessions: undefined,
      names: createExporterKnowledge(),
      tables: {},
      hostNames: true,
    });
    for (let round = 0; round < 1600; round += 1) {
      const records = Array.from({ length: 64 }, (_, row) => ({
        src: '10.0.0.1',
        dst: `11.${round >> 8}.${round & 255}.${row}`,
        columns: { srcPort: 1, dstPort: 1 },
        extra: { layout, octets: field(`h${round}-${row}`) },
      }));
      const batch = batchOf(records);
      stages.apply(batch, 0, batch.rowCount);
      expect(labelOf(batch, 'dstName', 63)).toBe(`h${round}-63`);
    }
    const { hostNames, labels } = stages.counters();
    expect(hostNames.learned).toBe(102_400);
    expect(labels.held).toBeLessThanOrEqual(65_536 + 4096);
    expect(hostNames.evicted).toBeGreaterThanOrEqual(102_400 - 65_536);
  });
});
