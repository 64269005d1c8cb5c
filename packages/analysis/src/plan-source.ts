/**
 * The planner: whether a question is answered from records or from a roll-up, why, and what it will cost. It
 * knows of the store only what `StoreCoverage` says, and decides without reading anything.
 */
import { type DimensionRef, dimensionField, EITHER_SIDE, isEitherSide } from './dimension.ts';
import { type DerivedFormula, type FieldDefinition, fieldNamed } from './field.ts';
import type { FilterExpression } from './filter-expression.ts';
import { parseFilter } from './filter-parser.ts';
import type { BaseMeasure } from './measure.ts';
import { furtherMeasures, type QueryPlan, rangeRead, rateStepMs, type TimeRange } from './query-plan.ts';

/** A part of the store: the time of the flows in it, and how much it is. */
interface Extent extends TimeRange {
  readonly rows: number;
  readonly octets: number;
}

/** Sums over time by some columns, of which the `ranked` ones keep only their largest values. */
export interface RollupCoverage extends Extent {
  readonly level: string;
  readonly stepMs: number;
  /** Which set of columns. */
  readonly cube: string;
  /** The columns of `flows` by which it can be grouped and filtered. */
  readonly columns: readonly string[];
  /** Of them those that are NULL in rows which stand for all the values that were too small. */
  readonly ranked: readonly string[];
  /** The most that one value which was not kept can have from `fromMs` to `toMs`. */
  readonly boundOctets: number;
  readonly boundPackets: number;
  readonly boundFlows: number;
  /** What all the values that were not kept have. */
  readonly otherOctets: number;
  readonly otherPackets: number;
  readonly otherFlows: number;
  readonly totalOctets: number;
  readonly totalPackets: number;
  readonly totalFlows: number;
}

export interface StoreCoverage {
  readonly raw:
    | (Extent & { /** In how many files; one an hour when not told. */ readonly files?: number })
    | undefined;
  readonly rollups: readonly RollupCoverage[];
}

export interface PlanSource {
  readonly source: 'raw' | 'rollup';
  /** Of the roll-up. */
  readonly level?: string;
  readonly cube?: string;
  readonly stepMs?: number;
  /** For people: a sentence without its full stop. */
  readonly why: string;
  /** The most that a group can lack, as a share of everything in the time range; absent when nothing lacks. */
  readonly errorShare?: number;
  /** What will be read, about. */
  readonly rows: number;
  readonly octets: number;
}

/** Records are exact, and so many are read within about half a second: two cores read 20 million a second. */
const RAW_ROWS_AT_ONCE = 8_000_000;
/** What it costs to open a file for the first time, in rows that are read meanwhile: some 2 to 4 ms. */
const ROWS_PER_FILE = 40_000;
const HOUR_MS = 3_600_000;

/** Nearly every record has a pair of its own, and a group costs as much as several records of a known one. */
const COST_OF_PAIRS = 5;

/** Below it, how many rows a roll-up has does not matter: a third of a second. */
const ROLLUP_ROWS_AT_ONCE = 8_000_000;

/** Chooses where a plan is answered from. */
export function choosePlanSource(plan: QueryPlan, coverage: StoreCoverage): PlanSource {
  const raw = readOf(coverage.raw, plan);
  const asRaw = (why: string): PlanSource => ({ source: 'raw', why, ...raw });
  const needs = needsOf(plan);
  if (plan.from === 'raw') return asRaw('records were asked for');
  if (needs.rawOnly !== undefined) return asRaw(missingRecords(plan, coverage, needs.rawOnly));
  const reachesBack = rawReachesBack(plan, coverage);
  const files = filesOf(plan, coverage);
  const isQuick = raw.rows * costOf(plan) + files * ROWS_PER_FILE <= RAW_ROWS_AT_ONCE;
  if (reachesBack && isQuick && plan.from !== 'rollup') return asRaw('records, exact');
  const rollup = bestRollup(plan, coverage, needs.columns);
  if (rollup === undefined && coverage.rollups.length === 0) return asRaw('records, exact');
  if (rollup === undefined) {
    return asRaw(missingRecords(plan, coverage, `no roll-up ${titleOf(plan, needs.columns)}`));
  }
  const reason =
    plan.from === 'rollup'
      ? 'a roll-up was asked for'
      : reachesBack
        ? manyRecords(raw.rows, files)
        : gone(coverage);
  const error = errorOf(plan, rollup, needs.columns);
  const title = LEVEL_TITLES[rollup.level] ?? `roll-up of ${rollup.level}`;
  const bound = error === 0 ? 'exact to the step' : `error ≤ ${percent(error)}`;
  return {
    source: 'rollup',
    level: rollup.level,
    cube: rollup.cube,
    stepMs: rollup.stepMs,
    why: `${reason}: this is the ${title}, ${bound}`,
    ...(error === 0 ? {} : { errorShare: error }),
    ...readOf(rollup, plan),
  };
}

/** What a record costs, in records that belong to few groups. */
function costOf(plan: QueryPlan): number {
  if (plan.kind === 'records' || plan.kind === 'sessions') return 1;
  const whole = plan.groupBy.filter(({ prefixLength }) => prefixLength === undefined);
  return ['srcAddr', 'dstAddr'].every((name) => whole.some((dimension) => dimension.name === name))
    ? COST_OF_PAIRS
    : 1;
}

const LEVEL_TITLES: Readonly<Record<string, string>> = {
  '1m': 'roll-up by the minute',
  '1h': 'hourly roll-up',
};

interface Needs {
  /** Columns of the relation, without those that every roll-up has. */
  readonly columns: ReadonlySet<string>;
  /** Why only records will do. */
  readonly rawOnly?: string;
}

/** The columns that a plan groups and filters by. */
function needsOf(plan: QueryPlan): Needs {
  const columns = new Set<string>();
  if (plan.kind === 'records') return { columns, rawOnly: 'records, newest first' };
  if (plan.kind === 'sessions') return { columns, rawOnly: 'only records tell sessions' };
  const counted = plan.kind === 'groups' ? furtherMeasures(plan).filter((each) => each.kind === 'count') : [];
  if (counted.length > 0) return { columns, rawOnly: 'only records tell how many values there are' };
  let rawOnly: string | undefined;
  const add = (name: string) => {
    const found = columnsOf(name);
    if (found === undefined) rawOnly ??= `only records have ${name}`;
    else for (const column of found) columns.add(column);
  };
  for (const dimension of plan.groupBy) for (const name of fieldsOf(dimension)) add(name);
  for (const name of fieldsIn(parseFilter(plan.filter ?? '', { lists: plan.lists ?? {} }))) add(name);
  if (plan.scaled === true) columns.add('samplingRate');
  if (plan.deduplicated === true) columns.add('duplicate');
  return rawOnly === undefined ? { columns } : { columns, rawOnly };
}

function fieldsOf(dimension: DimensionRef): readonly string[] {
  return isEitherSide(dimension) ? EITHER_SIDE[dimension.name]! : [dimensionField(dimension).name];
}

function fieldsIn(expression: FilterExpression): string[] {
  switch (expression.kind) {
    case 'all':
      return [];
    case 'and':
    case 'or':
      return expression.operands.flatMap(fieldsIn);
    case 'not':
      return fieldsIn(expression.operand);
    case 'compareFields':
      return [expression.left, expression.right];
    default:
      return [expression.field];
  }
}

/** Formulas that one column decides; the others are of a single flow. */
const FORMULA_COLUMNS: Readonly<Partial<Record<DerivedFormula, readonly string[]>>> = {
  icmpType: ['icmpTypeCode'],
  icmpCode: ['icmpTypeCode'],
  forwardingState: ['forwardingStatus'],
  ipVersion: ['srcAddrHi', 'srcAddrLo'],
};

/** The columns that hold a field; undefined for what a roll-up cannot have: counters and times of one flow. */
function columnsOf(name: string): readonly string[] | undefined {
  const { source, groupable } = fieldNamed(name) as FieldDefinition;
  switch (source.from) {
    case 'column':
      return groupable ? [source.column] : undefined;
    case 'address':
      return [source.hi, source.lo];
    case 'exporter':
      return ['exporterId'];
    case 'derived':
      return FORMULA_COLUMNS[source.formula];
    case 'element':
      return undefined;
  }
}

/** The roll-up that has all columns and steps of a plan, lacks least and has few rows to read. */
function bestRollup(plan: QueryPlan, { raw, rollups }: StoreCoverage, columns: ReadonlySet<string>) {
  const stepMs = stepOf(plan);
  const fitting = rollups.filter(
    (rollup) =>
      [...columns].every((column) => rollup.columns.includes(column)) &&
      (stepMs === undefined || stepMs % rollup.stepMs === 0) &&
      overlapOf(rollup, plan) > 0,
  );
  const start = earliest(plan, { raw, rollups: fitting });
  const reaching = fitting.filter((rollup) => rollup.fromMs <= start);
  const rows = (rollup: RollupCoverage) => Math.max(ROLLUP_ROWS_AT_ONCE, readOf(rollup, plan).rows);
  const error = (rollup: RollupCoverage) => errorOf(plan, rollup, columns);
  return [...reaching].sort(
    (a, b) => rows(a) - rows(b) || error(a) - error(b) || readOf(a, plan).rows - readOf(b, plan).rows,
  )[0];
}

/** The step that the answer is divided into; undefined when it is not. */
function stepOf(plan: QueryPlan): number | undefined {
  if (plan.kind === 'series') return plan.stepMs;
  return plan.kind === 'groups' && rangeRead(plan).overlapping ? rateStepMs(plan) : undefined;
}

/** The first moment of a plan's range of which the store has anything. */
function earliest(plan: QueryPlan, { raw, rollups }: StoreCoverage): number {
  const starts = [...(raw === undefined ? [] : [raw.fromMs]), ...rollups.map(({ fromMs }) => fromMs)];
  return Math.max(rangeRead(plan).fromMs, Math.min(...starts));
}

function rawReachesBack(plan: QueryPlan, coverage: StoreCoverage): boolean {
  if (coverage.rollups.length === 0) return true;
  return coverage.raw !== undefined && coverage.raw.fromMs <= earliest(plan, coverage);
}

function overlapOf(extent: TimeRange, plan: QueryPlan): number {
  const { fromMs, toMs } = rangeRead(plan);
  return Math.max(0, Math.min(extent.toMs, toMs) - Math.max(extent.fromMs, fromMs));
}

/** What a plan reads of an extent, as if that were even in time. */
function readOf(extent: Extent | undefined, plan: QueryPlan): { rows: number; octets: number } {
  if (extent === undefined) return { rows: 0, octets: 0 };
  const share = Math.min(1, overlapOf(extent, plan) / Math.max(1, extent.toMs - extent.fromMs));
  return { rows: Math.ceil(extent.rows * share), octets: Math.ceil(extent.octets * share) };
}

const MEASURE_OF_RATE: Readonly<Record<string, BaseMeasure>> = {
  bps: 'octets',
  pps: 'packets',
  fps: 'flows',
};

/**
 * The most that a group can lack, as a share of the total: one value that was not kept, where groups are just
 * the ranked columns; all that were not kept, where groups hold several values of them.
 */
function errorOf(plan: QueryPlan, rollup: RollupCoverage, columns: ReadonlySet<string>): number {
  const ranked = rollup.ranked.filter((column) => columns.has(column));
  if (ranked.length === 0) return 0;
  const isWhole =
    'groupBy' in plan &&
    ranked.length === rollup.ranked.length &&
    plan.groupBy.every(({ prefixLength }) => prefixLength === undefined);
  const order = 'orderBy' in plan ? plan.orderBy : 'octets';
  const measure =
    MEASURE_OF_RATE[order.slice(0, 3)] ??
    (order.startsWith('packets') ? 'packets' : order === 'flows' ? 'flows' : 'octets');
  const { bound, other, total } = {
    octets: { bound: rollup.boundOctets, other: rollup.otherOctets, total: rollup.totalOctets },
    packets: { bound: rollup.boundPackets, other: rollup.otherPackets, total: rollup.totalPackets },
    flows: { bound: rollup.boundFlows, other: rollup.otherFlows, total: rollup.totalFlows },
  }[measure];
  return total === 0 ? 0 : Math.min(1, (isWhole ? bound : other) / total);
}

function manyRecords(rows: number, files: number): string {
  return `records would be ${Math.ceil(rows / 1e6)} million in ${files} files`;
}

function filesOf(plan: QueryPlan, { raw }: StoreCoverage): number {
  if (raw === undefined) return 0;
  const hours = (raw.toMs - raw.fromMs) / HOUR_MS;
  const share = Math.min(1, overlapOf(raw, plan) / Math.max(1, raw.toMs - raw.fromMs));
  return Math.ceil((raw.files ?? hours) * share);
}

function gone({ raw }: StoreCoverage): string {
  return raw === undefined ? 'records are gone' : `records begin at ${timeText(raw.fromMs)}`;
}

/** `why`, and that a part is missing, when records do not reach back as far as roll-ups do. */
function missingRecords(plan: QueryPlan, coverage: StoreCoverage, why: string): string {
  return rawReachesBack(plan, coverage)
    ? why
    : `${why}, and ${gone(coverage)}: what was before is not in the answer`;
}

/** What a roll-up would have to have. */
function titleOf(plan: QueryPlan, columns: ReadonlySet<string>): string {
  const names = [...new Set([...columns].map(columnTitle))];
  const together = names.length > 1 ? `${names.join(', ')} together` : names.join('');
  const stepMs = stepOf(plan);
  return `keeps ${together === '' ? 'sums' : together}${stepMs === undefined ? '' : ` in steps of ${stepMs / 1000} s`} that far back`;
}

/** `srcAddr` for its halves. */
function columnTitle(column: string): string {
  return column.replace(/(Hi|Lo)$/, '').replace(/^exporterId$/, 'exporter');
}

function percent(share: number): string {
  const value = share * 100;
  return `${value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}

function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** What an answer to a plan counts and what not, for people. */
export function planNotes(plan: QueryPlan): string[] {
  return [
    plan.scaled === true
      ? 'octets and packets are multiplied by the sampling rate'
      : 'octets and packets are as exported: sampling is not applied',
    plan.deduplicated === true
      ? 'records of packets that another observation point told of are left out'
      : 'records of all observation points count, duplicates too',
    ...(plan.kind === 'sessions' ? ['flows without a session are left out'] : []),
  ];
}
