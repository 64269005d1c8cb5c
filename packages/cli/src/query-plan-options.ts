/** The options of `weir query` as a plan. */
import { FilterError, parseQueryPlan, type QueryPlan, SESSION_ORDERS } from '@weir/analysis';
import { EXIT_USAGE, UserError } from '@weir/base';
import { parseMomentMs } from './moment.ts';
import { parseDurationMs, parseWholeNumber } from './quantity.ts';

export interface QueryPlanOptions {
  by?: string;
  top?: string;
  last: string;
  from?: string;
  to?: string;
  order?: string;
  /** The option's older name. */
  orderBy?: string;
  asc?: true;
  measures?: string;
  step?: string;
  records?: true;
  series?: true;
  sessions?: true;
  previous?: true;
  dedup?: true;
  sampled?: true;
  source?: string;
}

const ROWS_DEFAULT = 10;
const LINES_DEFAULT = 5;
const ROWS_MAX = 100_000;

export type ReadList = (name: string) => readonly string[] | undefined;

/** Throws a UserError that a person understands, also for the filter. */
export function planOfOptions(
  filter: string,
  options: QueryPlanOptions,
  readList: ReadList,
  nowMs: number,
): QueryPlan {
  const kind = kindOf(options);
  const plan = {
    kind,
    timeRange: timeRangeOf(options, nowMs),
    ...(filter === '' ? {} : { filter }),
    ...(options.dedup === true ? { deduplicated: true } : {}),
    ...(options.sampled === true ? { scaled: true } : {}),
    ...(options.previous === true ? { previous: true } : {}),
    ...(options.source === undefined ? {} : { from: options.source }),
    ...(options.step === undefined ? {} : { stepMs: Math.round(parseDurationMs(options.step, '--step')) }),
    ...(kind === 'records' ? {} : { groupBy: namesOf(options.by), ...orderOf(kind, options) }),
    ...(options.measures === undefined ? {} : { measures: namesOf(options.measures) }),
    limit: limitOf(kind, options.top),
  };
  try {
    return parseQueryPlan(plan, { readList });
  } catch (error) {
    if (error instanceof FilterError) throw filterFailure(filter, error);
    if (error instanceof UserError) throw new UserError(error.code, error.message, EXIT_USAGE);
    throw error;
  }
}

type Kind = QueryPlan['kind'];

/** Groups when something is named to group by or to measure; the newest records otherwise. */
function kindOf(options: QueryPlanOptions): Kind {
  const asked = (['records', 'series', 'sessions'] as const).filter((kind) => options[kind] === true);
  if (asked.length > 1) throw usage(`--${asked[0]} and --${asked[1]} cannot go together`);
  const kind =
    asked[0] ?? (options.by !== undefined || options.measures !== undefined ? 'groups' : 'records');
  const isGrouped = kind === 'groups' || kind === 'series';
  if (options.by !== undefined && !isGrouped) throw usage(`--by does not go with --${kind}`);
  if (options.previous === true && kind !== 'groups') throw usage('--previous needs --by or --measures');
  return kind;
}

function timeRangeOf(options: QueryPlanOptions, nowMs: number): { fromMs: number; toMs: number } {
  const toMs = options.to === undefined ? nowMs : parseMomentMs(options.to, '--to', nowMs);
  if (options.from !== undefined) return { fromMs: parseMomentMs(options.from, '--from', nowMs), toMs };
  return { fromMs: Math.round(toMs - parseDurationMs(options.last, '--last')), toMs };
}

function orderOf(
  kind: Kind,
  { orderBy, order = orderBy, asc }: QueryPlanOptions,
): { orderBy?: string; descending?: boolean } {
  if (kind === 'sessions' && order !== undefined && !SESSION_ORDERS.some((each) => each === order)) {
    const known = order === 'bytes';
    if (!known) throw usage(`--order: '${order}' is not allowed (allowed: ${SESSION_ORDERS.join(', ')})`);
  }
  return { ...(order === undefined ? {} : { orderBy: order }), descending: asc !== true };
}

function limitOf(kind: Kind, top: string | undefined): number {
  if (top === undefined) return kind === 'series' ? LINES_DEFAULT : ROWS_DEFAULT;
  return parseWholeNumber(top, '--top', 1, ROWS_MAX);
}

/** Names separated by commas; those in parentheses belong to one name. */
function namesOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** The filter, and under it where it went wrong. */
function filterFailure(filter: string, { position, message, expected }: FilterError): UserError {
  const allowed = expected.length === 0 ? '' : ` (allowed: ${expected.join('; ')})`;
  return usage(`filter: ${message}${allowed}\n  ${filter}\n  ${' '.repeat(position)}^`, 'filter_invalid');
}

function usage(message: string, code = 'usage_query'): UserError {
  return new UserError(code, message, EXIT_USAGE);
}
