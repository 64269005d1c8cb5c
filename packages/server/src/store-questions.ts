/** The questions of the API as plans of `analysis`, put to a store through the gate. */
import {
  type AnswerRow,
  type AnswerValue,
  automaticStepMs,
  formatDimension,
  type PlanSource,
  parseQueryPlan,
  planNotes,
  type QueryPlan,
  type QueryResult,
  renderSql,
} from '@weir/analysis';
import type { Clock } from '@weir/base';
import { bothFilters, narrowPlan } from './access/row-filter.ts';
import type {
  DimensionValue,
  FlowsAnswer,
  Measures,
  Pulse,
  QueryAnswer,
  SeriesAnswer,
  SeriesLine,
} from './answers.ts';
import type { FlowQuestions, RankQuestion, RecordsQuestion, SeriesQuestion } from './flow-questions.ts';
import type { QueryGate } from './query-gate.ts';
import { createQuestionSpeed, type QuestionSpeed } from './question-speed.ts';
import type { SqlStore } from './sql-routes.ts';
import { createValueSuggestions, type ValueSuggestions } from './value-suggestions.ts';

/** What the server needs of a store; FlowStore of `storage` has it. */
export interface QueryableStore {
  query(plan: QueryPlan, options?: { signal?: AbortSignal }): Promise<QueryResult>;
  /** Where a plan would be answered from, and what would be read. */
  estimate(plan: QueryPlan): Promise<PlanSource>;
  /** Where the engine speaks SQL. */
  sql?: SqlStore['sql'];
}

/** The tiles show means over this long: shorter jumps about, longer is not "now". */
const PULSE_WINDOW_MS = 60_000;
/** Records that arrive now ended at most this long ago, or they are not part of "now". */
const PULSE_FLOW_AGE_MAX_MS = 3_600_000;
/** Clocks of exporters run ahead; their newest records are shown all the same. */
const CLOCK_SKEW_MAX_MS = 3_600_000;
const PULSE_EXPORTERS_MAX = 10_000;

interface StoreQuestionsOptions {
  readonly store: QueryableStore;
  readonly gate: QueryGate;
  readonly clock: Clock;
  /** The lines of a named list. */
  readonly readList?: (name: string) => readonly string[] | undefined;
}

/** Row filters whose questions are kept at hand: as many as there are different ones among people who look now. */
const NARROWED_MAX = 64;

export interface StoreQuestions extends FlowQuestions, ValueSuggestions {
  narrowed(rowFilter: string): StoreQuestions;
  /** Answers a plan from outside. Throws what parseQueryPlan throws. */
  plan(input: unknown, signal: AbortSignal): Promise<QueryResult & { sql: string }>;
  /** Where a plan from outside would be answered from, and what would be read. */
  estimate(input: unknown): Promise<Estimate>;
  /** The same for a ranking. */
  estimateRank(question: RankQuestion): Promise<Estimate>;
}

export interface Estimate extends PlanSource {
  /** Going by how fast this store answered large questions before. */
  readonly expectedMs: number;
  readonly notes: string[];
  readonly sql: string;
}

export function createStoreQuestions(options: StoreQuestionsOptions): StoreQuestions {
  const known = new Map<string, StoreQuestions>();
  const speed = createQuestionSpeed();

  function narrowed(rowFilter: string): StoreQuestions {
    const questions =
      known.get(rowFilter) ?? createNarrowedQuestions({ ...options, speed }, rowFilter, narrowed);
    known.delete(rowFilter);
    known.set(rowFilter, questions);
    for (const oldest of known.keys()) {
      if (known.size <= NARROWED_MAX) break;
      known.delete(oldest);
    }
    return questions;
  }

  return narrowed('');
}

/** Every plan goes through `parse`, and `parse` puts the row filter into it. */
function createNarrowedQuestions(
  options: StoreQuestionsOptions & { readonly speed: QuestionSpeed },
  rowFilter: string,
  narrowed: (rowFilter: string) => StoreQuestions,
): StoreQuestions {
  const { store, gate, clock, speed } = options;
  const parse = (input: unknown): QueryPlan =>
    parseQueryPlan(
      narrowPlan(input, rowFilter),
      options.readList === undefined ? {} : { readList: options.readList },
    );
  const suggestions = createValueSuggestions(ask, parse, clock);
  /** How much the store would read says how much there is. */
  const shown = (source: PlanSource): PlanSource =>
    rowFilter === '' ? source : { ...source, rows: 0, octets: 0 };

  function ask(plan: QueryPlan, signal: AbortSignal): Promise<QueryResult> {
    const answer = async (cancel: AbortSignal): Promise<QueryResult> => {
      const result = await store.query(plan, { signal: cancel });
      speed.learn(result.source.rows, result.elapsedMs);
      return result;
    };
    return gate.run(JSON.stringify(plan), answer, signal);
  }

  async function estimate(plan: QueryPlan): Promise<Estimate> {
    const source = await store.estimate(plan);
    const expectedMs = rowFilter === '' ? speed.expectedMs(source.rows) : 0;
    return { ...shown(source), expectedMs, notes: planNotes(plan), sql: renderSql(plan).sql };
  }

  /** The groups, and what they are part of. */
  function rankPlans(question: RankQuestion): { plan: QueryPlan; totalPlan: QueryPlan } {
    const { filter, deduplicated, scaled, measures, previous, window } = question;
    const common = { kind: 'groups', timeRange: window, filter, deduplicated, scaled };
    const ranking = { orderBy: question.orderBy, limit: question.top, measures, previous };
    return {
      plan: parse({ ...common, ...ranking, groupBy: question.by }),
      totalPlan: parse({ ...common, groupBy: [], limit: 1 }),
    };
  }

  async function rank(question: RankQuestion, signal: AbortSignal): Promise<QueryAnswer> {
    const { fromMs, toMs } = question.window;
    const { plan, totalPlan } = rankPlans(question);
    const [answer, total] = await Promise.all([ask(plan, signal), ask(totalPlan, signal)]);
    return {
      from: fromMs,
      to: toMs,
      by: dimensionsOf(plan),
      rows: answer.rows as QueryAnswer['rows'],
      total: measuresOf(total.rows[0]),
      tookMs: answer.elapsedMs,
      sql: renderSql(plan).sql,
      notes: [...answer.notes],
      source: shown(answer.source),
    };
  }

  return {
    narrowed,
    rank,
    values: suggestions.values,
    async plan(input, signal) {
      const plan = parse(input);
      const answer = await ask(plan, signal);
      return { ...answer, source: shown(answer.source), sql: renderSql(plan).sql };
    },
    estimate: async (input) => estimate(parse(input)),
    estimateRank: async (question) => estimate(rankPlans(question).plan),
    async series(question, signal) {
      const plan = seriesPlan(question, parse);
      const answer = await ask(plan, signal);
      return { ...seriesAnswer(plan, answer), sql: renderSql(plan).sql };
    },
    async records(question, signal) {
      const plan = recordsPlan(question, clock.nowMs(), parse);
      return { ...recordsAnswer(await ask(plan, signal)), sql: renderSql(plan).sql };
    },
    async pulse(filter, signal) {
      const plan = pulsePlan(filter, clock.nowMs(), parse);
      const answer = await ask(plan, signal);
      return pulseAnswer(answer, plan.timeRange.toMs - CLOCK_SKEW_MAX_MS);
    },
  };
}

type ParsePlan = (input: unknown) => QueryPlan;

/** Whole steps only: a step that has just begun would look like a drop in traffic. */
function seriesPlan(question: SeriesQuestion, parse: ParsePlan) {
  const stepMs = automaticStepMs(question.window, question.points);
  const fromMs = Math.ceil(question.window.fromMs / stepMs) * stepMs;
  const toMs = Math.max(fromMs + stepMs, Math.floor(question.window.toMs / stepMs) * stepMs);
  const plan = parse({
    kind: 'series',
    timeRange: { fromMs, toMs },
    filter: question.filter,
    deduplicated: question.deduplicated,
    scaled: question.scaled,
    groupBy: question.by,
    orderBy: question.orderBy,
    limit: question.top,
    stepMs,
  });
  if (plan.kind !== 'series') throw new Error('a series plan is a series plan');
  return plan;
}

/** One row a group and step becomes one line a group with a value for every step, largest line first. */
function seriesAnswer(plan: ReturnType<typeof seriesPlan>, answer: QueryResult): SeriesAnswer {
  const { fromMs, toMs } = plan.timeRange;
  const { stepMs } = plan;
  const by = dimensionsOf(plan);
  const count = Math.ceil((toMs - fromMs) / stepMs);
  const lines = new Map<string, SeriesLine>();
  for (const row of answer.rows) {
    const key = row['other'] === true ? null : by.map((name) => dimensionValue(row[name]));
    const id = JSON.stringify(key);
    const line = lines.get(id) ?? emptyLine(key, count);
    lines.set(id, line);
    const index = Math.floor((Date.parse(String(row['time'])) - fromMs) / stepMs);
    if (index < 0 || index >= count) continue;
    for (const name of ['octets', 'packets', 'flows'] as const)
      line[name][index] = Math.round(numberOf(row[name]) * 10) / 10;
  }
  const sum = (line: SeriesLine): number =>
    line.key === null ? -1 : line[plan.orderBy].reduce((total, value) => total + value, 0);
  return {
    from: fromMs,
    to: toMs,
    stepMs,
    by,
    times: Array.from({ length: count }, (_, index) => fromMs + index * stepMs),
    series: [...lines.values()].sort((a, b) => sum(b) - sum(a)),
    tookMs: answer.elapsedMs,
  };
}

function emptyLine(key: DimensionValue[] | null, count: number): SeriesLine {
  const zeros = (): number[] => new Array<number>(count).fill(0);
  return { key, octets: zeros(), packets: zeros(), flows: zeros() };
}

function recordsPlan(question: RecordsQuestion, nowMs: number, parse: ParsePlan): QueryPlan {
  const { fromMs, toMs } = question.window;
  // A window that ends now goes on a little: its end moves with each question, which a shared answer must
  // not.
  const endsNow = Math.abs(nowMs - toMs) < 1000;
  return parse({
    kind: 'records',
    timeRange: { fromMs, toMs: endsNow ? toMs + CLOCK_SKEW_MAX_MS : toMs },
    filter: question.filter,
    limit: question.limit,
    cursor: question.cursor,
  });
}

function recordsAnswer(answer: QueryResult): FlowsAnswer {
  return {
    flows: answer.rows.map(withoutNulls) as FlowsAnswer['flows'],
    next: answer.nextCursor ?? null,
    tookMs: answer.elapsedMs,
  };
}

/** A record has some forty fields and half of them are absent: what is null is left out. */
function withoutNulls(row: AnswerRow): AnswerRow {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}

/**
 * What was reported in the window, by time of arrival: flows are reported some seconds after they ended, so
 * what *ended* in the last minute is never all there yet, what *arrived* is.
 */
function pulsePlan(filter: string, nowMs: number, parse: ParsePlan) {
  const arrived = `receivedAt >= ${new Date(nowMs - PULSE_WINDOW_MS).toISOString()}`;
  return parse({
    kind: 'groups',
    timeRange: { fromMs: nowMs - PULSE_FLOW_AGE_MAX_MS, toMs: nowMs + CLOCK_SKEW_MAX_MS },
    filter: bothFilters(arrived, filter),
    groupBy: ['exporter'],
    orderBy: 'flows',
    limit: PULSE_EXPORTERS_MAX,
  });
}

function pulseAnswer(answer: QueryResult, nowMs: number): Pulse {
  const total: Measures = { octets: 0, packets: 0, flows: 0 };
  for (const row of answer.rows) {
    const measures = measuresOf(row);
    total.octets += measures.octets;
    total.packets += measures.packets;
    total.flows += measures.flows;
  }
  return { ...total, at: nowMs, windowMs: PULSE_WINDOW_MS, exporters: answer.rows.length };
}

function dimensionsOf(plan: QueryPlan): string[] {
  return 'groupBy' in plan ? plan.groupBy.map(formatDimension) : [];
}

function measuresOf(row: AnswerRow | undefined): Measures {
  return {
    octets: numberOf(row?.['octets']),
    packets: numberOf(row?.['packets']),
    flows: numberOf(row?.['flows']),
  };
}

/** A measure; integers past 2^53 come as text and lose their last digits here. */
const numberOf = (value: AnswerValue | undefined): number => Number(value ?? 0);

const dimensionValue = (value: AnswerValue | undefined): DimensionValue =>
  typeof value === 'string' || typeof value === 'number' ? value : null;
