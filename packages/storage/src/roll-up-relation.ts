/**
 * The SQL of a roll-up as a question reads it: the rows of the roll-up files and, summed by nothing yet but
 * in the same columns, the records that no roll-up has and those of the steps that the range cuts. So the
 * sums are those of the records, up to now and to the millisecond, as long as the records are there.
 */
import type { TimeRange } from '@weir/analysis';
import { quoted } from './database.ts';
import { flowsRelation } from './flows-relation.ts';
import type { OpenRelation } from './open-flows-function.ts';
import { columnsOf, type RollUpCube, type RollUpLevel, sqlTypeOf, stepOf } from './roll-up-cube.ts';
import type { RollUpFile } from './roll-up-file.ts';
import type { SealedFile } from './sealed-file.ts';

export interface RollUpParts {
  readonly cube: RollUpCube;
  readonly level: RollUpLevel;
  readonly range: TimeRange;
  readonly rolled: readonly RollUpFile[];
  /** Sealed files whose records are in `rolled`. */
  readonly covered: readonly SealedFile[];
  /** Those whose records are not. */
  readonly uncovered: readonly SealedFile[];
  readonly open: readonly OpenRelation[];
  /** Whether all records of the step that begins at `stepFromMs` are there. */
  readonly hasRecords: (stepFromMs: number) => boolean;
}

const END = 'coalesce("flowEnd", "receivedAt")';

export function rollUpRelation(parts: RollUpParts): string {
  const { cube, level, range, rolled, covered, uncovered, open, hasRecords } = parts;
  const columnNames = columnsOf(level, cube);
  const stepMs = stepOf(level);
  const whole = {
    fromMs: Math.ceil(range.fromMs / stepMs) * stepMs,
    toMs: Math.floor(range.toMs / stepMs) * stepMs,
  };
  const cutsBegin = whole.fromMs > range.fromMs && hasRecords(whole.fromMs - stepMs);
  const cutsEnd = whole.toMs < range.toMs && hasRecords(whole.toMs);
  const fromMs = cutsBegin ? whole.fromMs : Math.floor(range.fromMs / stepMs) * stepMs;
  const toMs = cutsEnd ? whole.toMs : Math.ceil(range.toMs / stepMs) * stepMs;
  const selects: string[] = [];
  if (fromMs < toMs) selects.push(...rolledRows(rolled, columnNames, cube.name, { fromMs, toMs }));
  if (uncovered.length + open.length > 0) {
    selects.push(recordRows(flowsRelation(uncovered, open), columnNames, stepMs, [range]));
  }
  const edges = [
    ...(cutsBegin ? [{ fromMs: range.fromMs, toMs: Math.min(whole.fromMs, range.toMs) }] : []),
    ...(cutsEnd ? [{ fromMs: Math.max(whole.toMs, whole.fromMs, range.fromMs), toMs: range.toMs }] : []),
  ].filter((edge) => edge.fromMs < edge.toMs);
  if (edges.length > 0 && covered.length > 0) {
    selects.push(recordRows(flowsRelation(covered, []), columnNames, stepMs, edges));
  }
  if (selects.length === 0) selects.push(recordRows(flowsRelation([], []), columnNames, stepMs, [range]));
  return `(${selects.join('\nUNION ALL\n')})`;
}

/** The rows of roll-up files; columns that a file lacks are NULL. */
export function rolledRows(
  files: readonly RollUpFile[],
  columnNames: readonly string[],
  cube: string | undefined,
  range?: TimeRange,
): string[] {
  const groups = new Map<string, string[]>();
  for (const { path, columnNames: present } of files) {
    const list = columnNames
      .map((name) => (present.includes(name) ? `"${name}"` : `NULL::${sqlTypeOf(name)} AS "${name}"`))
      .join(', ');
    groups.set(list, [...(groups.get(list) ?? []), quoted(path)]);
  }
  const conditions = [
    ...(cube === undefined ? [] : [`"cube" = '${cube}'`]),
    ...(range === undefined
      ? []
      : [`"time" >= ${timestamp(range.fromMs)}`, `"time" < ${timestamp(range.toMs)}`]),
  ];
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const names = cube === undefined ? '"cube", "time"' : '"time"';
  return [...groups].map(
    ([list, paths]) => `SELECT ${names}, ${list}, "other", "octets", "packets", "flows"
FROM read_parquet([${paths.join(', ')}], hive_partitioning = false)${where}`,
  );
}

function recordRows(
  relation: string,
  columnNames: readonly string[],
  stepMs: number,
  ranges: readonly TimeRange[],
): string {
  const list = columnNames.map((name) => `"${name}"`).join(', ');
  const inside = ranges.map(
    ({ fromMs, toMs }) => `${END} >= ${timestamp(fromMs)} AND ${END} < ${timestamp(toMs)}`,
  );
  return `SELECT epoch_ms(epoch_ms(${END}) // ${stepMs} * ${stepMs})::TIMESTAMP_MS AS "time", ${list}, false AS "other",
  coalesce("octets", 0) AS "octets", coalesce("packets", 0) AS "packets", 1::UBIGINT AS "flows"
FROM ${relation} WHERE ${inside.map((each) => `(${each})`).join(' OR ')}`;
}

function timestamp(ms: number): string {
  return `epoch_ms(${Math.round(ms)})::TIMESTAMP_MS`;
}
