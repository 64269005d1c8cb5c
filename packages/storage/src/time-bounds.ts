/** When the flows of a segment happened; what the planner reads instead of opening files. */
import { FLOW_COLUMN_INDEX, type FlowBatch, type FlowColumnName, isPresent, u64AsNumber } from '@weir/ipfix';

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
 * times were cleared. Anybody may write anything into a record, so this happens.
 */
export function clearImpossibleTimes(batch: FlowBatch): number {
  let cleared = 0;
  for (const name of ['flowStart', 'flowEnd'] as const) {
    const column = batch.columns[name];
    const validity = batch.validity[FLOW_COLUMN_INDEX[name]]!;
    for (let row = 0; row < batch.rowCount; row++) {
      if (column[row * 2 + 1]! <= TIME_HIGH_WORD_MAX || !isPresent(batch, name, row)) continue;
      validity[row >> 3]! &= ~(1 << (row & 7));
      cleared += 1;
    }
  }
  return cleared;
}

/** Widens `bounds` by the rows of a batch. */
export function widenBounds(bounds: TimeBounds, batch: FlowBatch): void {
  const { rowCount } = batch;
  const ends = allPresent(batch, 'flowEnd', rowCount) ? batch.columns.flowEnd : undefined;
  const starts = allPresent(batch, 'flowStart', rowCount) ? batch.columns.flowStart : undefined;
  for (let row = 0; row < rowCount; row++) {
    const end = ends !== undefined ? u64AsNumber(ends, row) : endOf(batch, row);
    const start = starts !== undefined ? u64AsNumber(starts, row) : startOf(batch, row, end);
    if (start < bounds.startMinMs) bounds.startMinMs = start;
    if (end < bounds.endMinMs) bounds.endMinMs = end;
    if (end > bounds.endMaxMs) bounds.endMaxMs = end;
  }
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

/** Whether every one of the first `rowCount` rows has the column. */
function allPresent(batch: FlowBatch, name: FlowColumnName, rowCount: number): boolean {
  return bitsAllSet(batch.validity[FLOW_COLUMN_INDEX[name]]!, 0, rowCount);
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
