/** When the flows of a segment happened; what the planner reads instead of opening files. */
import { FLOW_COLUMN_INDEX, type FlowBatch, isPresent, u64AsNumber } from '@weir/ipfix';
import { FORM, type PackedBatch, type PackedColumn } from './packed-batch.ts';

const { flowStart: START, flowEnd: END } = FLOW_COLUMN_INDEX;

/** Milliseconds since the epoch, inclusive. A flow's end is flowEnd, else receivedAt. */
export interface TimeBounds {
  startMinMs: number;
  endMinMs: number;
  endMaxMs: number;
}

export function emptyBounds(): TimeBounds {
  return { startMinMs: Number.MAX_SAFE_INTEGER, endMinMs: Number.MAX_SAFE_INTEGER, endMaxMs: 0 };
}

/** The high word of the first millisecond behind the year 9999: what people and engines write as a date ends there. */
const TIME_HIGH_WORD_MAX = Math.floor(Date.UTC(9999, 11, 31, 23, 59, 59, 999) / 2 ** 32);

/**
 * Clears flow times that no clock shows, because engines fail on whole files for one of them. Returns how many
 * times were cleared; the batch is then to be packed again. Anybody may write anything into a record, so this
 * happens.
 */
export function clearImpossibleTimes({ batch, columns }: PackedBatch): number {
  let cleared = 0;
  for (const { index, form, high } of columns) {
    if (index !== START && index !== END) continue;
    if (form === FORM.whole || high > TIME_HIGH_WORD_MAX) cleared += clearColumn(batch, index);
  }
  return cleared;
}

function clearColumn(batch: FlowBatch, index: number): number {
  const column = index === START ? batch.columns.flowStart : batch.columns.flowEnd;
  const validity = batch.validity[index]!;
  let cleared = 0;
  for (let row = 0; row < batch.rowCount; row++) {
    if (column[row * 2 + 1]! <= TIME_HIGH_WORD_MAX) continue;
    const bit = 1 << (row & 7);
    if ((validity[row >> 3]! & bit) === 0) continue;
    validity[row >> 3]! &= ~bit;
    cleared += 1;
  }
  return cleared;
}

/** Widens `bounds` by the rows of a batch. */
export function widenBounds(bounds: TimeBounds, { batch, columns }: PackedBatch): void {
  const ends = rangeOf(columns.find(({ index }) => index === END));
  const starts = rangeOf(columns.find(({ index }) => index === START));
  if (ends === undefined || starts === undefined) {
    for (let row = 0; row < batch.rowCount; row++) {
      const end = endOf(batch, row);
      widenBy(bounds, startOf(batch, row, end), end, end);
    }
  } else widenBy(bounds, starts.min, ends.min, ends.max);
}

function widenBy(bounds: TimeBounds, startMin: number, endMin: number, endMax: number): void {
  if (startMin < bounds.startMinMs) bounds.startMinMs = startMin;
  if (endMin < bounds.endMinMs) bounds.endMinMs = endMin;
  if (endMax > bounds.endMaxMs) bounds.endMaxMs = endMax;
}

/** Least and greatest value of a column that all rows have; undefined where they cannot be told so easily. */
function rangeOf(column: PackedColumn | undefined): { min: number; max: number } | undefined {
  if (column === undefined || !column.complete || column.form === FORM.whole) return undefined;
  const base = column.high * 2 ** 32;
  if (column.form === FORM.same) return { min: base + column.low, max: base + column.low };
  const { buffer, byteOffset, byteLength } = column.values;
  const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
  return { min: base + leastOf(words, words.length), max: base + greatestOf(words, words.length) };
}

function leastOf(words: Uint32Array, count: number): number {
  let least = words[0]!;
  for (let at = 1; at < count; at++) {
    const word = words[at]!;
    if (word < least) least = word;
  }
  return least;
}

function greatestOf(words: Uint32Array, count: number): number {
  let greatest = words[0]!;
  for (let at = 1; at < count; at++) {
    const word = words[at]!;
    if (word > greatest) greatest = word;
  }
  return greatest;
}

export function mergeBounds(bounds: TimeBounds, other: TimeBounds): void {
  bounds.startMinMs = Math.min(bounds.startMinMs, other.startMinMs);
  bounds.endMinMs = Math.min(bounds.endMinMs, other.endMinMs);
  bounds.endMaxMs = Math.max(bounds.endMaxMs, other.endMaxMs);
}

function endOf(batch: FlowBatch, row: number): number {
  if (isPresent(batch, 'flowEnd', row)) return u64AsNumber(batch.columns.flowEnd, row);
  return isPresent(batch, 'receivedAt', row) ? u64AsNumber(batch.columns.receivedAt, row) : 0;
}

function startOf(batch: FlowBatch, row: number, end: number): number {
  return isPresent(batch, 'flowStart', row) ? u64AsNumber(batch.columns.flowStart, row) : end;
}

/** Whether bits `from` (a multiple of 8) to `to` are all set. */
export function bitsAllSet(bitmap: Uint8Array, from: number, to: number): boolean {
  const wholeEnd = to >> 3;
  for (let index = from >> 3; index < wholeEnd; index++) if (bitmap[index] !== 0xff) return false;
  const rest = to & 7;
  return rest === 0 || (bitmap[wholeEnd]! & ((1 << rest) - 1)) === (1 << rest) - 1;
}

/** Whether bits `from` (a multiple of 8) to `to` are all clear. */
export function bitsAllClear(bitmap: Uint8Array, from: number, to: number): boolean {
  const wholeEnd = to >> 3;
  for (let index = from >> 3; index < wholeEnd; index++) if (bitmap[index] !== 0) return false;
  const rest = to & 7;
  return rest === 0 || (bitmap[wholeEnd]! & ((1 << rest) - 1)) === 0;
}
