/**
 * A question to the store, as data: what the API, the command line and the console all build, and what a SQL
 * dialect renders. A plan is plain JSON; its filter is text of the filter language.
 */
import { UserError } from '@weir/base';
import {
  type DimensionRef,
  EITHER_SIDE,
  formatDimension,
  isEitherSide,
  parseDimension,
} from './dimension.ts';
import { FIELDS, fieldNamed } from './field.ts';
import { FilterError } from './filter-expression.ts';
import { type FilterLists, listNamesIn } from './filter-list.ts';
import { parseFilter } from './filter-parser.ts';
import { type BaseMeasure, MEASURES, type Measure, measureHint, parseMeasure } from './measure.ts';
import { didYouMean } from './near-miss.ts';

/**
 * Milliseconds since the epoch, `toMs` exclusive. A flow belongs to the range in which it ended (in which
 * its record arrived, when it has no end), so adjacent ranges count every flow once; a series counts the
 * part of a flow that lies in the range.
 */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Question {
  readonly timeRange: TimeRange;
  readonly filter?: string;
  /** The lines of the lists that the filter names. */
  readonly lists?: FilterLists;
  /** Leaves out records of packets that another observation point told of before; else all count. */
  readonly deduplicated?: boolean;
  /** Multiplies octets and packets by the sampling rate of their record; else they are as exported. */
  readonly scaled?: boolean;
  /** Insists on records or on roll-ups; else the planner chooses. */
  readonly from?: PlanSourceKind;
}

export type PlanSourceKind = 'raw' | 'rollup';

/** The largest groups: one row for each, with its dimensions, the sums of MEASURES, and more measures. */
export interface GroupsPlan extends Question {
  readonly kind: 'groups';
  /** Empty: one row with the totals. */
  readonly groupBy: readonly DimensionRef[];
  /** Beyond MEASURES and what `orderBy` names. */
  readonly measures?: readonly string[];
  /** Name of a measure. */
  readonly orderBy: string;
  readonly descending: boolean;
  readonly limit: number;
  /** Adds `octetsBefore` and so on: the sums of the period of the same length before. */
  readonly previous?: boolean;
  /** Step of the rates that maxima and percentiles are of; automatic when not given. */
  readonly stepMs?: number;
}

/**
 * Measures over time for the `limit` largest groups and, in rows with `other` true and no dimensions, for
 * all the rest. A row for each step and group that has traffic; steps are aligned to the epoch. Octets and
 * packets are spread evenly over the time from flowStart to flowEnd, so that long flows which were exported
 * late show up when they happened; a flow is counted in the step in which it ended.
 */
export interface SeriesPlan extends Question {
  readonly kind: 'series';
  readonly groupBy: readonly DimensionRef[];
  readonly orderBy: BaseMeasure;
  readonly limit: number;
  readonly stepMs: number;
}

/** Flow records themselves, newest first (by flowEnd, else receivedAt). */
export interface RecordsPlan extends Question {
  readonly kind: 'records';
  readonly limit: number;
  /** Where the page before ended: `nextCursor` of its answer. */
  readonly cursor?: string;
}

/** Sessions: the records of one sessionId in one row, with the counters of each direction. */
export interface SessionsPlan extends Question {
  readonly kind: 'sessions';
  readonly orderBy: SessionOrder;
  readonly descending: boolean;
  readonly limit: number;
}

export const SESSION_ORDERS = ['start', 'duration', 'octets', 'packets', 'flows'] as const;
export type SessionOrder = (typeof SESSION_ORDERS)[number];

export type QueryPlan = GroupsPlan | SeriesPlan | RecordsPlan | SessionsPlan;

/** Rows of one answer; more belongs into an export. */
export const LIMIT_MAX = 100_000;
/** Lines of one chart. */
const SERIES_LIMIT_MAX = 1000;
/** Points of one line. */
const SERIES_STEPS_MAX = 10_000;
const DIMENSIONS_MAX = 16;
const MEASURES_MAX = 16;
const LIMIT_DEFAULT = 10;
const RECORDS_LIMIT_DEFAULT = 100;
/** The year 3000: beyond it a time is a mistake in the unit. */
const TIME_MAX_MS = 32_503_680_000_000;

export interface ParsePlanOptions {
  /** The lines of a named list, undefined when there is none; for lists that the plan does not bring along. */
  readonly readList?: (name: string) => readonly string[] | undefined;
}

/**
 * Reads a plan from untrusted JSON. `groupBy` may hold dimensions as text (`"srcAddr/24"`). Throws a
 * UserError `plan_invalid`, or a FilterError for the filter.
 */
export function parseQueryPlan(input: unknown, options: ParsePlanOptions = {}): QueryPlan {
  const plan = asObject(input, 'the plan');
  const question: Question = {
    timeRange: readTimeRange(plan['timeRange']),
    ...readFilter(plan['filter'], plan['lists'], options),
    ...readFlag(plan, 'deduplicated'),
    ...readFlag(plan, 'scaled'),
    ...readSource(plan['from']),
  };
  switch (plan['kind']) {
    case 'groups':
      return readGroups(plan, question);
    case 'series':
      return readSeries(plan, question);
    case 'records':
      return {
        kind: 'records',
        ...question,
        limit: readInteger(plan['limit'], 'limit', RECORDS_LIMIT_DEFAULT, LIMIT_MAX),
        ...readCursor(plan['cursor']),
      };
    case 'sessions':
      return {
        kind: 'sessions',
        ...question,
        orderBy: readOneOf(plan['orderBy'], 'orderBy', SESSION_ORDERS, 'octets'),
        descending: readBoolean(plan['descending'], 'descending', true),
        limit: readInteger(plan['limit'], 'limit', RECORDS_LIMIT_DEFAULT, LIMIT_MAX),
      };
    default:
      throw invalid(`kind is ${show(plan['kind'])}; it must be "groups", "series", "records" or "sessions"`);
  }
}

/** The measures of a groups plan beyond MEASURES, `orderBy` included, each once. */
export function furtherMeasures(plan: Pick<GroupsPlan, 'measures' | 'orderBy' | 'groupBy'>): Measure[] {
  const sides = plan.groupBy.some(isEitherSide)
    ? ['octetsSent', 'octetsReceived', 'packetsSent', 'packetsReceived']
    : [];
  const names = [...sides, ...(plan.measures ?? []), plan.orderBy];
  const found = new Map<string, Measure>();
  for (const name of names) {
    const measure = parseMeasure(name);
    if (measure !== undefined && measure.kind !== 'sum') found.set(measure.name, measure);
  }
  return [...found.values()];
}

/**
 * The flows that a plan reads: those that ended from `fromMs` to `toMs`, or, `overlapping`, those of which a
 * part lies there. More than its time range when it asks for the period before, too.
 */
export function rangeRead(plan: QueryPlan): TimeRange & { readonly overlapping: boolean } {
  const { fromMs, toMs } = plan.timeRange;
  const withPrevious = plan.kind === 'groups' && plan.previous === true;
  const stepwise = plan.kind === 'groups' && furtherMeasures(plan).some(isStepwise);
  return {
    fromMs: withPrevious ? Math.max(0, fromMs - (toMs - fromMs)) : fromMs,
    toMs,
    overlapping: plan.kind === 'series' || stepwise,
  };
}

function isStepwise(measure: Measure): boolean {
  return measure.kind === 'rate' && measure.statistic !== 'average';
}

/** The step of a plan's rates. */
export function rateStepMs(plan: GroupsPlan): number {
  return plan.stepMs ?? automaticStepMs(plan.timeRange);
}

/** A step of a round length, so that the range has about `points` of them. */
export function automaticStepMs({ fromMs, toMs }: TimeRange, points = 200): number {
  const wanted = (toMs - fromMs) / points;
  return ROUND_STEPS_MS.find((step) => step >= wanted) ?? Math.ceil(wanted / DAY_MS) * DAY_MS;
}

/** Position in a list of records: rows that ended before `beforeMs + 1`, without the first `skip` of them. */
export interface RecordsCursor {
  readonly beforeMs: number;
  readonly skip: number;
}

export function parseCursor(text: string): RecordsCursor | undefined {
  const match = /^(\d{1,15})\.(\d{1,7})$/.exec(text);
  return match === null ? undefined : { beforeMs: Number(match[1]), skip: Number(match[2]) };
}

export function formatCursor({ beforeMs, skip }: RecordsCursor): string {
  return `${beforeMs}.${skip}`;
}

const DAY_MS = 86_400_000;
const ROUND_STEPS_MS = [
  1000,
  2000,
  5000,
  10_000,
  15_000,
  30_000,
  60_000,
  120_000,
  300_000,
  600_000,
  900_000,
  1_800_000,
  3_600_000,
  7_200_000,
  10_800_000,
  21_600_000,
  43_200_000,
  DAY_MS,
];

function readGroups(plan: Record<string, unknown>, question: Question): GroupsPlan {
  const groupBy = readGroupBy(plan['groupBy']);
  const measures = readMeasures(plan['measures']);
  const groups: GroupsPlan = {
    kind: 'groups',
    ...question,
    groupBy,
    ...(measures.length === 0 ? {} : { measures }),
    orderBy: readMeasure(plan['orderBy'] ?? 'octets', 'orderBy').name,
    descending: readBoolean(plan['descending'], 'descending', true),
    limit: readInteger(plan['limit'], 'limit', LIMIT_DEFAULT, LIMIT_MAX),
    ...readFlag(plan, 'previous'),
    ...(plan['stepMs'] === undefined ? {} : { stepMs: readStep(plan, question.timeRange) }),
  };
  const needsSides = furtherMeasures(groups).find(({ kind }) => kind === 'sent' || kind === 'received');
  if (needsSides !== undefined && !groupBy.some(isEitherSide)) {
    throw invalid(`${needsSides.name} needs a dimension of either side in groupBy, such as host`);
  }
  return groups;
}

function readSeries(plan: Record<string, unknown>, question: Question): SeriesPlan {
  return {
    kind: 'series',
    ...question,
    groupBy: readGroupBy(plan['groupBy']),
    orderBy: readOneOf(plan['orderBy'], 'orderBy', MEASURES, 'octets'),
    limit: readInteger(plan['limit'], 'limit', LIMIT_DEFAULT, SERIES_LIMIT_MAX),
    stepMs: readStep(plan, question.timeRange),
  };
}

function readStep(plan: Record<string, unknown>, timeRange: TimeRange): number {
  const stepMs = readInteger(plan['stepMs'], 'stepMs', automaticStepMs(timeRange), TIME_MAX_MS);
  const steps = (timeRange.toMs - timeRange.fromMs) / stepMs;
  if (steps <= SERIES_STEPS_MAX) return stepMs;
  throw invalid(`stepMs ${stepMs} makes ${Math.ceil(steps)} steps; at most ${SERIES_STEPS_MAX} are allowed`);
}

function readTimeRange(input: unknown): TimeRange {
  const range = asObject(input, 'timeRange');
  const fromMs = readTime(range['fromMs'], 'timeRange.fromMs');
  const toMs = readTime(range['toMs'], 'timeRange.toMs');
  if (toMs <= fromMs)
    throw invalid(`timeRange ends (${timeText(toMs)}) before it begins (${timeText(fromMs)})`);
  return { fromMs, toMs };
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function readTime(input: unknown, name: string): number {
  if (typeof input === 'number' && Number.isInteger(input) && input >= 0 && input <= TIME_MAX_MS)
    return input;
  throw invalid(`${name} is ${show(input)}; it must be milliseconds since 1970, a whole number`);
}

/** The filter, and the lists that it names: the plan's own before those that can be read. */
function readFilter(
  input: unknown,
  brought: unknown,
  { readList }: ParsePlanOptions,
): Pick<Question, 'filter' | 'lists'> {
  if (input === undefined || input === null || input === '') return {};
  if (typeof input !== 'string') throw invalid(`filter is ${show(input)}; it must be text`);
  const own = brought === undefined || brought === null ? {} : asObject(brought, 'lists');
  const lists: Record<string, readonly string[]> = {};
  for (const name of listNamesIn(input)) {
    const lines = Object.hasOwn(own, name) ? readLines(own[name], name) : readList?.(name);
    if (lines !== undefined) lists[name] = lines;
  }
  parseFilter(input, { lists });
  return Object.keys(lists).length === 0 ? { filter: input } : { filter: input, lists };
}

function readLines(input: unknown, name: string): readonly string[] {
  if (Array.isArray(input) && input.every((line) => typeof line === 'string')) return input;
  throw invalid(`lists.${name} is ${show(input)}; it must be a list of texts`);
}

function readGroupBy(input: unknown): DimensionRef[] {
  if (input === undefined || input === null) return [];
  if (!Array.isArray(input)) throw invalid(`groupBy is ${show(input)}; it must be a list of dimensions`);
  if (input.length > DIMENSIONS_MAX) throw invalid(`groupBy has at most ${DIMENSIONS_MAX} dimensions`);
  const dimensions = input.map(readDimension);
  const names = new Set(dimensions.map(formatDimension));
  if (names.size < dimensions.length) throw invalid('groupBy names a dimension twice');
  return dimensions;
}

function readDimension(input: unknown): DimensionRef {
  const text = typeof input === 'string' ? input : formatDimension(asObject(input, 'groupBy') as never);
  const dimension = parseDimension(text);
  if (dimension !== undefined) return dimension;
  const known = fieldNamed(text.split('/')[0] ?? '');
  throw invalid(
    known === undefined
      ? `groupBy: there is no dimension ${show(text)}${didYouMean(text, groupableNames())} (allowed: ${groupableNames().join(', ')}; an address with a prefix length, as in srcAddr/24)`
      : `groupBy: ${show(text)} cannot be grouped by`,
  );
}

function groupableNames(): string[] {
  const names = FIELDS.filter(({ groupable }) => groupable).map(({ name }) => name);
  return [...names, ...Object.keys(EITHER_SIDE)];
}

function readMeasures(input: unknown): string[] {
  if (input === undefined || input === null) return [];
  if (!Array.isArray(input)) throw invalid(`measures is ${show(input)}; it must be a list of measures`);
  if (input.length > MEASURES_MAX) throw invalid(`measures has at most ${MEASURES_MAX} measures`);
  return input.map((each) => readMeasure(each, 'measures').name);
}

function readMeasure(input: unknown, name: string): Measure {
  const measure = typeof input === 'string' ? parseMeasure(input) : undefined;
  if (measure !== undefined) return measure;
  const hint = typeof input === 'string' ? measureHint(input) : '';
  throw invalid(
    `${name} is ${show(input)}${hint}; it must be a measure such as ${MEASURES.join(', ')}, bps, bpsMax, bps95, count(dstAddr)`,
  );
}

function readOneOf<Word extends string>(
  input: unknown,
  name: string,
  words: readonly Word[],
  byDefault: Word,
): Word {
  const asked = input === 'bytes' ? 'octets' : (input ?? byDefault);
  const known = words.find((each) => each === asked);
  if (known !== undefined) return known;
  throw invalid(`${name} is ${show(input)}; it must be one of ${words.join(', ')}`);
}

/** Flags are in a plan only when they are set, so that equal questions are equal text. */
function readFlag<Name extends 'deduplicated' | 'scaled' | 'previous'>(
  plan: Record<string, unknown>,
  name: Name,
): { readonly [key in Name]?: true } {
  const flag: { [key in Name]?: true } = {};
  if (readBoolean(plan[name], name, false)) flag[name] = true;
  return flag;
}

function readSource(input: unknown): Pick<Question, 'from'> {
  if (input === undefined || input === null) return {};
  return { from: readOneOf(input, 'from', ['raw', 'rollup'] as const, 'raw') };
}

function readCursor(input: unknown): { cursor?: string } {
  if (input === undefined || input === null || input === '') return {};
  if (typeof input === 'string' && parseCursor(input) !== undefined) return { cursor: input };
  throw invalid(`cursor is ${show(input)}; it must be the nextCursor of an earlier answer`);
}

function readBoolean(input: unknown, name: string, byDefault: boolean): boolean {
  if (input === undefined || input === null) return byDefault;
  if (typeof input === 'boolean') return input;
  throw invalid(`${name} is ${show(input)}; it must be true or false`);
}

function readInteger(input: unknown, name: string, byDefault: number, max: number): number {
  if (input === undefined || input === null) return byDefault;
  if (typeof input === 'number' && Number.isInteger(input) && input >= 1 && input <= max) return input;
  throw invalid(`${name} is ${show(input)}; it must be a whole number from 1 to ${max}`);
}

function asObject(input: unknown, name: string): Record<string, unknown> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    return input as Record<string, unknown>;
  }
  throw invalid(`${name} is ${show(input)}; it must be an object`);
}

function show(value: unknown): string {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function invalid(message: string): UserError {
  return new UserError('plan_invalid', `query: ${message}`, 2);
}

/** Whether an error is one of the question, not of the store. */
export function isPlanError(error: unknown): error is UserError | FilterError {
  return error instanceof FilterError || (error instanceof UserError && error.code === 'plan_invalid');
}
