/** Plans of kinds `records` and `sessions` as DuckDB SQL. */
import { FLOW_COLUMNS } from '@weir/ipfix';
import type { DimensionRef } from './dimension.ts';
import { identifier, integer, timestamp } from './duckdb-expression.ts';
import {
  type AnswerColumn,
  counterOf,
  endOf,
  fromAndWhere,
  type RenderedPlan,
  type RenderOptions,
  renderKey,
  startOf,
} from './duckdb-source.ts';
import { isListedField } from './field.ts';
import { parseCursor, type RecordsPlan, type SessionOrder, type SessionsPlan } from './query-plan.ts';

/** The order among records that ended in one millisecond must not change from page to page. */
const RECORD_TIE_BREAK =
  '"srcAddrHi", "srcAddrLo", "dstAddrHi", "dstAddrLo", "srcPort", "dstPort", "protocol", "octets", "packets", "receivedAt"';

export function renderRecords(plan: RecordsPlan, options: RenderOptions): RenderedPlan {
  const cursor = plan.cursor === undefined ? undefined : parseCursor(plan.cursor);
  const further = cursor === undefined ? [] : [`${endOf(options)} <= ${timestamp(cursor.beforeMs)}`];
  const extra = (options.extraColumns ?? []).map(identifier);
  const fields = RECORD_FIELDS.map((dimension) => renderKey(dimension, options));
  const sql = [
    `SELECT ${[...fields.flatMap((field) => field.selected), '"extraLayoutId"', '"extra"', ...extra].join(', ')}`,
    fromAndWhere(plan, RECORD_FIELDS, options, further),
    `ORDER BY ${endOf(options)} DESC, ${RECORD_TIE_BREAK}`,
    `LIMIT ${integer(plan.limit)}${cursor === undefined ? '' : ` OFFSET ${integer(cursor.skip)}`}`,
  ].join('\n');
  const columns: AnswerColumn[] = [
    ...fields.map((field) => field.column),
    { name: 'extraLayoutId', kind: 'layout' },
    { name: 'extra', kind: 'extra' },
    ...(options.extraColumns ?? []).map((name) => ({ name, kind: 'extraField' as const })),
  ];
  return { sql, columns };
}

/** The ends of the records of a plan, newest first, and nothing else of them. */
export function renderRecordEnds(plan: RecordsPlan, options: RenderOptions): RenderedPlan {
  const sql = `SELECT epoch_ms(${endOf(options)}) AS "endMs"
${fromAndWhere(plan, [], options)}
ORDER BY "endMs" DESC LIMIT ${integer(plan.limit)}`;
  return { sql, columns: [{ name: 'endMs', kind: 'timeMs' }] };
}

/** Every stored column that is a field of the language, in the order of FLOW_COLUMNS. */
const RECORD_FIELDS: readonly DimensionRef[] = recordFields();

function recordFields(): DimensionRef[] {
  const names: string[] = [];
  for (const { name } of FLOW_COLUMNS) {
    if (name === 'exporter') names.push('exporter', 'source', 'observationDomainId');
    else if (name.endsWith('Hi')) names.push(name.slice(0, -2));
    else if (!name.endsWith('Lo') && name !== 'extraLayout') names.push(name);
  }
  return names.filter(isListedField).map((name) => ({ name }));
}

const SESSION_ORDER_SQL: Readonly<Record<SessionOrder, string>> = {
  start: '"start"',
  duration: '"duration"',
  octets: '"octets"',
  packets: '"packets"',
  flows: '"flows"',
};

/**
 * One row a session. The side of a record says which of its ends is the initiator; what a biflow's record
 * counts of the other direction counts for the other end.
 */
export function renderSessions(plan: SessionsPlan, options: RenderOptions): RenderedPlan {
  const columns: AnswerColumn[] = [
    { name: 'sessionId', kind: 'number' },
    { name: 'start', kind: 'timeMs' },
    { name: 'end', kind: 'timeMs' },
    { name: 'duration', kind: 'number' },
    { name: 'initiator', kind: 'address', dimension: { name: 'srcAddr' } },
    { name: 'initiatorPort', kind: 'number' },
    { name: 'responder', kind: 'address', dimension: { name: 'dstAddr' } },
    { name: 'responderPort', kind: 'number' },
    ...SESSION_NUMBERS.map(([name]): AnswerColumn => ({ name, kind: 'number' })),
    ...SESSION_COUNTERS.map((name): AnswerColumn => ({ name, kind: 'number' })),
  ];
  const ends = [
    `epoch_ms(min(${startOf(options)})) AS "start"`,
    `epoch_ms(max(${endOf(options)})) AS "end"`,
    `greatest(0, epoch_ms(max(${endOf(options)})) - epoch_ms(min(${startOf(options)}))) AS "duration"`,
    ...END_COLUMNS.flatMap(([initiator, responder, source, destination]) => [
      [initiator, sided(source, destination)] as const,
      [responder, sided(destination, source)] as const,
    ])
      .sort((a, b) => END_ORDER.indexOf(a[0]) - END_ORDER.indexOf(b[0]))
      .map(([name, sql]) => `any_value(${sql}) AS ${identifier(name)}`),
    ...SESSION_NUMBERS.map(([name, sql]) => `${sql} AS ${identifier(name)}`),
  ];
  const counters = [
    ...(['octets', 'packets'] as const).flatMap((counter) => sessionCounters(counter, plan)),
    'count(*) AS "flows"',
  ];
  const order = `${SESSION_ORDER_SQL[plan.orderBy]} ${plan.descending ? 'DESC' : 'ASC'}, "sessionId"`;
  const sql = `SELECT "sessionId", ${[...ends, ...counters].join(', ')}
${fromAndWhere(plan, [], options, ['"sessionId" IS NOT NULL'])}
GROUP BY "sessionId"
ORDER BY ${order}
LIMIT ${integer(plan.limit)}`;
  return { sql, columns };
}

const RESPONDER_SIDE = 'coalesce("sessionSide", 0) = 1';

/** The value of one end, whichever of its record's two it is. */
function sided(ofInitiator: string, ofResponder: string): string {
  return `CASE WHEN ${RESPONDER_SIDE} THEN ${identifier(ofResponder)} ELSE ${identifier(ofInitiator)} END`;
}

const END_COLUMNS = [
  ['initiator hi', 'responder hi', 'srcAddrHi', 'dstAddrHi'],
  ['initiator lo', 'responder lo', 'srcAddrLo', 'dstAddrLo'],
  ['initiatorPort', 'responderPort', 'srcPort', 'dstPort'],
] as const;
/** The order of the answer's columns. */
const END_ORDER: readonly string[] = [
  'initiator hi',
  'initiator lo',
  'initiatorPort',
  'responder hi',
  'responder lo',
  'responderPort',
];

const SESSION_NUMBERS = [
  ['protocol', 'any_value("protocol")'],
  ['directionRule', 'any_value("directionRule")'],
  ['tcpFlags', 'bit_or("tcpFlags")'],
] as const;

const SESSION_COUNTERS = [
  'octetsSent',
  'octetsReceived',
  'octets',
  'packetsSent',
  'packetsReceived',
  'packets',
  'flows',
];

/** What the initiator sent and received. */
function sessionCounters(counter: 'octets' | 'packets', plan: SessionsPlan): string[] {
  const forward = counterOf(counter, plan);
  const reverse = `"${counter === 'octets' ? 'reverseOctets' : 'reversePackets'}"::DOUBLE`;
  const scaledReverse =
    plan.scaled === true ? `${reverse} * greatest(coalesce("samplingRate", 1), 1)` : reverse;
  const ofSide = (onResponderSide: string, otherwise: string) =>
    `sum(coalesce(CASE WHEN ${RESPONDER_SIDE} THEN ${onResponderSide} ELSE ${otherwise} END, 0))`;
  return [
    `${ofSide(scaledReverse, forward)} AS "${counter}Sent"`,
    `${ofSide(forward, scaledReverse)} AS "${counter}Received"`,
    `sum(coalesce(${forward}, 0) + coalesce(${scaledReverse}, 0)) AS "${counter}"`,
  ];
}
