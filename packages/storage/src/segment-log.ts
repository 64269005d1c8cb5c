/**
 * The log of an open segment: every batch as it arrived, so that a killed process loses no batch that it
 * took. One frame a batch:
 *
 *   magic u32 | frameOctets u32 | crc32 u32 | headerOctets u32 | header (JSON, padded to 8) | parts
 *
 * all little-endian. `frameOctets` counts everything, `crc32` everything after itself. The header is a
 * LogHeader; the parts are, for each of its columns, the values (none in form `same`) and, unless all rows have
 * it, the validity bits, then `extraEnd` and the extra octets if there are any, each padded to 8.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writevSync,
} from 'node:fs';
import { crc32 } from 'node:zlib';
import { UserError } from '@weir/base';
import {
  COLUMN_TYPE_OCTETS,
  createFlowBatch,
  type ExporterIdentity,
  type ExtraLayout,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
} from '@weir/ipfix';
import { FORM, type PackedBatch, type PackedColumn } from './packed-batch.ts';

const FRAME_MAGIC = 0x3166_6c57; // "Wlf1"
const FRAME_HEADER_OCTETS = 16;
/** A batch of 8192 rows has less than 2 MiB; a longer frame is damage. */
const FRAME_OCTETS_MAX = 64 * 1024 * 1024;

interface LogHeader {
  readonly rowCount: number;
  readonly exporters: readonly ExporterIdentity[];
  readonly layouts: readonly ExtraLayout[];
  /** Absent in logs of schema 1. */
  readonly labels?: readonly string[];
  /**
   * Names of the columns that follow, and behind a name what of its values does: `=low,high`, the value of all
   * rows, none; `<high`, the high word of all rows, the low words; nothing, all. At the end `!` when a validity
   * bitmap follows.
   */
  readonly columns: readonly string[];
  /** Octets of the extra arena; 0 when no row has extra fields. */
  readonly extraOctets: number;
}

export class SegmentLog {
  readonly path: string;
  /** Undefined until the first append, so that a full disk fails there and nowhere else. */
  #descriptor: number | undefined;
  #octets: number;
  #dirty = false;
  #syncing: Promise<void> | undefined;

  /** Appends after `octets` octets of good frames; what is behind them is cut off. */
  constructor(path: string, octets = 0) {
    this.path = path;
    this.#octets = octets;
    if (octets === 0) return;
    this.#descriptor = openSync(path, 'r+');
    ftruncateSync(this.#descriptor, octets);
  }

  get octets(): number {
    return this.#octets;
  }

  /** Writes a batch. When it throws (disk full), the log is as before. */
  append(packed: PackedBatch): void {
    const parts = frameOf(packed);
    let length = 0;
    for (const part of parts) length += part.byteLength;
    this.#descriptor ??= openSync(this.path, 'w');
    try {
      writeAll(this.#descriptor, parts, length, this.#octets);
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#octets);
      throw error;
    }
    this.#octets += length;
    this.#dirty = true;
  }

  /** Resolves when everything that was appended before the call is on the disk. */
  async sync(): Promise<void> {
    await this.#syncing;
    const descriptor = this.#descriptor;
    if (!this.#dirty || descriptor === undefined) return;
    this.#dirty = false;
    this.#syncing = new Promise((resolve, reject) => {
      fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
    await this.#syncing;
  }

  /** Waits for a sync that is under way, makes the rest durable and closes the file. */
  async close(): Promise<void> {
    await this.#syncing?.catch(() => {});
    if (this.#descriptor === undefined) return;
    if (this.#dirty) fdatasyncSync(this.#descriptor);
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#dirty = false;
  }

  /** Deletes the file: its records are safe elsewhere. */
  async remove(): Promise<void> {
    this.#dirty = false;
    await this.close();
    rmSync(this.path, { force: true });
  }
}

/** A frame is whole, and has a column that this version does not know: it must not be cut off as damage. */
class LaterVersionError extends UserError {
  constructor(column: string) {
    super('store_newer', `a later version of weir wrote a log of the store (column ${column})`);
  }
}

/**
 * Reads a log from its beginning and calls `take` for each good frame. Returns the octets of the good
 * frames and of the torn or damaged rest. Throws the UserError `store_newer` for a column of a later version.
 */
export function replayLog(path: string, take: (batch: FlowBatch) => void): { good: number; torn: number } {
  const octets = readFileSync(path);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  let offset = 0;
  for (;;) {
    const length = frameLengthAt(view, octets, offset);
    if (length === undefined) return { good: offset, torn: octets.length - offset };
    const batch = decodeFrame(octets.subarray(offset, offset + length));
    if (batch === undefined) return { good: offset, torn: octets.length - offset };
    take(batch);
    offset += length;
  }
}

function frameLengthAt(view: DataView, octets: Uint8Array, offset: number): number | undefined {
  if (offset + FRAME_HEADER_OCTETS > octets.length) return undefined;
  const length = view.getUint32(offset + 4, true);
  if (view.getUint32(offset, true) !== FRAME_MAGIC || length < FRAME_HEADER_OCTETS) return undefined;
  if (length > FRAME_OCTETS_MAX || offset + length > octets.length) return undefined;
  const crc = crc32(octets.subarray(offset + 12, offset + length));
  return crc === view.getUint32(offset + 8, true) ? length : undefined;
}

function frameOf({ batch, columns }: PackedBatch): Uint8Array[] {
  const { rowCount } = batch;
  const parts: Uint8Array[] = [];
  for (const { values, validity, complete } of columns) {
    if (values.byteLength > 0) pushPadded(parts, values);
    if (!complete) pushPadded(parts, validity.subarray(0, (rowCount + 7) >> 3));
  }
  const extraOctets = batch.layouts.length === 0 ? 0 : batch.extraEnd[rowCount - 1]!;
  if (extraOctets > 0) {
    pushPadded(parts, new Uint8Array(batch.buffer, batch.extraEnd.byteOffset, rowCount * 4));
    pushPadded(parts, batch.extra.subarray(0, extraOctets));
  }
  const { exporters, layouts, labels } = batch;
  const texts = labels.length === 0 ? {} : { labels };
  const header: LogHeader = {
    rowCount,
    exporters,
    layouts,
    ...texts,
    columns: columns.map(columnEntry),
    extraOctets,
  };
  return sealFrame(Buffer.from(JSON.stringify(header)), parts);
}

/** What LogHeader says of a column. */
function columnEntry({ index, form, low, high, complete }: PackedColumn): string {
  const { name } = FLOW_COLUMNS[index]!;
  const values = form === FORM.same ? `=${low},${high}` : form === FORM.low ? `<${high}` : '';
  return `${name}${values}${complete ? '' : '!'}`;
}

function sealFrame(header: Uint8Array, parts: readonly Uint8Array[]): Uint8Array[] {
  const paddedHeader = (header.length + 7) & ~7;
  const head = new Uint8Array(FRAME_HEADER_OCTETS + paddedHeader);
  head.fill(0x20, FRAME_HEADER_OCTETS);
  head.set(header, FRAME_HEADER_OCTETS);
  let length = head.length;
  for (const part of parts) length += part.byteLength;
  const view = new DataView(head.buffer);
  view.setUint32(0, FRAME_MAGIC, true);
  view.setUint32(4, length, true);
  view.setUint32(12, paddedHeader, true);
  let crc = crc32(head.subarray(12));
  for (const part of parts) crc = crc32(part, crc);
  view.setUint32(8, crc, true);
  return [head, ...parts];
}

const PADDING = new Uint8Array(8);

function pushPadded(parts: Uint8Array[], part: Uint8Array): void {
  parts.push(part);
  const rest = part.byteLength & 7;
  if (rest !== 0) parts.push(PADDING.subarray(rest));
}

/** One writev, and more of them when the kernel takes less (a disk that is nearly full). */
function writeAll(descriptor: number, parts: readonly Uint8Array[], length: number, at: number): void {
  let written = writevSync(descriptor, parts as Uint8Array[], at);
  if (written === length) return;
  const rest = Buffer.concat(parts);
  while (written < length) {
    written += writevSync(descriptor, [rest.subarray(written)], at + written);
  }
}

/** The batch of a frame whose checksum is right; undefined when its header is not one of this version. */
function decodeFrame(frame: Uint8Array): FlowBatch | undefined {
  const headerOctets = new DataView(frame.buffer, frame.byteOffset).getUint32(12, true);
  let offset = FRAME_HEADER_OCTETS + headerOctets;
  let header: LogHeader;
  try {
    header = JSON.parse(Buffer.from(frame.subarray(FRAME_HEADER_OCTETS, offset)).toString()) as LogHeader;
  } catch {
    return undefined;
  }
  const { rowCount } = header;
  // The arena of a batch has 64 octets a row; a few rows may have used more than their share.
  const batch = createFlowBatch(Math.ceil(Math.max(1, rowCount, header.extraOctets / 64) / 64) * 64);
  batch.rowCount = rowCount;
  batch.exporters.push(...header.exporters);
  batch.layouts.push(...header.layouts);
  for (const label of header.labels ?? []) batch.labels.push(label);
  const part = (octets: number): Uint8Array => {
    const start = offset;
    offset += (octets + 7) & ~7;
    return frame.subarray(start, start + octets);
  };
  for (const entry of header.columns) {
    const [, name = entry, form = '', numbers = '', partial = ''] = COLUMN_ENTRY.exec(entry) ?? [];
    const index = FLOW_COLUMN_INDEX[name as FlowColumnName];
    if (index === undefined) throw new LaterVersionError(name);
    const [first = 0, second = 0] = numbers.split(',').map(Number);
    const array = batch.columns[name as FlowColumnName];
    const width = COLUMN_TYPE_OCTETS[FLOW_COLUMNS[index]!.type];
    if (form === '=') fillSame(array, width, rowCount, first, second);
    else if (form === '<') fillLow(array, part(rowCount * 4), first);
    else new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(part(rowCount * width));
    if (partial === '') setPresent(batch, index, 0, rowCount);
    else batch.validity[index]!.set(part((rowCount + 7) >> 3));
  }
  if (header.extraOctets > 0) {
    const { extraEnd } = batch;
    new Uint8Array(batch.buffer, extraEnd.byteOffset, rowCount * 4).set(part(rowCount * 4));
    batch.extra.set(part(header.extraOctets));
  }
  return batch;
}

/** Name, form, its numbers, whether a bitmap follows; an entry of another shape is of a later version. */
const COLUMN_ENTRY = /^(\w+)(?:([=<])([\d,]+))?(!?)$/;

type ColumnArray = Uint8Array | Uint16Array | Uint32Array;

function fillSame(array: ColumnArray, width: number, rows: number, low: number, high: number): void {
  if (width < 8) array.fill(low, 0, rows);
  else for (let row = 0; row < rows; row++) setPair(array, row, low, high);
}

function fillLow(array: ColumnArray, octets: Uint8Array, high: number): void {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  for (let row = 0; row * 4 < octets.byteLength; row++)
    setPair(array, row, view.getUint32(row * 4, true), high);
}

function setPair(array: ColumnArray, row: number, low: number, high: number): void {
  array[row * 2] = low;
  array[row * 2 + 1] = high;
}
