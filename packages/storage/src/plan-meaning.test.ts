/** SQL means what the naive evaluator means: the same records, whatever the filter. */
import {
  EXAMPLE_LISTS,
  FILTER_EXAMPLES,
  FilterError,
  type FlowRecord,
  formatAddress,
  matchesFilter,
  parseFilter,
  type QueryPlan,
} from '@weir/analysis';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf } from './test-batch.ts';
import { ADDRESSES, EXPORTERS, evaluatorRecord, LABELS, NOW_MS, recordArbitrary } from './test-records.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

const operator = fc.constantFrom('=', '!=', '<', '<=', '>', '>=');
const number = fc.oneof(
  fc.constantFrom('0', '1', '2', '6', '17', '53', '80', '131', '200', '64', '0x10', '255'),
  fc.integer({ min: 0, max: 4_000_000_000 }).map(String),
);
const NUMBERS = [
  'srcPort',
  'dstPort',
  'protocol',
  'tcpFlags',
  'tos',
  'inIf',
  'outIf',
  'srcAs',
  'dstAs',
  'direction',
  'endReason',
  'forwardingStatus',
  'forwardingState',
  'firewallEvent',
  'vlanId',
  'srcMask',
  'icmpTypeCode',
  'icmpType',
  'icmpCode',
  'minTtl',
  'maxTtl',
  'flowId',
  'samplingRate',
  'ipVersion',
  'octets',
  'packets',
  'reverseOctets',
  'observationDomainId',
  'exportVersion',
  'duration',
  'bps',
  'pps',
  'bpp',
  'port',
  'as',
  'if',
  'mask',
  'sessionId',
  'sessionSide',
  'duplicate',
  'dropReason',
];
const TEXTS = [
  'user',
  'srcUser',
  'rule',
  'application',
  'site',
  'dst site',
  'vrf',
  'inIfName',
  'peer',
  'source',
];
const word = fc
  .constantFrom(...LABELS.filter((label) => label !== ''), 'nobody', 'ipfix')
  .map((label) => JSON.stringify(label));
const textCondition = fc
  .oneof(
    fc.tuple(fc.constantFrom(...TEXTS), fc.constantFrom('', '=', '!=', 'like', 'unlike', 'ilike'), word),
    fc.tuple(
      fc.constantFrom(...TEXTS),
      fc.constantFrom('~', '!~'),
      fc.constantFrom('"^s"', '"a"', '".*e$"', '"[A-Z]"'),
    ),
    fc
      .tuple(
        fc.constantFrom(...TEXTS),
        fc.constantFrom('in', 'not in'),
        fc.array(word, { minLength: 1, maxLength: 40 }),
      )
      .map(([name, operator, list]) => [name, operator, `(${list.join(', ')})`]),
    fc.tuple(
      fc.constantFrom('country', 'srcCountry', 'dst country'),
      fc.constantFrom('', '=', '!='),
      fc.constantFrom('DE', 'at', 'FR'),
    ),
    fc
      .constantFrom('srcUser', 'rule', 'srcAddr', 'vlanId', 'icmpType', 'bps', 'exporter', 'dstCountry')
      .map((name) => [name, 'exists']),
    fc.constantFrom(
      ['srcUser', '=', 'dstUser'],
      ['srcCountry', '!=', 'dstCountry'],
      ['srcAddr', '=', 'dstAddr'],
      ['srcAddr', '!=', 'nextHop'],
    ),
  )
  .map((parts) => parts.join(' '));
/** More than the dialect writes as literals or as ranges. */
const longList = fc.oneof(
  fc
    .array(number, { minLength: 33, maxLength: 80 })
    .map((list) => `port not in (${list.map((each) => Number(each) % 65_536).join(' ')})`),
  fc
    .tuple(
      fc.constantFrom('host in', 'src host not in', 'SrcAddr in'),
      fc.array(
        fc.oneof(
          fc
            .tuple(
              fc.constantFrom('10.0.0', '10.1.0', '255.255.255'),
              fc.nat({ max: 255 }),
              fc.constantFrom('', '/31', '/24', '/8'),
            )
            .map(([net, host, bits]) => `${net}.${host}${bits}`),
          fc
            .tuple(
              fc.constantFrom('2001:db8::', '::', 'ffff::'),
              fc.nat({ max: 9 }),
              fc.constantFrom('', '/127', '/64', '/33'),
            )
            .map(([net, host, bits]) => `${net}${host}${bits}`),
        ),
        { minLength: 17, maxLength: 120 },
      ),
    )
    .map(([subject, list]) => `${subject} (${list.join(', ')})`),
);
const network = fc.oneof(
  fc.constantFrom(...ADDRESSES).map(([hi, lo]) => formatAddress({ hi, lo })),
  fc.constantFrom(
    '10.0.0.0/8',
    '10.0.0.0/31',
    '0.0.0.0/0',
    '::/0',
    '2001:db8::/32',
    '2001:db8::/65',
    '::/64',
    '::/96',
  ),
);
const anyCondition = fc.oneof(
  { weight: 3, arbitrary: textCondition },
  longList,
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...NUMBERS), operator, number).map((parts) => parts.join(' ')),
  },
  fc
    .tuple(
      fc.constantFrom(...NUMBERS),
      fc.constantFrom('in', 'not in'),
      fc.array(number, { minLength: 1, maxLength: 4 }),
    )
    .map(([name, word, list]) => `${name} ${word} (${list.join(', ')})`),
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('host', 'src', 'dst', 'net', 'nextHop =', 'SrcAddr !=', ''), network)
      .map((parts) => parts.join(' ')),
  },
  fc.array(network, { minLength: 1, maxLength: 4 }).map((list) => `dst host in [${list.join(' ')}]`),
  fc
    .tuple(
      fc.constantFrom('srcPort', 'octets', 'flowEnd', 'duration'),
      operator,
      fc.constantFrom('dstPort', 'packets', 'flowStart'),
    )
    .map((parts) => parts.join(' ')),
  fc.constantFrom(
    'any',
    'tcp',
    'udp',
    'icmp',
    'ipv4',
    'ipv6',
    'dropped',
    'forwarded',
    'ingress',
    'flags S',
    'flags SA',
    'flags 0x11',
    'src and dst port > 50',
    'src or dst net 10.0.0.0/8',
    'exporter 192.0.2.1',
    'source like "%flow"',
    'source != "ipfix"',
    'source ~ "^ip"',
    'source ilike "DEFAULT_%"',
    'source in ("ipfix", "x")',
    'duration > 30s',
    'bps > 1k',
    'bpp < 0.5',
    'flowEnd >= 2025-11-13T02:14:00Z',
    'flowStart < 1763000060000',
    'srcMac = 00:00:00:00:00:01',
    'forwardingStatus = dropped',
    'duplicate',
    'port 53 or 80',
    'src port 0-100',
    'ip proto 6',
    'greater 80',
    'in bytes > 53',
    'out packets < 200',
    'first seen > 2025-11-13T02:14:00Z',
    'sessionSide = responder',
    'flags S and not flags AF',
  ),
);
/** A number that the field cannot have is refused, which other tests look at. */
function isWithinRange(text: string): boolean {
  try {
    parseFilter(text);
    return true;
  } catch (error) {
    if (error instanceof FilterError && /is no value of/.test(error.message)) return false;
    throw error;
  }
}

const condition = anyCondition.filter(isWithinRange);
const { filter } = fc.letrec<{ filter: string }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    condition,
    tie('filter').map((inner) => `not (${inner})`),
    fc
      .tuple(tie('filter'), fc.constantFrom('and', 'or', ''), tie('filter'))
      .map(([left, word, right]) => `(${left}) ${word} (${right})`),
  ),
}));

let directory: ReturnType<typeof temporaryDirectory>;
let store: FlowStore;
const records = fc.sample(recordArbitrary(), { numRuns: 3000, seed: 20_251_113 });
const evaluated = records.map(evaluatorRecord);

beforeAll(async () => {
  directory = temporaryDirectory();
  store = await openTestStore(directory.path);
  await send(store, [batchOf(records.slice(0, 1700), EXPORTERS, [], undefined, LABELS)]);
  await store.seal();
  await send(store, [batchOf(records.slice(1700), EXPORTERS, [], undefined, LABELS)]);
});

afterAll(async () => {
  await store.close();
  directory.remove();
});

test('filters', async () => {
  await fc.assert(
    fc.asyncProperty(filter, async (text) => {
      const expression = parseFilter(text);
      const expected = evaluated.filter((record) => matchesFilter(expression, record));
      const plan: QueryPlan = {
        kind: 'groups',
        timeRange: { fromMs: NOW_MS, toMs: NOW_MS + 200_000 },
        filter: text,
        groupBy: [],
        orderBy: 'flows',
        descending: true,
        limit: 1,
      };
      const { rows } = await store.query(plan);
      const octets = expected.reduce((sum, record) => sum + Number(record['octets'] ?? 0), 0);
      expect({ flows: rows[0]!['flows'], octets: rows[0]!['octets'] }).toEqual({
        flows: expected.length,
        octets,
      });
    }),
    { numRuns: 400 },
  );
});

test.each(FILTER_EXAMPLES.flatMap(({ examples }) => examples.map((each) => each.filter)))(
  'the example %s',
  async (text) => {
    const expression = parseFilter(text, { lists: EXAMPLE_LISTS });
    const expected = evaluated.filter((record) => matchesFilter(expression, record));
    const { rows } = await store.query({
      kind: 'groups',
      timeRange: { fromMs: NOW_MS, toMs: NOW_MS + 200_000 },
      filter: text,
      lists: EXAMPLE_LISTS,
      groupBy: [],
      orderBy: 'flows',
      descending: true,
      limit: 1,
    });
    expect(rows[0]!['flows']).toBe(expected.length);
  },
);

test('groups', async () => {
  const dimensions = [
    'srcAddr',
    'protocol',
    'exporter',
    'srcMac',
    'icmpType',
    'direction',
    'ipVersion',
    'nextHop',
    'srcUser',
    'dstCountry',
    'rule',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.constantFrom(...dimensions), { minLength: 1, maxLength: 3 }),
      async (names) => {
        const { rows } = await store.query({
          kind: 'groups',
          timeRange: { fromMs: NOW_MS, toMs: NOW_MS + 200_000 },
          groupBy: names.map((name) => ({ name })),
          orderBy: 'octets',
          descending: true,
          limit: 100_000,
        });
        const expected = new Map<string, number>();
        for (const record of evaluated) {
          const key = JSON.stringify(names.map((name) => keyValue(record, name)));
          expected.set(key, (expected.get(key) ?? 0) + Number(record['octets'] ?? 0));
        }
        const actual = rows.map(
          (row) => [JSON.stringify(names.map((name) => row[name])), row['octets']] as const,
        );
        expect(new Map(actual)).toEqual(expected);
        const order = rows.map((row) => Number(row['octets']));
        expect(order).toEqual([...order].sort((a, b) => b - a));
      },
    ),
    { numRuns: 30 },
  );
});

function keyValue(record: FlowRecord, name: string): unknown {
  const code = record['icmpTypeCode'];
  if (name === 'icmpType') return code === undefined || code === null ? null : Number(code) >> 8;
  if (name !== 'ipVersion') return record[name] ?? null;
  const address = record['srcAddr'];
  return typeof address === 'string' ? (address.includes(':') ? 6 : 4) : null;
}

test('series', async () => {
  const range = fc.tuple(fc.integer({ min: -50_000, max: 100_000 }), fc.integer({ min: 1, max: 200_000 }));
  const stepMs = fc.constantFrom(1000, 7000, 10_000, 60_000, 1_000_000);
  await fc.assert(
    fc.asyncProperty(
      range,
      stepMs,
      fc.constantFrom([], ['direction']),
      async ([offset, length], step, names) => {
        const [fromMs, toMs] = [NOW_MS + offset, NOW_MS + offset + length];
        const { rows } = await store.query({
          kind: 'series',
          timeRange: { fromMs, toMs },
          filter: 'flowEnd >= flowStart or not flowEnd > 0',
          groupBy: names.map((name) => ({ name })),
          orderBy: 'octets',
          limit: 1000,
          stepMs: step,
        });
        const expected = naiveSeries(fromMs, toMs, step, names);
        const actual = new Map(
          rows.map((row) => [`${Date.parse(String(row['time']))} ${names.map((name) => row[name])}`, row]),
        );
        expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, { octets, flows }] of expected) {
          expect(actual.get(key)!['flows']).toBe(flows);
          expect(Math.abs(Number(actual.get(key)!['octets']) - octets)).toBeLessThan(1 + octets * 1e-9);
        }
      },
    ),
    { numRuns: 60 },
  );
});

function naiveSeries(fromMs: number, toMs: number, step: number, names: readonly string[]) {
  const expected = new Map<string, { octets: number; flows: number }>();
  for (const record of evaluated) {
    const end = Number(record['flowEnd'] ?? record['receivedAt']);
    const start = Number(record['flowStart'] ?? end);
    if (record['flowEnd'] !== undefined && (record['flowStart'] === undefined || start > end)) continue;
    if (end < fromMs || start >= toMs) continue;
    const last = Math.max(start, end);
    for (
      let at = Math.floor(Math.max(start, fromMs) / step) * step;
      at <= Math.min(last, toMs - 1);
      at += step
    ) {
      const key = `${at} ${names.map((name) => record[name] ?? null)}`;
      const sum = expected.get(key) ?? { octets: 0, flows: 0 };
      const overlap = Math.min(last, toMs, at + step) - Math.max(start, fromMs, at);
      const share = last === start ? 1 : Math.max(0, overlap) / (last - start);
      sum.octets += Number(record['octets'] ?? 0) * share;
      if (last < toMs && Math.floor(last / step) * step === at) sum.flows += 1;
      expected.set(key, sum);
    }
  }
  return expected;
}
