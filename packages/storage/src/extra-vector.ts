/**
 * Fills vectors of DuckDB with the values of one element, out of the octets of open records. Hot file: it
 * asserts typed-array reads with `!`.
 */
import duckdb from '@duckdb/node-bindings';
import { decodeValue, formatHex } from '@weir/ipfix';
import { type ExtraColumn, type ExtraPlace, VARIABLE_LENGTH } from './extra-column.ts';
import { listText } from './extra-fields.ts';
import { type BlockColumn, type FlowBlock, readColumn } from './flow-block.ts';
import type { ReadableLayout, SegmentExtras } from './segment-extras.ts';
import { STORED_COLUMNS } from './stored-column.ts';

export const LAYOUT_COLUMN = STORED_COLUMNS.findIndex(({ flowColumn }) => flowColumn === 'extraLayout');
const VECTOR_ROWS = 2048;
const NULL_VALUE = duckdb.create_null_value();
/** From 1900 to 1970, and the length of an NTP era: times before 1970 are of the second one (from 2036). */
const NTP_TO_UNIX_SECONDS = 2_208_988_800;
const NTP_ERA_SECONDS = 4_294_967_296;
/** The last instant that a Date holds. */
const TIME_MAX_MS = 8_640_000_000_000_000;

/** One vector's worth of values, reused: a fill runs to its end before the next one begins. */
const words = new Uint32Array(VECTOR_ROWS * 2);
const doubles = new Float64Array(words.buffer);
const integers = new BigInt64Array(words.buffer);
const octets8 = new Uint8Array(VECTOR_ROWS);
const validity = new Uint8Array(VECTOR_ROWS / 8);

/** Writes rows `from` to `from + count` (at most a vector) of the column. */
export function fillExtraColumn(
  vector: duckdb.Vector,
  block: FlowBlock,
  extras: SegmentExtras,
  column: ExtraColumn,
  from: number,
  count: number,
): void {
  const store = storeFunction(vector, column);
  validity.fill(0);
  let found = false;
  eachField(block, extras, column.name, from, count, (row, bytes, start, length) => {
    if (!store(row, bytes, start, length)) return;
    validity[row >> 3]! |= 1 << (row & 7);
    found = true;
  });
  if (!found) {
    duckdb.vector_reference_value(vector, NULL_VALUE);
    return;
  }
  if (column.kind === 'boolean') duckdb.copy_data_to_vector(vector, 0, octets8.buffer, 0, count);
  else if (column.kind !== 'text') duckdb.copy_data_to_vector(vector, 0, words.buffer, 0, count * 8);
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, (count + 7) >> 3);
}

const layoutOctets = new Uint8Array(VECTOR_ROWS * 4);

/** Keys of the layouts of `count` rows from `from`, at most a vector; valid until the next call. */
export function layoutIdsOf(layouts: BlockColumn, from: number, count: number): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset } = readColumn(layouts, from, count, 4, layoutOctets);
  return new Uint32Array(buffer, byteOffset, count);
}

type Take = (row: number, bytes: Uint8Array, start: number, length: number) => void;

/** Calls `take` for each row whose record has the field, with where it lies in the block's octets. */
function eachField(
  block: FlowBlock,
  extras: SegmentExtras,
  name: string,
  from: number,
  count: number,
  take: Take,
): void {
  const layouts = block.columns[LAYOUT_COLUMN];
  const { extra } = block;
  if (layouts === undefined || extra === undefined) return;
  const ids = layoutIdsOf(layouts, from, count);
  let lastId = -1;
  let layout: ReadableLayout | undefined;
  let place: ExtraPlace | undefined;
  for (let row = 0; row < count; row++) {
    const at = from + row;
    if ((layouts.validity[at >> 3]! & (1 << (at & 7))) === 0) continue;
    if (ids[row] !== lastId) {
      lastId = ids[row]!;
      layout = extras.readable(lastId);
      place = layout?.placeOf.get(name);
    }
    if (layout === undefined || place === undefined) continue;
    const start = at === 0 ? 0 : extra.end[at - 1]!;
    locate(layout, place, extra.octets, start, extra.end[at]!, row, take);
  }
}

/** RFC 7011 section 7: a length octet, or 255 and two octets, before a field of variable length. */
function locate(
  { places }: ReadableLayout,
  place: ExtraPlace,
  bytes: Uint8Array,
  start: number,
  end: number,
  row: number,
  take: Take,
): void {
  let index = place.fixedOffset === undefined ? 0 : place.index;
  let position = start + (place.fixedOffset ?? 0);
  for (; position <= end; index++) {
    let { length } = places[index]!;
    if (length === VARIABLE_LENGTH) {
      const first = bytes[position]!;
      length = first === 255 ? (bytes[position + 1]! << 8) | bytes[position + 2]! : first;
      position += first === 255 ? 3 : 1;
    }
    if (position + length > end) return;
    if (index === place.index) {
      take(row, bytes, position, length);
      return;
    }
    position += length;
  }
}

/** Writes one value; false where the octets are none. */
type Store = (row: number, bytes: Uint8Array, start: number, length: number) => boolean;

function storeFunction(vector: duckdb.Vector, { kind, dataType }: ExtraColumn): Store {
  switch (kind) {
    case 'unsigned':
      return storeUnsigned;
    case 'signed':
      return storeSigned;
    case 'float':
      return storeFloat;
    case 'boolean':
      return storeBoolean;
    case 'seconds':
      return (row, bytes, start, length) => storeMilliseconds(row, unsignedAt(bytes, start, length) * 1000);
    case 'milliseconds':
      return (row, bytes, start, length) => storeMilliseconds(row, unsignedAt(bytes, start, length));
    case 'ntp':
      return storeNtp;
    case 'text':
      return (row, bytes, start, length) => {
        duckdb.vector_assign_string_element(vector, row, textAt(bytes, start, length, dataType));
        return true;
      };
  }
}

function storeUnsigned(row: number, bytes: Uint8Array, start: number, length: number): boolean {
  let [high, low] = [0, 0];
  for (let index = 0; index < length; index++) {
    high = ((high << 8) | (low >>> 24)) >>> 0;
    low = ((low << 8) | bytes[start + index]!) >>> 0;
  }
  words[row * 2] = low;
  words[row * 2 + 1] = high;
  return true;
}

function storeSigned(row: number, bytes: Uint8Array, start: number, length: number): boolean {
  storeUnsigned(row, bytes, start, length);
  if (length < 8) integers[row] = BigInt.asIntN(length * 8, integers[row]!);
  return true;
}

function storeFloat(row: number, bytes: Uint8Array, start: number, length: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  doubles[row] = length === 4 ? view.getFloat32(0) : view.getFloat64(0);
  return true;
}

/** RFC 7011 section 6.1.5: 1 is true, 2 is false. */
function storeBoolean(row: number, bytes: Uint8Array, start: number): boolean {
  const value = bytes[start]!;
  octets8[row] = value === 1 ? 1 : 0;
  return value === 1 || value === 2;
}

function storeMilliseconds(row: number, milliseconds: number): boolean {
  if (milliseconds > TIME_MAX_MS) return false;
  integers[row] = BigInt(milliseconds);
  return true;
}

/** Both NTP types to the microsecond, which is what the engine's TIMESTAMP holds. */
function storeNtp(row: number, bytes: Uint8Array, start: number): boolean {
  const seconds = unsignedAt(bytes, start, 4) - NTP_TO_UNIX_SECONDS;
  const fraction = unsignedAt(bytes, start + 4, 4) / NTP_ERA_SECONDS;
  const unixSeconds = seconds < 0 ? seconds + NTP_ERA_SECONDS : seconds;
  integers[row] = BigInt(unixSeconds * 1_000_000 + Math.round(fraction * 1_000_000));
  return true;
}

function unsignedAt(bytes: Uint8Array, start: number, length: number): number {
  let value = 0;
  for (let index = 0; index < length; index++) value = value * 256 + bytes[start + index]!;
  return value;
}

function textAt(bytes: Uint8Array, start: number, length: number, dataType: ExtraColumn['dataType']): string {
  switch (dataType) {
    case 'string':
      return String(decodeValue(bytes, start, length, 'string')).replaceAll('\0', '\ufffd');
    case 'ipv4Address':
    case 'ipv6Address':
    case 'unsigned256':
      return String(decodeValue(bytes, start, length, dataType) ?? '');
    case 'basicList':
    case 'subTemplateList':
    case 'subTemplateMultiList':
      return listText(bytes, start, length, dataType);
    default:
      return formatHex(bytes, start, length);
  }
}
