/** All that a page about a host, user or peer shows: asked of the store in one turn of the queue. */
import {
  type ActivityCell,
  activityOf,
  HISTORY_SETS,
  HOUR_MS,
  hourStartOf,
  judgeByCells,
  type SubjectAsked,
  serviceFilter,
  serviceText,
  subjectAddressesSql,
  subjectCountriesSql,
  subjectDropsSql,
  subjectFilter,
  subjectHistorySql,
  subjectNamesSql,
  subjectPeersSql,
  subjectPerformanceSql,
  subjectSeriesSql,
  subjectServicesSql,
  WEEK_MS,
} from '@weir/analysis';
import type { AnalysisStore } from '../analyses/analysis-queue.ts';
import { stepOf, stepsOf } from '../analyses/asked-range.ts';

type Row = Readonly<Record<string, unknown>>;

const ROWS = 50;
const HISTORY_ROWS = 2000;
const STEPS = 120;
const SESSIONS = 50;
/** Unusual hours that are told. */
const UNUSUAL_MAX = 10;

export async function readSubjectPage(store: AnalysisStore, asked: SubjectAsked) {
  const { range, history, subject } = asked;
  const rowsOf = async (sql: string | undefined, within = range) =>
    sql === undefined ? [] : (await store.sql(sql, { range: within })).rows;
  const stepMs = stepOf(range, STEPS);
  const times = stepsOf(range, stepMs);
  const steps = await rowsOf(subjectSeriesSql(asked, stepMs));
  const known = historyOf(await rowsOf(subjectHistorySql(asked, HISTORY_ROWS), history), asked);
  const [timing] = await rowsOf(subjectPerformanceSql(asked));
  const series = seriesOf(times, steps);
  return {
    kind: subject.kind,
    value: subject.value,
    filter: subjectFilter(subject),
    historyFrom: history.fromMs,
    stepMs,
    times,
    series,
    totals: { sent: sum(series.sent), received: sum(series.received), flows: sum(series.flows) },
    names: await rowsOf(subjectNamesSql(asked)),
    addresses: await rowsOf(subjectAddressesSql(asked, ROWS)),
    peers: (await rowsOf(subjectPeersSql(asked, ROWS))).map((row) =>
      known.withFirst('other', row, String(row['address'])),
    ),
    peerCounts: known.counts,
    services: (await rowsOf(subjectServicesSql(asked, ROWS))).map((row) =>
      known.withFirst('service', withService(row), serviceKey(row)),
    ),
    countries: await rowsOf(subjectCountriesSql(asked, ROWS)),
    drops: (await rowsOf(subjectDropsSql(asked, ROWS))).map(withService),
    activity: known.activity,
    performance: timing === undefined ? null : performanceOf(timing),
    sessions: await sessionsOf(store, asked),
  };
}

async function sessionsOf(
  store: AnalysisStore,
  { subject, range, filter }: SubjectAsked,
): Promise<readonly Row[]> {
  const own = subjectFilter(subject);
  const answer = await store.query({
    kind: 'sessions',
    timeRange: range,
    filter: filter.text.trim() === '' ? own : `(${filter.text}\n) and ${own}`,
    ...(filter.lists === undefined ? {} : { lists: filter.lists }),
    deduplicated: true,
    orderBy: 'start',
    descending: true,
    limit: SESSIONS,
  });
  return answer.rows;
}

function seriesOf(times: readonly number[], rows: readonly Row[]) {
  const byStep = new Map(rows.map((row) => [Number(row['step']), row]));
  const line = (name: string) => times.map((time) => Number(byStep.get(time)?.[name] ?? 0));
  return { sent: line('sent'), received: line('received'), flows: line('flows') };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function withService(row: Row) {
  const [protocol, port] = [numberOrNull(row['protocol']), numberOrNull(row['port'])];
  return { ...row, service: serviceText(protocol, port), filter: serviceFilter(protocol, port) };
}

const serviceKey = (row: Row): string => `${row['role']} ${row['protocol']} ${row['port']}`;

/** What the history says of others and services, and the activity by hour of the week. */
function historyOf(rows: readonly Row[], { history, range }: SubjectAsked) {
  const firsts = { other: new Map<string, number>(), service: new Map<string, number>() };
  const counts = { all: 0, fresh: 0 };
  const hours: { hourMs: number; octets: number }[] = [];
  for (const row of rows) {
    const set = HISTORY_SETS[Number(row['set'])];
    if (set === 'hour') hours.push({ hourMs: Number(row['hourMs']), octets: Number(row['octets']) });
    else if (set === 'other') {
      firsts.other.set(String(row['address']), Number(row['firstMs']));
      Object.assign(counts, { all: Number(row['all']), fresh: Number(row['fresh']) });
    } else if (set === 'service') firsts.service.set(serviceKey(row), Number(row['firstMs']));
  }
  return {
    counts,
    activity: activity(hours, history.fromMs, range),
    withFirst(set: 'other' | 'service', row: Row, key: string) {
      const firstMs = firsts[set].get(key) ?? null;
      return { ...row, firstMs, isNew: firstMs !== null && firstMs >= range.fromMs };
    },
  };
}

/** Cells of the whole history, and hours of the range that are unusual by the hours before them. */
function activity(
  hours: readonly { hourMs: number; octets: number }[],
  historyFromMs: number,
  range: { fromMs: number; toMs: number },
) {
  const fromMs = Math.max(historyFromMs, hours[0]?.hourMs ?? range.fromMs);
  const firstMs = hourStartOf(range.fromMs);
  const before: readonly ActivityCell[] = activityOf(hours, fromMs, firstMs);
  const unusual = hours
    .filter(({ hourMs }) => hourMs >= firstMs)
    .map(({ hourMs, octets }) => ({ hourMs, octets, ...judgeByCells(before, hourMs) }))
    .filter((each) => each.unusual)
    .slice(0, UNUSUAL_MAX);
  return {
    weeks: Math.max(0, (range.toMs - fromMs) / WEEK_MS),
    cells: activityOf(hours, fromMs, hourStartOf(range.toMs + HOUR_MS - 1)),
    unusual,
  };
}

function performanceOf(row: Row) {
  const [again, packets] = [numberOrNull(row['retransmitted']), numberOrNull(row['packets'])];
  return {
    samples: Number(row['samples'] ?? 0),
    roundTripP50: numberOrNull(row['roundTripP50']),
    roundTripP95: numberOrNull(row['roundTripP95']),
    retransmittedShare: again === null || packets === null || packets === 0 ? null : again / packets,
  };
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
