/**
 * The questions that hold a policy against flows: one SELECT over the relation that people's SQL sees.
 *
 * Records of the same two ends (addresses, protocol and ports, either way round) are one connection. Not of
 * one session: what was dropped is often told of later than what was metered, as a session of its own. A
 * connection gets its initiator, its ends and its service the classes of a PolicySpace; then everything is
 * summed up by class. Frames that a firewall dropped on their way in were metered as well, so a connection
 * was forwarded as far as its packets outnumber its drops.
 */
import { identifier, renderFilter, text, unsigned } from '../duckdb-expression.ts';
import type { FilterExpression } from '../filter-expression.ts';
import type { IntervalClasses } from './interval-classes.ts';
import { addressOf, LABEL_KINDS, type LabelKind, PROTOCOLS_WITH_PORTS } from './policy-member.ts';
import type { PolicySpace } from './policy-space.ts';

/** How it was found out who began a connection; the last two may be wrong. */
export const DIRECTION_BASES = [
  'sessionMark',
  'openingPacket',
  'servicePort',
  'lowerPort',
  'arrival',
] as const;
export type DirectionBasis = (typeof DIRECTION_BASES)[number];
const BASIS = { sessionMark: 0, openingPacket: 1, servicePort: 2, lowerPort: 3, arrival: 4 } as const;
export const UNSURE_BASES: readonly DirectionBasis[] = ['lowerPort', 'arrival'];

/** Rules of the firewall that are told apart; what further ones dropped is summed up. */
const FIREWALL_RULES_MAX = 500;
export const OTHER_FIREWALL_RULES = '(other rules)';
/** Kinds of connections (classes of both ends and of the service) in one answer. */
export const CLASS_ROWS_MAX = 50_000;

/** The kinds of labels that groups of the space are made of, in the order of LABEL_KINDS. */
export function labelKindsOf(space: PolicySpace): LabelKind[] {
  return LABEL_KINDS.filter((kind) => space.labels.has(kind));
}

/** Counts what a range holds and what of it cannot be judged: one row. */
export function rangeSql(filter?: FilterExpression): string {
  return `SELECT count(*) AS records,
  count(*) FILTER ("srcAddrHi" IS NULL OR "dstAddrHi" IS NULL) AS withoutAddress,
  count(*) FILTER ("duplicate" IS NULL) AS unmarked,
  count(*) FILTER ("samplingRate" > 1) AS sampled
FROM flows WHERE ${condition(filter)}`;
}

/**
 * Sums by class of both ends, of the service, and by the firewall's rule: a row has the columns of
 * ClassRow.
 */
export function classesSql(space: PolicySpace, filter?: FilterExpression): string {
  const labels = labelKindsOf(space);
  const keys = ['"from"', '"to"', '"service"', ...labelColumns(labels), '"related"', '"rule"'];
  return `WITH ${connections(space, filter)},
${classified(space, labels)},
rules AS (SELECT "firewall" FROM classed WHERE "firewall" IS NOT NULL
  GROUP BY 1 ORDER BY sum("dropPackets") DESC, 1 LIMIT ${FIREWALL_RULES_MAX}),
named AS (SELECT * EXCLUDE ("firewall"), CASE WHEN "firewall" IS NULL OR "firewall" IN (SELECT "firewall" FROM rules)
  THEN "firewall" ELSE ${text(OTHER_FIREWALL_RULES)} END AS "rule" FROM classed),
sums AS (SELECT ${keys.join(', ')}, ${MEASURES} FROM named GROUP BY ALL),
ranked AS (SELECT *, row_number() OVER (ORDER BY "connections" DESC) AS place FROM sums)
SELECT ${keys.map((key) => `CASE WHEN place <= ${CLASS_ROWS_MAX} THEN ${key} END AS ${key}`).join(', ')},
  place > ${CLASS_ROWS_MAX} AS "rest", ${SUMS_OF_SUMS}
FROM ranked GROUP BY ALL`;
}

/** One combination of classes; labels in the order of `labelKindsOf`. */
export interface ClassKey {
  readonly from: number;
  readonly to: number;
  readonly service: number;
  readonly fromLabels: readonly (string | null)[];
  readonly toLabels: readonly (string | null)[];
}

export interface PairsQuestion {
  readonly filter: FilterExpression | undefined;
  readonly keys: readonly ClassKey[];
  /** Connections that were forwarded, that were dropped, or either. */
  readonly kind: 'forwarded' | 'dropped' | 'all';
  readonly limit: number;
}

/** The pairs behind some classes, those with most packets first; a row has the columns of PairRow. */
export function pairsSql(space: PolicySpace, { filter, keys, kind, limit }: PairsQuestion): string {
  const labels = labelKindsOf(space);
  const wanted = keys.map(
    ({ from, to, service, fromLabels, toLabels }) =>
      `(${[from, to, service, ...fromLabels.map(label), ...toLabels.map(label)].join(', ')})`,
  );
  const columns = [
    '"from"',
    '"to"',
    '"service"',
    ...labelColumns(labels).map((name) => `coalesce(${name}, '')`),
  ];
  const seen = { forwarded: 'AND "isForwarded"', dropped: 'AND "isDropped"', all: '' }[kind];
  return `WITH ${connections(space, filter, true)},
${classified(space, labels, PAIR_COLUMNS)},
pairs AS (SELECT "fhi", "flo", "thi", "tlo", "protocol", "value", ${MEASURES},
    max("fromName") AS "fromName", max("toName") AS "toName", min("firewall") AS "rule",
    count(DISTINCT "firewall") AS "rules", min("basis") AS "basis"
  FROM classed WHERE NOT "related" AND (${columns.join(', ')}) IN (${wanted.join(', ')}) ${seen}
  GROUP BY "fhi", "flo", "thi", "tlo", "protocol", "value")
SELECT addr("fhi", "flo") AS "fromAddr", addr("thi", "tlo") AS "toAddr",
  * EXCLUDE ("fhi", "flo", "thi", "tlo"), count(*) OVER () AS "pairs",
  count(DISTINCT ("fhi", "flo")) OVER () AS "sources", count(DISTINCT ("thi", "tlo")) OVER () AS "destinations"
FROM pairs ORDER BY "packets" + "dropPackets" DESC, "fromAddr", "toAddr", "protocol", "value" LIMIT ${Math.trunc(limit)}`;
}

const label = (value: string | null) => text(value ?? '');

/**
 * Sources whose frames were dropped, by the firewall's rule: rows with rule, srcAddr, packets, octets,
 * records.
 */
export function droppedSourcesSql(filter: FilterExpression | undefined, limit: number): string {
  return `SELECT coalesce("rule", '') AS "rule", addr("srcAddrHi", "srcAddrLo") AS "srcAddr",
  max("srcName") AS "name", count(*) AS "records", count(DISTINCT ("dstAddrHi", "dstAddrLo")) AS "destinations",
  ${total('"packets"')} AS "packets", ${total('"octets"')} AS "octets",
  epoch_ms(min("flowStart"))::DOUBLE AS "first", epoch_ms(max("flowEnd"))::DOUBLE AS "last"
FROM flows WHERE ${IS_DROP} AND ${condition(filter)}
GROUP BY "rule", "srcAddrHi", "srcAddrLo" ORDER BY "packets" DESC, 1, 2 LIMIT ${Math.trunc(limit)}`;
}

function condition(filter: FilterExpression | undefined): string {
  return filter === undefined ? 'true' : renderFilter(filter);
}

/**
 * RFC 7270 section 4.12 (dropped is 2 in the upper two bits), firewallEvent 3, or a reason without either.
 */
const IS_DROP = `(coalesce("forwardingStatus" >> 6 = 2, false) OR coalesce("firewallEvent" = 3, false)
    OR ("forwardingStatus" IS NULL AND coalesce("dropReason", 0) > 0))`;
const WEIGHT = 'greatest(coalesce("samplingRate", 1), 1)';
/** Session marks of these rules say who began; 3 is who was heard first. */
const STRONG_MARKS = '(1, 2, 4, 5, 6, 7, 8)';
/** ICMP requests, of both versions; an error belongs to a connection that is judged by itself. */
const ICMP_REQUESTS = '(8, 13, 15, 17, 128)';

/** Columns of a SELECT, one a line. */
const list = (columns: readonly string[]) => columns.join(',\n    ');

/** A value of either end of a record, as columns of the ends a and b. */
function sided(name: string, source: string, destination: string): string[] {
  return [
    `CASE WHEN "swap" THEN ${destination} ELSE ${source} END AS "a${name}"`,
    `CASE WHEN "swap" THEN ${source} ELSE ${destination} END AS "b${name}"`,
  ];
}

/** CTE `connections`: one row for each, ends in the order a, b of their addresses. */
function connections(space: PolicySpace, filter: FilterExpression | undefined, withNames = false): string {
  const port = (column: string) =>
    `CASE WHEN "protocol" IN (${PROTOCOLS_WITH_PORTS.join(', ')}) THEN coalesce(${column}, 0) ELSE 0 END`;
  const names = withNames ? ['User', 'Peer', 'Name'].flatMap((name) => endLabels(name, name)) : [];
  const labels = labelKindsOf(space).flatMap((kind) => endLabels(capital(kind), `_${kind}`));
  const ends = '"protocol", "ahi", "alo", "aport", "bhi", "blo", "bport"';
  return `directed AS (SELECT *, ${SWAP} AS "swap", ${IS_DROP} AS "drop",
    coalesce("duplicate" = 1, false) AS "again", ${WEIGHT}::DOUBLE AS "weight" FROM flows
  WHERE "srcAddrHi" IS NOT NULL AND "dstAddrHi" IS NOT NULL AND ${condition(filter)}),
sided AS (SELECT *,
    NOT "drop" AND NOT "again" AND NOT "swap" AS "sentA", NOT "drop" AND NOT "again" AND "swap" AS "sentB",
    "drop" AND NOT "swap" AS "dropA", "drop" AND "swap" AS "dropB",
    ${list([
      ...sided('hi', '"srcAddrHi"', '"dstAddrHi"'),
      ...sided('lo', '"srcAddrLo"', '"dstAddrLo"'),
      ...sided('port', port('"srcPort"'), port('"dstPort"')),
    ])}
  FROM directed),
connections AS (SELECT coalesce("protocol", 0) AS "protocol", "ahi", "alo", "aport", "bhi", "blo", "bport",
    ${list([
      ...directionSums('a', '"sentA"', '"sentB"'),
      ...directionSums('b', '"sentB"', '"sentA"'),
      ...dropSums('a', '"dropA"'),
      ...dropSums('b', '"dropB"'),
      'max(CASE WHEN "drop" THEN "rule" END) AS "firewall"',
      `${votes(`"directionRule" IN ${STRONG_MARKS}`)} AS "marked"`,
      `${votes('"directionRule" = 3')} AS "heard"`,
      `max(CASE WHEN ${OPENS} AND NOT "swap" THEN 1 ELSE 0 END) AS "synA"`,
      `max(CASE WHEN ${OPENS} AND "swap" THEN 1 ELSE 0 END) AS "synB"`,
      `max(CASE WHEN NOT "swap" THEN ${ICMP_VALUE} END) AS "icmpA"`,
      `max(CASE WHEN "swap" THEN ${ICMP_VALUE} END) AS "icmpB"`,
      'min("flowStart") AS "first"',
      'max("flowEnd") AS "last"',
      ...labels,
      ...names,
    ])}
  FROM sided GROUP BY ${ends})`;
}

/** Whether the source is the higher of both ends. */
const SWAP = `("srcAddrHi" > "dstAddrHi" OR ("srcAddrHi" = "dstAddrHi" AND ("srcAddrLo" > "dstAddrLo"
      OR ("srcAddrLo" = "dstAddrLo" AND coalesce("srcPort", 0) > coalesce("dstPort", 0)))))`;

/** A label of each end: that of any of the records. */
function endLabels(label: string, name: string): string[] {
  const [a, b] = [`"src${label}"`, `"dst${label}"`];
  return [
    `max(CASE WHEN "swap" THEN ${b} ELSE ${a} END) AS "a${name}"`,
    `max(CASE WHEN "swap" THEN ${a} ELSE ${b} END) AS "b${name}"`,
  ];
}

/**
 * What most of the records with such a mark say of whether end a began; NULL where none, or as many as not,
 * do.
 */
function votes(marks: string): string {
  const sum = `sum(CASE WHEN ${marks} THEN CASE WHEN ("sessionSide" = 0) <> "swap" THEN 1 ELSE -1 END END)`;
  return `(CASE sign(${sum}) WHEN 1 THEN true WHEN -1 THEN false END)`;
}

/** SYN without ACK. */
const OPENS = '"protocol" = 6 AND "tcpFlags" & 18 = 2';
/** Exporters that have no icmpTypeCode put type and code where the destination's port is. */
const ICMP_VALUE = `CASE WHEN "protocol" IN (1, 58) THEN coalesce("icmpTypeCode", "dstPort") END`;

/**
 * Records, packets and octets that one end sent and that were not dropped; biflows tell of both. Counters
 * become doubles before they are multiplied: hostile ones would overflow.
 */
function directionSums(end: 'a' | 'b', own: string, other: string): string[] {
  const sums = (['packets', 'octets'] as const).map((name) => {
    const sent = `${identifier(name)}::DOUBLE * "weight"`;
    const back = `${identifier(`reverse${capital(name)}`)}::DOUBLE * "weight"`;
    const sum = `sum(CASE WHEN ${own} THEN ${sent} WHEN ${other} THEN ${back} END)`;
    return `coalesce(${sum}, 0) AS "${end}${capital(name)}"`;
  });
  return [`count(CASE WHEN ${own} THEN 1 END) AS "${end}Records"`, ...sums];
}

/** What was dropped of what one end sent: a frame is in one drop record, whoever metered it before. */
function dropSums(end: 'a' | 'b', own: string): string[] {
  const sums = (['packets', 'octets'] as const).map((name) => {
    const sum = `sum(CASE WHEN ${own} THEN ${identifier(name)}::DOUBLE * "weight" END)`;
    return `coalesce(${sum}, 0) AS "${end}Drop${capital(name)}"`;
  });
  return [`count(CASE WHEN ${own} THEN 1 END) AS "${end}DropRecords"`, ...sums];
}

const total = (counter: string) => `sum(${counter}::DOUBLE * ${WEIGHT})`;
const capital = (name: string) => name[0]?.toUpperCase() + name.slice(1);

const IS_ICMP = '"protocol" IN (1, 58)';
const SUM_NAMES = ['Packets', 'Octets', 'Records', 'DropPackets', 'DropOctets', 'DropRecords'];

/** The value of who began, where there is one of each end. */
const oriented = (a: string, b: string) => `CASE WHEN "fromA" THEN ${a} ELSE ${b} END`;

/** CTEs `begun` and `ordered`: how it is known who began, and whether end a did. */
function begun(space: PolicySpace): string {
  const narrow = (port: string) =>
    tree(space.services, `("protocol"::INTEGER * 65536 + ${port})`, (piece) =>
      String(space.narrowServices.has(piece)),
    );
  const asks = (end: string) => `coalesce("icmp${end}" >> 8 IN ${ICMP_REQUESTS}, false)`;
  const known = (port: string) => `coalesce((${narrow(port)}) OR (${port} BETWEEN 1 AND 1023), false)`;
  return `opened AS (SELECT *, ${known('"aport"')} AS "knownA", ${known('"bport"')} AS "knownB"
  FROM connections),
begun AS (SELECT *, CASE WHEN "marked" IS NOT NULL THEN ${BASIS.sessionMark}
    WHEN "synA" <> "synB" OR (${IS_ICMP} AND ${asks('A')} <> ${asks('B')}) THEN ${BASIS.openingPacket}
    WHEN "knownA" <> "knownB" THEN ${BASIS.servicePort} WHEN "aport" <> "bport" THEN ${BASIS.lowerPort}
    ELSE ${BASIS.arrival} END AS "basis" FROM opened),
ordered AS (SELECT *, CASE "basis" WHEN ${BASIS.sessionMark} THEN "marked"
    WHEN ${BASIS.openingPacket} THEN CASE WHEN ${IS_ICMP} THEN ${asks('A')} ELSE "synA" > "synB" END
    WHEN ${BASIS.servicePort} THEN "knownB" WHEN ${BASIS.lowerPort} THEN "aport" > "bport"
    ELSE coalesce("heard", "aRecords" + "aDropRecords" > 0) END AS "fromA" FROM begun)`;
}

/**
 * CTE `judged`: what was sent and what came back, and whether it passed or was dropped, or is an error of
 * ICMP.
 */
function judged(): string {
  const both = (name: string) => [
    `${oriented(`"a${name}"`, `"b${name}"`)} AS "out${name}"`,
    `${oriented(`"b${name}"`, `"a${name}"`)} AS "back${name}"`,
  ];
  const value = `CASE WHEN ${IS_ICMP} THEN coalesce(${oriented('"icmpA"', '"icmpB"')}, 0)
      ELSE ${oriented('"bport"', '"aport"')} END`;
  return `oriented AS (SELECT *,
    ${list([...both('hi'), ...both('lo'), ...SUM_NAMES.flatMap(both), `${value} AS "value"`])}
  FROM ordered),
judged AS (SELECT *,
    "outRecords" + "backRecords" > 0
      AND ("outDropRecords" = 0 OR "outPackets" > "outDropPackets") AS "isForwarded",
    "outDropRecords" + "backDropRecords" > 0 AS "isDropped",
    coalesce(("protocol" = 1 AND "value" >> 8 IN (3, 4, 5, 11, 12))
      OR ("protocol" = 58 AND "value" >> 8 BETWEEN 1 AND 4), false) AS "related"
  FROM oriented)`;
}

/** CTE `classed`: the classes of the ends and of the service, and the sums. */
function classified(
  space: PolicySpace,
  labels: readonly LabelKind[],
  further: readonly string[] = [],
): string {
  const label = (kind: LabelKind) => {
    const values = [...(space.labels.get(kind)?.keys() ?? [])].map(text).join(', ');
    const cut = (sql: string) => `CASE WHEN ${sql} IN (${values}) THEN ${sql} END`;
    return [
      `${cut(oriented(`"a_${kind}"`, `"b_${kind}"`))} AS "from_${kind}"`,
      `${cut(oriented(`"b_${kind}"`, `"a_${kind}"`))} AS "to_${kind}"`,
    ];
  };
  const passed = (name: string) =>
    `greatest("out${name}" - "outDrop${name}", 0) + greatest("back${name}" - "backDrop${name}", 0)`;
  const ifForwarded = (sql: string) => `CASE WHEN "isForwarded" THEN ${sql} ELSE 0 END`;
  const dropped = (name: string) => `"outDrop${name}" + "backDrop${name}" AS "drop${name}"`;
  return `${begun(space)},
${judged()},
classed AS (SELECT
    ${list([
      `${addressTree(space.addresses, '"outhi"', '"outlo"')} AS "from"`,
      `${addressTree(space.addresses, '"backhi"', '"backlo"')} AS "to"`,
      `${tree(space.services, '("protocol"::INTEGER * 65536 + "value")', String)} AS "service"`,
      ...labels.flatMap(label),
      '"related", "firewall", "basis", "isForwarded", "isDropped"',
      `${ifForwarded('"outRecords" + "backRecords"')} AS "records"`,
      `${ifForwarded(passed('Packets'))} AS "packets"`,
      `${ifForwarded(passed('Octets'))} AS "octets"`,
      '"isForwarded" AND "backPackets" > 0 AS "answered"',
      ...['Records', 'Packets', 'Octets'].map(dropped),
      'epoch_ms("first")::DOUBLE AS "firstMs"',
      'epoch_ms("last")::DOUBLE AS "lastMs"',
      ...further,
    ])}
  FROM judged)`;
}

const bestName = (end: 'a' | 'b') => `coalesce("${end}User", "${end}Peer", "${end}Name")`;

/** For who asks for pairs: the ends themselves, and the best name of each. */
const PAIR_COLUMNS = [
  '"outhi" AS "fhi"',
  '"outlo" AS "flo"',
  '"backhi" AS "thi"',
  '"backlo" AS "tlo"',
  '"protocol"',
  '"value"',
  `${oriented(bestName('a'), bestName('b'))} AS "fromName"`,
  `${oriented(bestName('b'), bestName('a'))} AS "toName"`,
];

const labelColumns = (labels: readonly LabelKind[]) => [
  ...labels.map((kind) => `"from_${kind}"`),
  ...labels.map((kind) => `"to_${kind}"`),
];

const SUM_COLUMNS = ['records', 'packets', 'octets', 'dropRecords', 'dropPackets', 'dropOctets'] as const;
const COUNT_COLUMNS = {
  connections: 'true',
  forwarded: '"isForwarded"',
  answered: '"answered"',
  dropped: '"isDropped"',
  mixed: '"isForwarded" AND "isDropped"',
} as const;

/** Numbers of a row of sums: doubles, which are exact up to 2^53. */
const MEASURES = [
  ...Object.entries(COUNT_COLUMNS).map(([name, what]) => `count(*) FILTER (${what})::DOUBLE AS "${name}"`),
  ...DIRECTION_BASES.map((name, basis) => `count(*) FILTER ("basis" = ${basis})::DOUBLE AS "${name}"`),
  ...SUM_COLUMNS.map((name) => `sum("${name}")::DOUBLE AS "${name}"`),
  'min("firstMs") FILTER ("isForwarded") AS "first"',
  'max("lastMs") FILTER ("isForwarded") AS "last"',
  'min("firstMs") FILTER ("isDropped") AS "dropFirst"',
  'max("lastMs") FILTER ("isDropped") AS "dropLast"',
].join(', ');

const SUMS_OF_SUMS = [
  ...[...Object.keys(COUNT_COLUMNS), ...DIRECTION_BASES, ...SUM_COLUMNS].map(
    (name) => `sum("${name}") AS "${name}"`,
  ),
  ...['first', 'dropFirst'].map((name) => `min("${name}") AS "${name}"`),
  ...['last', 'dropLast'].map((name) => `max("${name}") AS "${name}"`),
].join(', ');

/** The class of an address: IPv4 is compared by its lower half alone. */
function addressTree(classes: IntervalClasses, hi: string, lo: string): string {
  const { starts, pieces } = classes;
  const compare = (start: bigint) => {
    const address = addressOf(start);
    return `(${hi} < ${unsigned(address.hi)} OR (${hi} = ${unsigned(address.hi)} AND ${lo} < ${unsigned(address.lo)}))`;
  };
  const compareLow = (start: bigint) => `${lo} < ${unsigned(start)}`;
  const low = starts.filter((start) => start < LOW_HALF).length;
  const others =
    starts.slice(low).length === 0
      ? String(pieces.at(-1) ?? 0)
      : treeOf(starts, pieces, low - 1, starts.length - 1, compare, String);
  return `CASE WHEN ${hi} = 0 THEN ${treeOf(starts, pieces, 0, low - 1, compareLow, String)} ELSE ${others} END`;
}

/** Addresses whose upper half is 0: those of IPv4 among them. */
const LOW_HALF = 1n << 64n;

function tree({ starts, pieces }: IntervalClasses, value: string, leaf: (piece: number) => string): string {
  return treeOf(starts, pieces, 0, starts.length - 1, (start) => `${value} < ${start}`, leaf);
}

/** Pieces `from` to `to` as nested comparisons: a row passes the logarithm of them. */
function treeOf(
  starts: readonly bigint[],
  pieces: readonly number[],
  from: number,
  to: number,
  before: (start: bigint) => string,
  leaf: (piece: number) => string,
): string {
  if (from >= to) return leaf(pieces[from] ?? 0);
  const middle = (from + to + 1) >> 1;
  const left = treeOf(starts, pieces, from, middle - 1, before, leaf);
  const right = treeOf(starts, pieces, middle, to, before, leaf);
  if (left === right) return left;
  return `CASE WHEN ${before(starts[middle] ?? 0n)} THEN ${left} ELSE ${right} END`;
}
