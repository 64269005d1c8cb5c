/** A store for tests: records in an array, plans answered one record at a time and without cleverness. */
import {
  type AnswerRow,
  formatDimension,
  matchesFilter,
  type PlanSource,
  parseFilter,
  planNotes,
  type QueryPlan,
  type QueryResult,
} from '@weir/analysis';
import type { QueryableStore } from './store-questions.ts';

/** Times are milliseconds since the epoch; what is missing is null. */
export interface MemoryRecord {
  readonly receivedAt: number;
  readonly flowStart: number;
  readonly flowEnd: number;
  readonly octets: number;
  readonly packets: number;
  readonly [field: string]: string | number | null;
}

export interface MemoryStore extends QueryableStore {
  readonly records: MemoryRecord[];
  /** Plans that were asked, newest last. */
  readonly plans: QueryPlan[];
  /** How many questions were cancelled while they were asked. */
  cancelled: number;
  /** When set, questions wait for it before they are answered. */
  gate: Promise<void> | undefined;
}

export function createMemoryStore(records: MemoryRecord[] = []): MemoryStore {
  const store: MemoryStore = {
    records,
    plans: [],
    cancelled: 0,
    gate: undefined,
    async query(plan, { signal } = {}) {
      store.plans.push(plan);
      signal?.addEventListener('abort', () => {
        store.cancelled += 1;
      });
      await store.gate;
      return answer(plan, records);
    },
    estimate: async () => ({ ...RECORDS, rows: records.length, octets: 1000 }),
  };
  return store;
}

const RECORDS: PlanSource = { source: 'raw', why: 'records, exact', rows: 0, octets: 0 };

function answer(plan: QueryPlan, records: readonly MemoryRecord[]): QueryResult {
  const filter = parseFilter(plan.filter ?? '', { lists: plan.lists ?? {} });
  const { fromMs, toMs } = plan.timeRange;
  const chosen = records.filter(
    (record) => record.flowEnd >= fromMs && record.flowEnd < toMs && matchesFilter(filter, record),
  );
  const rows =
    plan.kind === 'records'
      ? chosen
          .sort((a, b) => b.flowEnd - a.flowEnd)
          .slice(0, plan.limit)
          .map(readable)
      : plan.kind === 'groups'
        ? groups(plan, chosen).slice(0, plan.limit)
        : plan.kind === 'series'
          ? series(plan, chosen)
          : [];
  return { columns: [], rows, elapsedMs: 1, notes: planNotes(plan), source: RECORDS };
}

function readable(record: MemoryRecord): AnswerRow {
  const iso = (timeMs: number): string => new Date(timeMs).toISOString();
  const { receivedAt, flowStart, flowEnd } = record;
  return { ...record, receivedAt: iso(receivedAt), flowStart: iso(flowStart), flowEnd: iso(flowEnd) };
}

function groups(
  plan: Extract<QueryPlan, { kind: 'groups' | 'series' }>,
  records: readonly MemoryRecord[],
): AnswerRow[] {
  const names = plan.groupBy.map(formatDimension);
  const rows = new Map<string, AnswerRow>();
  for (const record of records) {
    const key = names.map((name) => record[name] ?? null);
    const id = JSON.stringify(key);
    const row = rows.get(id) ?? {
      ...Object.fromEntries(names.map((name, index) => [name, key[index] ?? null])),
      octets: 0,
      packets: 0,
      flows: 0,
    };
    row['octets'] = Number(row['octets']) + record.octets;
    row['packets'] = Number(row['packets']) + record.packets;
    row['flows'] = Number(row['flows']) + 1;
    rows.set(id, row);
  }
  if (names.length === 0 && rows.size === 0) return [{ octets: 0, packets: 0, flows: 0 }];
  return [...rows.values()].sort((a, b) => Number(b[plan.orderBy]) - Number(a[plan.orderBy]));
}

/** Flows count whole in the step in which they ended. */
function series(plan: Extract<QueryPlan, { kind: 'series' }>, records: readonly MemoryRecord[]): AnswerRow[] {
  const names = plan.groupBy.map(formatDimension);
  const keyOf = (row: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(names.map((name) => row[name] ?? null));
  const top = new Set(groups(plan, records).slice(0, plan.limit).map(keyOf));
  const steps = new Map<number, MemoryRecord[]>();
  for (const record of records) {
    const step = Math.floor(record.flowEnd / plan.stepMs);
    steps.set(step, [...(steps.get(step) ?? []), record]);
  }
  const rows: AnswerRow[] = [];
  for (const [step, members] of steps) {
    const time = new Date(step * plan.stepMs).toISOString();
    const ranked = members.filter((record) => top.has(keyOf(record)));
    const rest = members.filter((record) => !top.has(keyOf(record)));
    for (const row of groups(plan, ranked)) rows.push({ time, other: false, ...row });
    const [others] = rest.length === 0 ? [] : groups({ ...plan, groupBy: [] }, rest);
    if (others !== undefined) rows.push({ time, other: true, ...others });
  }
  return rows;
}
