/**
 * What changed between two periods: the values of each dimension whose traffic is new, gone, has grown or shrunk, each
 * with its part in the change, and sentences that explain the change.
 */
import { identifier, timestamp } from '../duckdb-expression.ts';
import type { TimeRange } from '../query-plan.ts';
import {
  COUNTED_ONCE,
  ENDED_AT,
  endedWithin,
  type FlowFilter,
  filterSql,
  filterText,
  isAddressSql,
  ofClient,
  ofServer,
  SERVICE_PORT,
  serviceFilter,
  serviceText,
  WIRE_OCTETS,
} from '../traffic-sql.ts';

import type { Contribution } from './contribution.ts';

export interface PeriodsAsked {
  readonly now: TimeRange;
  readonly before: TimeRange;
  /** What the period before is multiplied by to be comparable: for its length, or by the hours of the week. */
  readonly factor: number;
  readonly filter: FlowFilter;
  /** Columns of the relation `flows`. */
  readonly columns: readonly string[];
}

/** Values of each dimension that are told; the change of those left out is smaller than of any that is. */
export const VALUES_PER_DIMENSION = 100;

interface ChangeDimension {
  readonly name: string;
  /** Columns of the inner relation. */
  readonly keys: readonly string[];
}

const CLIENT = ['clientHi', 'clientLo'] as const;
const SERVER = ['serverHi', 'serverLo'] as const;
const SERVICE = ['protocol', 'port'] as const;

const DIMENSIONS: readonly ChangeDimension[] = [
  { name: 'total', keys: [] },
  { name: 'client', keys: CLIENT },
  { name: 'server', keys: SERVER },
  { name: 'service', keys: SERVICE },
  { name: 'clientPeer', keys: ['clientPeer'] },
  { name: 'serverPeer', keys: ['serverPeer'] },
  { name: 'clientUser', keys: ['clientUser'] },
  { name: 'clientNetwork', keys: ['clientNetwork'] },
  { name: 'serverNetwork', keys: ['serverNetwork'] },
  { name: 'serverCountry', keys: ['serverCountry'] },
  { name: 'application', keys: ['application'] },
  { name: 'exporter', keys: ['exporterId'] },
  { name: 'clientAndService', keys: [...CLIENT, ...SERVICE] },
  { name: 'peerAndService', keys: ['clientPeer', ...SERVICE] },
];

const KEYS = [
  ...CLIENT,
  ...SERVER,
  ...SERVICE,
  'clientPeer',
  'serverPeer',
  'clientUser',
  'clientNetwork',
  'serverNetwork',
  'serverCountry',
  'application',
  'exporterId',
] as const;

const KEY_SQL: Readonly<Record<(typeof KEYS)[number], string>> = {
  clientHi: ofClient('AddrHi'),
  clientLo: ofClient('AddrLo'),
  serverHi: ofServer('AddrHi'),
  serverLo: ofServer('AddrLo'),
  protocol: 'flows."protocol"',
  port: SERVICE_PORT,
  clientPeer: ofClient('Peer'),
  serverPeer: ofServer('Peer'),
  clientUser: ofClient('User'),
  clientNetwork: ofClient('Network'),
  serverNetwork: ofServer('Network'),
  serverCountry: ofServer('Country'),
  application: 'flows."application"',
  exporterId: 'flows."exporterId"',
};

/** The time that `flows` has to cover. */
export function periodsRange({ now, before }: Pick<PeriodsAsked, 'now' | 'before'>): TimeRange {
  return { fromMs: Math.min(now.fromMs, before.fromMs), toMs: Math.max(now.toMs, before.toMs) };
}

/** One row a value of a dimension, those that changed most; `set` is the position of the dimension. */
export function changesSql(asked: PeriodsAsked): string {
  const { factor } = asked;
  const sets = DIMENSIONS.map(({ keys }) => `(${keys.map(identifier).join(', ')})`).join(', ');
  const setOf = `CASE ${DIMENSIONS.map(
    ({ keys }, index) => `WHEN "mask" = ${maskOf(keys)} THEN ${index}`,
  ).join(' ')} END`;
  return `WITH parts AS (${partsSql(
    asked,
    KEYS.map((key) => `${KEY_SQL[key]} AS ${identifier(key)}`),
  )}),
sums AS (
  SELECT ${KEYS.map(identifier).join(', ')}, GROUPING(${KEYS.map(identifier).join(', ')}) AS "mask", ${SUMS}
  FROM parts GROUP BY GROUPING SETS (${sets})
),
ranked AS (
  SELECT *, ${setOf} AS "set" FROM sums
  QUALIFY row_number() OVER (PARTITION BY "mask" ORDER BY abs("now" - "before" * ${factor}) DESC, "now" DESC) <= ${VALUES_PER_DIMENSION}
)
SELECT "set", addr("clientHi", "clientLo") AS "client", addr("serverHi", "serverLo") AS "server", "protocol", "port",
  "clientPeer", "serverPeer", "clientUser", "clientNetwork", "serverNetwork", "serverCountry", ranked."application",
  exporters."address" AS "exporter", "now", "before", "flowsNow", "flowsBefore"
FROM ranked LEFT JOIN exporters ON exporters."exporterId" = ranked."exporterId"
ORDER BY "set", abs("now" - "before" * ${factor}) DESC, "now" DESC, "client", "server", "port"`;
}

const SUMS = `coalesce(sum("octets") FILTER (WHERE "isNow"), 0) AS "now", coalesce(sum("octets") FILTER (WHERE NOT "isNow"), 0) AS "before",
  count(*) FILTER (WHERE "isNow") AS "flowsNow", count(*) FILTER (WHERE NOT "isNow") AS "flowsBefore"`;

function partsSql({ now, before, filter, columns }: PeriodsAsked, keys: readonly string[]): string {
  return `SELECT ${keys.join(', ')}, ${WIRE_OCTETS} AS "octets",
    ${ENDED_AT} >= ${timestamp(now.fromMs)} AND ${ENDED_AT} < ${timestamp(now.toMs)} AS "isNow"
  FROM flows
  WHERE ${COUNTED_ONCE} AND ((${endedWithin(now)}) OR (${endedWithin(before)})) AND ${filterSql(filter, columns)}`;
}

/** Bits of GROUPING(KEYS): 1 for each key that a set leaves out, the last key lowest. */
function maskOf(keys: readonly string[]): number {
  return KEYS.reduce((mask, key) => mask * 2 + (keys.includes(key) ? 0 : 1), 0);
}

/** With whom the client or peer of a change used its service: servers, those that changed most. */
export function serversOfChangeSql(asked: PeriodsAsked, change: TrafficChange): string {
  const { client, clientPeer, protocol, port } = change.key;
  const who =
    client === null || client === undefined
      ? `"clientPeer" = '${String(clientPeer).replaceAll("'", "''")}'`
      : `(("isAnswer" AND ${isAddressSql('dst', String(client))}) OR (NOT "isAnswer" AND ${isAddressSql('src', String(client))}))`;
  const keys = ['clientPeer', 'serverHi', 'serverLo', 'serverPeer', 'protocol', 'port'] as const;
  const parts = partsSql(asked, [
    ...keys.map((key) => `${KEY_SQL[key]} AS ${identifier(key)}`),
    `${ofClient('AddrHi')} IS NOT DISTINCT FROM "dstAddrHi" AND ${ofClient('AddrLo')} IS NOT DISTINCT FROM "dstAddrLo" AS "isAnswer"`,
    '"srcAddrHi", "srcAddrLo", "dstAddrHi", "dstAddrLo"',
  ]);
  const service = `"protocol" IS NOT DISTINCT FROM ${protocol ?? 'NULL'} AND "port" IS NOT DISTINCT FROM ${port ?? 'NULL'}`;
  return `WITH parts AS (${parts})
SELECT addr("serverHi", "serverLo") AS "server", any_value("serverPeer") AS "serverPeer", ${SUMS}
FROM parts WHERE ${who} AND ${service}
GROUP BY "serverHi", "serverLo" ORDER BY abs("now" - "before" * ${asked.factor}) DESC, "server" LIMIT 10`;
}

export type ChangeKind = 'new' | 'gone' | 'grown' | 'shrunk' | 'same';

export type ChangeKey = Readonly<Record<string, string | number | null>>;

/** One value of a dimension in two periods. Octets are of the IP layer, scaled by the sampling rate. */
export interface TrafficChange extends Contribution {
  readonly dimension: string;
  readonly key: ChangeKey;
  /** As people read it. */
  readonly label: string;
  /** Octets now (`actual`), before, and before made comparable (`expected`). */
  readonly before: number;
  readonly flowsNow: number;
  readonly flowsBefore: number;
  readonly kind: ChangeKind;
  /** The flows behind it, in the filter language. */
  readonly filter: string;
}

type Row = Readonly<Record<string, unknown>>;

/** The answer to `changesSql`, by dimension; dimensions that no record has a value of are left out. */
export function changesOf(rows: readonly Row[], factor: number): Map<string, TrafficChange[]> {
  const byDimension = new Map<string, TrafficChange[]>();
  for (const row of rows) {
    const dimension = DIMENSIONS[Number(row['set'])]?.name;
    if (dimension === undefined) continue;
    const list = byDimension.get(dimension) ?? [];
    list.push(changeOf(dimension, row, factor));
    byDimension.set(dimension, list);
  }
  for (const [dimension, list] of byDimension) {
    if (dimension !== 'total' && list.every(({ label }) => label === NOBODY)) byDimension.delete(dimension);
    if (dimension === 'peerAndService' && list.every(({ key }) => key['clientPeer'] === null))
      byDimension.delete(dimension);
  }
  return byDimension;
}

export function changeOf(dimension: string, row: Row, factor: number): TrafficChange {
  const [actual, before] = [Number(row['now']), Number(row['before'])];
  const key = keyOf(dimension, row);
  const expected = before * factor;
  return {
    dimension,
    key,
    label: labelOf(dimension, key),
    actual,
    before,
    expected,
    flowsNow: Number(row['flowsNow']),
    flowsBefore: Number(row['flowsBefore']),
    kind: kindOf(Number(row['flowsNow']), Number(row['flowsBefore']), actual, expected),
    filter: filterOf(dimension, key),
  };
}

function kindOf(flowsNow: number, flowsBefore: number, actual: number, expected: number): ChangeKind {
  if (flowsBefore === 0 && flowsNow > 0) return 'new';
  if (flowsNow === 0 && flowsBefore > 0) return 'gone';
  if (actual === expected) return 'same';
  return actual > expected ? 'grown' : 'shrunk';
}

const KEY_NAMES: Readonly<Record<string, readonly string[]>> = {
  total: [],
  server: ['server', 'serverPeer'],
  service: ['protocol', 'port'],
  clientAndService: ['client', 'protocol', 'port'],
  peerAndService: ['clientPeer', 'protocol', 'port'],
};

function keyOf(dimension: string, row: Row): ChangeKey {
  const names = KEY_NAMES[dimension] ?? [dimension];
  return Object.fromEntries(
    names.map((name) => {
      const value = row[name];
      return [name, typeof value === 'number' || typeof value === 'string' ? value : null];
    }),
  );
}

/** The label of records without a value. */
export const NOBODY = 'not known';

const serviceOf = (key: ChangeKey) => [numberOf(key['protocol']), numberOf(key['port'])] as const;
const numberOf = (value: string | number | null | undefined) => (typeof value === 'number' ? value : null);

function labelOf(dimension: string, key: ChangeKey): string {
  switch (dimension) {
    case 'total':
      return 'all traffic';
    case 'service':
      return serviceText(...serviceOf(key));
    case 'clientAndService':
      return `${key['client'] ?? NOBODY} to ${serviceText(...serviceOf(key))}`;
    case 'peerAndService':
      return `peer ${key['clientPeer'] ?? NOBODY} to ${serviceText(...serviceOf(key))}`;
    default:
      return String(key[dimension] ?? NOBODY);
  }
}

/** Either side: what a session carried went both ways. */
const FILTER_FIELDS: Readonly<Record<string, readonly string[]>> = {
  client: ['srcAddr', 'dstAddr'],
  server: ['srcAddr', 'dstAddr'],
  clientPeer: ['srcPeer', 'dstPeer'],
  serverPeer: ['srcPeer', 'dstPeer'],
  clientUser: ['srcUser', 'dstUser'],
  clientNetwork: ['srcNetwork', 'dstNetwork'],
  serverNetwork: ['srcNetwork', 'dstNetwork'],
  serverCountry: ['srcCountry', 'dstCountry'],
  application: ['application'],
  exporter: ['exporter'],
};

function filterOf(dimension: string, key: ChangeKey): string {
  if (dimension === 'total') return '';
  if (dimension === 'service') return serviceFilter(...serviceOf(key));
  if (dimension === 'clientAndService' || dimension === 'peerAndService') {
    const who = dimension === 'clientAndService' ? 'client' : 'clientPeer';
    return [filterOf(who, { [who]: key[who] ?? null }), serviceFilter(...serviceOf(key))]
      .filter((part) => part !== '')
      .join(' and ');
  }
  const value = key[dimension];
  if (value === null || value === undefined) return '';
  const fields = FILTER_FIELDS[dimension] ?? [];
  const isAddress = dimension === 'client' || dimension === 'server';
  const terms = fields.map((field) => `${field} = ${isAddress ? value : filterText(String(value))}`);
  return terms.length > 1 ? `(${terms.join(' or ')})` : (terms[0] ?? '');
}
