/**
 * Runs a ColumnPlan over the records of a Data Set. First the Set is walked: every record's bounds are
 * checked and its segments' offsets noted, for as many records as the batch has room for; then each copy of
 * the plan runs over all of them. Hot: raw typed arrays with asserted reads, checked by that walk.
 */
import {
  addDuration,
  copyAddress4,
  copyAddress6,
  copyAddressEither,
  copyDeltaMicroseconds,
  copyIntervalAndSpace,
  copyMac,
  copyNtp,
  copyPair,
  copySeconds,
  copySysUptime,
  copyU8,
  copyU8ToU16,
  copyU16,
  copyU16ToU32,
  copyU32,
  copyU32ToU64,
  copyU64,
  copyUnsigned,
  copyUptimeFrom,
  copyUptimeFromRecord,
  copyVariableUnsigned,
  fill16,
  fill32,
  fillTime,
  readUnsigned,
  type WireView,
} from './column-kernels.ts';
import { COPY, type ColumnCopy, type ColumnPlan, type Place } from './column-plan.ts';
import type { ExporterIdentity, FlowBatch } from './flow-batch.ts';
import { FLOW_COLUMN_INDEX, FLOW_COLUMNS } from './flow-column.ts';
import type { SamplingState } from './sampling-state.ts';
import { VARIABLE_LENGTH } from './template.ts';

/** Where full batches go and empty ones come from. */
export interface BatchSink {
  /** The batch being filled; it always has room for a row. */
  batch: FlowBatch;
  /** Hands the full batch over and gives an empty one, which is then also `batch`. */
  full(): FlowBatch;
}

/** What a Set's records share. One mutable object a decoder, so that a Set costs no allocation. */
export interface SetContext {
  exporter: ExporterIdentity;
  /** 1, 5, 7, 9 or 10. */
  version: number;
  receivedAtMs: number;
  exportTimeMs: number;
  /** sysUptime of a NetFlow header. */
  headerUptimeMs: number;
  /** From a v5 header; 0 when none. */
  headerSamplingRate: number;
  /** systemInitTimeMilliseconds from an options record; 0 when none. */
  systemInitTimeMs: number;
  sampling: SamplingState;
}

export interface ColumnReaderCounters {
  /** Values too great for their column, stored as its greatest. */
  valuesSaturated: number;
  /** Rows whose extra fields did not fit an empty batch, and were left out. */
  extrasDropped: number;
}

/** Entries of the offset table: 64 Ki × 4 octets; 1024 records of up to 63 variable-length fields at once. */
const OFFSETS_MAX = 65536;
const ROWS_AT_ONCE_MAX = 1024;

const COLUMN = FLOW_COLUMN_INDEX;

export class ColumnReader {
  readonly counters: ColumnReaderCounters = { valuesSaturated: 0, extrasDropped: 0 };
  /** Offset, within the buffer, of the first record that was cut short by its Set's end; -1 when none. */
  truncatedAt = -1;
  /** Offset behind the last whole record. */
  endedAt = 0;
  #bases = new Uint32Array(OFFSETS_MAX);
  #rowsMax = ROWS_AT_ONCE_MAX;
  #batch: FlowBatch | undefined;
  /** The columns of #batch by index. */
  #columns: (Uint8Array | Uint16Array | Uint32Array)[] = [];

  /** Reads all records from `from` to `to` (offsets in `view`'s buffer); the answer is how many. */
  readSet(
    plan: ColumnPlan,
    view: WireView,
    from: number,
    to: number,
    context: SetContext,
    sink: BatchSink,
  ): number {
    this.truncatedAt = -1;
    const segments = plan.segmentOctets.length;
    this.#fitOffsets(segments);
    let position = from;
    let records = 0;
    let batch = sink.batch;
    while (to - position >= plan.recordOctetsMin && this.truncatedAt < 0) {
      const row = batch.rowCount;
      const rows = Math.min(this.#rowsMax, batch.capacity - row);
      const count =
        segments === 1
          ? this.#walkFixed(plan, batch, position, to, rows)
          : this.#walkVariable(plan, view.bytes, batch, position, to, rows);
      position = this.endedAt;
      if (count === 0 && this.truncatedAt >= 0) break;
      if (count === 0) {
        // The extra arena is full: an empty batch takes the record, or the record loses its extra fields.
        if (row === 0) this.counters.extrasDropped += 1;
        else batch = sink.full();
        if (row === 0) position = this.#readWithoutExtra(plan, view, position, to, context, batch);
        if (row === 0) records += 1;
        continue;
      }
      this.#fill(plan, view, batch, row, count, context, true);
      records += count;
      if (batch.rowCount === batch.capacity) batch = sink.full();
    }
    this.endedAt = position;
    return records;
  }

  #fitOffsets(segments: number): void {
    this.#rowsMax = Math.min(ROWS_AT_ONCE_MAX, Math.floor(OFFSETS_MAX / segments));
  }

  /** Notes where records of fixed length begin. */
  #walkFixed(plan: ColumnPlan, batch: FlowBatch, from: number, to: number, rows: number): number {
    const octets = plan.recordOctets;
    let count = Math.min(rows, Math.floor((to - from) / octets));
    if (plan.extraOctets > 0) count = Math.min(count, Math.floor(extraRoom(batch) / plan.extraOctets));
    const bases = this.#bases;
    for (let i = 0, at = from; i < count; i++, at += octets) bases[i] = at;
    this.endedAt = from + count * octets;
    return count;
  }

  /** Notes where each segment of each record begins, up to one that reaches beyond `to`. */
  #walkVariable(
    plan: ColumnPlan,
    bytes: Uint8Array,
    batch: FlowBatch,
    from: number,
    to: number,
    rows: number,
  ): number {
    const { segmentOctets, recordOctetsMin, extraLayout } = plan;
    const bases = this.#bases;
    const rowsMax = this.#rowsMax;
    const lastSegment = segmentOctets.length - 1;
    let room = extraRoom(batch);
    let position = from;
    let count = 0;
    for (; count < rows && to - position >= recordOctetsMin; count++) {
      let at = position;
      for (let segment = 0; ; segment++) {
        bases[segment * rowsMax + count] = at;
        at += segmentOctets[segment]!;
        if (segment === lastSegment) break;
        if (at >= to) {
          at = to + 1;
          break;
        }
        const short = bytes[at]!;
        if (short < 255) at += 1 + short;
        else if (at + 3 > to) at = to + 1;
        else at += 3 + ((bytes[at + 1]! << 8) | bytes[at + 2]!);
        if (at > to) break;
      }
      if (at > to) {
        this.truncatedAt = position;
        break;
      }
      if (extraLayout !== null) {
        room -= this.#extraOctetsOf(plan, count);
        if (room < 0) break;
      }
      position = at;
    }
    this.endedAt = position;
    return count;
  }

  #extraOctetsOf(plan: ColumnPlan, index: number): number {
    const bases = this.#bases;
    const rowsMax = this.#rowsMax;
    let octets = 0;
    for (const run of plan.extraRuns) {
      octets += bases[run.toSegment * rowsMax + index]! + run.toRelative;
      octets -= bases[run.fromSegment * rowsMax + index]! + run.fromRelative;
    }
    return octets;
  }

  /** One record whose extra fields are greater than the whole arena: the row goes without them. */
  #readWithoutExtra(
    plan: ColumnPlan,
    view: WireView,
    from: number,
    to: number,
    context: SetContext,
    batch: FlowBatch,
  ): number {
    const bare = { ...plan, extraOctets: 0, extraLayout: null };
    if (plan.recordOctets > 0) this.#walkFixed(bare, batch, from, to, 1);
    else this.#walkVariable(bare, view.bytes, batch, from, to, 1);
    this.#fill(plan, view, batch, batch.rowCount, 1, context, false);
    return this.endedAt;
  }

  #fill(
    plan: ColumnPlan,
    view: WireView,
    batch: FlowBatch,
    row: number,
    count: number,
    context: SetContext,
    withExtra: boolean,
  ): void {
    if (batch !== this.#batch) this.#attach(batch);
    fillTime(batch.columns.receivedAt, row, count, context.receivedAtMs);
    fill16(batch.columns.exporter, row, count, exporterIndex(batch, context.exporter));
    for (const copy of plan.copies) this.#run(copy, view, batch, row, count, context);
    for (const column of plan.presentColumns) markPresent(batch.validity[column]!, row, row + count);
    if (!plan.hasSamplingRate) this.#fillSampling(plan, view, batch, row, count, context);
    if (plan.extraLayout !== null && withExtra) this.#copyExtra(plan, view.bytes, batch, row, count);
    else this.#endExtra(plan, batch, row, count);
    batch.rowCount = row + count;
  }

  #attach(batch: FlowBatch): void {
    this.#batch = batch;
    this.#columns = FLOW_COLUMNS.map((column) => batch.columns[column.name]);
  }

  #run(
    copy: ColumnCopy,
    view: WireView,
    batch: FlowBatch,
    row: number,
    count: number,
    context: SetContext,
  ): void {
    const bases = this.#bases;
    const first = copy.segment * this.#rowsMax;
    const at = copy.relative;
    const column = this.#columns[copy.column]!;
    switch (copy.kind) {
      case COPY.u8:
        copyU8(view, bases, first, at, count, column as Uint8Array, row);
        break;
      case COPY.u8ToU16:
        copyU8ToU16(view, bases, first, at, count, column as Uint16Array, row);
        break;
      case COPY.u16:
        copyU16(view, bases, first, at, count, column as Uint16Array, row);
        break;
      case COPY.u16ToU32:
        copyU16ToU32(view, bases, first, at, count, column as Uint32Array, row);
        break;
      case COPY.u32:
        copyU32(view, bases, first, at, count, column as Uint32Array, row);
        break;
      case COPY.u32ToU64:
        copyU32ToU64(view, bases, first, at, count, column as Uint32Array, row);
        break;
      case COPY.u64:
        copyU64(view, bases, first, at, count, column as Uint32Array, row);
        break;
      case COPY.address4:
        copyAddress4(view, bases, first, at, count, column as Uint32Array, this.#other(copy), row);
        break;
      case COPY.address6:
        copyAddress6(view, bases, first, at, count, column as Uint32Array, this.#other(copy), row);
        break;
      case COPY.seconds:
        copySeconds(view, bases, first, at, count, column as Uint32Array, row);
        break;
      case COPY.headerUptime:
        copySysUptime(
          view,
          bases,
          first,
          at,
          count,
          column as Uint32Array,
          row,
          context.exportTimeMs,
          context.headerUptimeMs,
        );
        break;
      default:
        this.#runRare(copy, view, batch, row, count, context);
    }
  }

  /** The copies that few templates need, apart from the others so that `#run` stays small. */
  #runRare(
    copy: ColumnCopy,
    view: WireView,
    batch: FlowBatch,
    row: number,
    count: number,
    context: SetContext,
  ): void {
    const bases = this.#bases;
    const first = copy.segment * this.#rowsMax;
    const at = copy.relative;
    const second = copy.otherSegment * this.#rowsMax;
    const secondAt = copy.otherRelative;
    const column = this.#columns[copy.column]! as Uint32Array;
    const { exportTimeMs } = context;
    switch (copy.kind) {
      case COPY.number:
        this.counters.valuesSaturated += copyUnsigned(
          view,
          bases,
          first,
          at,
          copy.width,
          count,
          column,
          copy.columnOctets,
          row,
        );
        break;
      case COPY.variableNumber:
        this.counters.valuesSaturated += copyVariableUnsigned(
          view,
          bases,
          first,
          at,
          count,
          column,
          copy.columnOctets,
          row,
        );
        break;
      case COPY.addressEither:
        copyAddressEither(view, bases, first, at, second, secondAt, count, column, this.#other(copy), row);
        break;
      case COPY.mac:
        copyMac(view, bases, first, at, count, column, row);
        break;
      case COPY.ntp:
        copyNtp(view, bases, first, at, count, column, row);
        break;
      case COPY.deltaMicroseconds:
        copyDeltaMicroseconds(view, bases, first, at, count, column, row, exportTimeMs);
        break;
      case COPY.recordUptime:
        copyUptimeFromRecord(view, bases, first, at, second, secondAt, count, column, row, exportTimeMs);
        break;
      case COPY.domainUptime:
        if (context.systemInitTimeMs === 0) return;
        copyUptimeFrom(view, bases, first, at, count, column, row, context.systemInitTimeMs, exportTimeMs);
        markPresent(batch.validity[copy.column]!, row, row + count);
        break;
      case COPY.duration:
        addDuration(view, bases, first, at, count, this.#other(copy), column, row, copy.width, copy.divisor);
        break;
      case COPY.intervalAndSpace:
        copyIntervalAndSpace(
          view,
          bases,
          first,
          at,
          second,
          secondAt,
          count,
          column,
          row,
          copy.width,
          copy.otherWidth,
        );
        break;
      case COPY.pair:
        copyPair(
          view,
          bases,
          first,
          at,
          second,
          secondAt,
          count,
          this.#columns[copy.column]! as Uint16Array,
          row,
        );
        break;
      case COPY.icmpFromPorts:
        icmpFromPorts(batch, row, count);
        break;
    }
  }

  #other(copy: ColumnCopy): Uint32Array {
    return this.#columns[copy.otherColumn]! as Uint32Array;
  }

  /** The sampling rate of records that do not say it: the header's, the sampler's, the domain's. */
  #fillSampling(
    plan: ColumnPlan,
    view: WireView,
    batch: FlowBatch,
    row: number,
    count: number,
    context: SetContext,
  ): void {
    const { sampling } = context;
    const column = batch.columns.samplingRate;
    if (context.headerSamplingRate === 0 && sampling.isEmpty) return;
    const constant = context.headerSamplingRate || sampling.onlyRate;
    if (constant > 0) {
      fill32(column, row, count, constant);
      markPresent(batch.validity[COLUMN.samplingRate]!, row, row + count);
      return;
    }
    const { samplerId } = plan;
    for (let i = 0; i < count; i++) {
      const sampler = samplerId === undefined ? -1 : this.#numberAt(samplerId, view, i);
      const rate = sampling.rateOf(sampler, batch.columns.inIf[row + i]!);
      if (rate === 0) continue;
      column[row + i] = rate;
      markPresent(batch.validity[COLUMN.samplingRate]!, row + i, row + i + 1);
    }
  }

  #numberAt(place: Place, view: WireView, index: number): number {
    if (place.length === VARIABLE_LENGTH) return -1;
    const base = this.#bases[place.segment * this.#rowsMax + index]!;
    return readUnsigned(view, base + place.relative, place.length);
  }

  #copyExtra(plan: ColumnPlan, bytes: Uint8Array, batch: FlowBatch, row: number, count: number): void {
    const { extra, extraEnd } = batch;
    const bases = this.#bases;
    const rowsMax = this.#rowsMax;
    let at = row === 0 ? 0 : extraEnd[row - 1]!;
    for (let i = 0; i < count; i++) {
      for (const run of plan.extraRuns) {
        const from = bases[run.fromSegment * rowsMax + i]! + run.fromRelative;
        const to = bases[run.toSegment * rowsMax + i]! + run.toRelative;
        for (let index = from; index < to; index++) extra[at++] = bytes[index]!;
      }
      extraEnd[row + i] = at;
    }
    fill16(batch.columns.extraLayout, row, count, layoutIndex(batch, plan));
  }

  /** No extra octets: every row ends where the one before it ended. */
  #endExtra(plan: ColumnPlan, batch: FlowBatch, row: number, count: number): void {
    fill32(batch.extraEnd, row, count, row === 0 ? 0 : batch.extraEnd[row - 1]!);
    if (plan.extraLayout === null) return;
    for (let index = row; index < row + count; index++) {
      batch.validity[COLUMN.extraLayout]![index >> 3]! &= ~(1 << (index & 7));
    }
  }
}

/** Octets left in the extra arena of a batch. */
function extraRoom(batch: FlowBatch): number {
  const used = batch.rowCount === 0 ? 0 : batch.extraEnd[batch.rowCount - 1]!;
  return batch.extra.length - used;
}

/** The exporter's index in the batch, added when it is new there. Exporters of one datagram repeat. */
function exporterIndex(batch: FlowBatch, exporter: ExporterIdentity): number {
  const { exporters } = batch;
  const last = exporters.length - 1;
  if (last >= 0 && exporters[last] === exporter) return last;
  const known = exporters.indexOf(exporter);
  return known >= 0 ? known : exporters.push(exporter) - 1;
}

function layoutIndex(batch: FlowBatch, plan: ColumnPlan): number {
  const layout = plan.extraLayout;
  if (layout === null) return 0;
  const known = batch.layouts.indexOf(layout);
  return known >= 0 ? known : batch.layouts.push(layout) - 1;
}

/**
 * NetFlow v5 and many v9 exporters put ICMP type × 256 + code into the destination port, a few into the
 * source port. Zero in both says nothing (it would be an echo reply), so the row has no type then.
 */
function icmpFromPorts(batch: FlowBatch, row: number, count: number): void {
  const { protocol, srcPort, dstPort, icmpTypeCode } = batch.columns;
  const bitmap = batch.validity[COLUMN.icmpTypeCode]!;
  for (let at = row; at < row + count; at++) {
    if (protocol[at] !== 1 && protocol[at] !== 58) continue;
    const typeAndCode = dstPort[at]! || srcPort[at]!;
    if (typeAndCode === 0) continue;
    icmpTypeCode[at] = typeAndCode;
    bitmap[at >> 3]! |= 1 << (at & 7);
  }
}

/** Sets the bits `from` (inclusive) to `to` (exclusive): a mask at either end, whole octets between. */
function markPresent(bitmap: Uint8Array, from: number, to: number): void {
  const firstByte = from >> 3;
  const lastByte = (to - 1) >> 3;
  const firstMask = 0xff << (from & 7);
  const lastMask = 0xff >> (7 - ((to - 1) & 7));
  if (firstByte === lastByte) {
    bitmap[firstByte]! |= firstMask & lastMask;
    return;
  }
  bitmap[firstByte]! |= firstMask;
  for (let index = firstByte + 1; index < lastByte; index++) bitmap[index] = 0xff;
  bitmap[lastByte]! |= lastMask;
}
