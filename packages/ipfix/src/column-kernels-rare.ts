/**
 * The copies that few templates need: odd widths, both address families in one record, times that are not
 * milliseconds since 1970, values made of two fields. Hot for the exporters that send them; see
 * column-kernels.ts for why reads are asserted. None of them allocates.
 */
import type { Rows, WireView } from './column-kernels.ts';
import type { ColumnCopy } from './column-plan.ts';
import { timeOfUptime, timeSinceInit } from './sys-uptime.ts';

const TWO_32 = 4294967296;

/** The offset of the field of record `i` that a copy reads. */
function placeOf(copy: ColumnCopy, rows: Rows, i: number): number {
  return rows.bases[copy.segment * rows.basesPerSegment + i]! + copy.relative;
}

/** The offset of its second field. */
function otherPlaceOf(copy: ColumnCopy, rows: Rows, i: number): number {
  return rows.bases[copy.otherSegment * rows.basesPerSegment + i]! + copy.otherRelative;
}

function u32ColumnOf(copy: ColumnCopy, rows: Rows): Uint32Array {
  return rows.columns[copy.column] as Uint32Array;
}

/** An unsigned number of `width` octets; exact up to 2^53. */
export function readUnsigned(view: WireView, at: number, width: number): number {
  if (width === 4) return view.data.getUint32(at);
  let value = 0;
  for (let index = at; index < at + width; index++) value = value * 256 + view.bytes[index]!;
  return value;
}

/** Milliseconds since the Unix epoch into a `u64` column; a negative one (no clock yet) becomes 0. */
function storeTime(column: Uint32Array, row: number, timeMs: number): void {
  const time = Math.max(timeMs, 0);
  column[row * 2] = time >>> 0;
  column[row * 2 + 1] = time / TWO_32;
}

/**
 * An unsigned number of `width` octets at `from` into a row of the copy's column. One that the column cannot
 * hold becomes the column's greatest; the answer is then 1, else 0.
 */
function storeUnsigned(copy: ColumnCopy, rows: Rows, row: number, from: number, width: number): number {
  const { bytes } = rows.view;
  const { columnOctets } = copy;
  const column = rows.columns[copy.column]!;
  let low = 0;
  let high = 0;
  let above = 0;
  for (let at = from; at < from + width; at++) {
    above |= high >>> 24;
    high = ((high << 8) | (low >>> 24)) >>> 0;
    low = ((low << 8) | bytes[at]!) >>> 0;
  }
  if (columnOctets === 8) {
    column[row * 2] = above === 0 ? low : 0xffffffff;
    column[row * 2 + 1] = above === 0 ? high : 0xffffffff;
    return above === 0 ? 0 : 1;
  }
  const greatest = columnOctets === 4 ? 0xffffffff : columnOctets === 2 ? 0xffff : 0xff;
  const holds = above === 0 && high === 0 && low <= greatest;
  column[row] = holds ? low : greatest;
  return holds ? 0 : 1;
}

/** Any width into any column, RFC 7011 section 6.2. */
export function copyNumber(copy: ColumnCopy, rows: Rows): void {
  for (let i = 0; i < rows.count; i++) {
    rows.saturated += storeUnsigned(copy, rows, rows.row + i, placeOf(copy, rows, i), copy.width);
  }
}

/** A variable-length number, RFC 7011 section 7; no content leaves 0. */
export function copyVariableNumber(copy: ColumnCopy, rows: Rows): void {
  const { bytes, data } = rows.view;
  for (let i = 0; i < rows.count; i++) {
    const at = placeOf(copy, rows, i);
    const short = bytes[at]!;
    const isLong = short === 255;
    const from = at + (isLong ? 3 : 1);
    const width = isLong ? data.getUint16(at + 1) : short;
    rows.saturated += storeUnsigned(copy, rows, rows.row + i, from, width);
  }
}

/**
 * Both families in one record. Lazy exporters leave one of them zero; of a tunnel both are there, and the first in
 * the template is the outer packet's (RFC 7011 section 8), whose ports and protocol come first, too.
 */
export function copyAddressEither(copy: ColumnCopy, rows: Rows, isIpv6First: boolean): void {
  const { data } = rows.view;
  const high = u32ColumnOf(copy, rows);
  const low = rows.columns[copy.otherColumn] as Uint32Array;
  for (let i = 0; i < rows.count; i++) {
    const at6 = otherPlaceOf(copy, rows, i);
    const to = (rows.row + i) * 2;
    const ipv4 = data.getUint32(placeOf(copy, rows, i));
    high[to + 1] = data.getUint32(at6);
    high[to] = data.getUint32(at6 + 4);
    low[to + 1] = data.getUint32(at6 + 8);
    low[to] = data.getUint32(at6 + 12);
    const hasIpv6 = (high[to]! | high[to + 1]! | low[to]! | low[to + 1]!) !== 0;
    if (hasIpv6 && (isIpv6First || ipv4 === 0)) continue;
    high[to + 1] = 0;
    high[to] = 0;
    low[to + 1] = 0xffff;
    low[to] = ipv4;
  }
}

/** A 48-bit MAC address into the low end of a `u64` column. */
export function copyMac(copy: ColumnCopy, rows: Rows): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const at = placeOf(copy, rows, i);
    column[(rows.row + i) * 2 + 1] = data.getUint16(at);
    column[(rows.row + i) * 2] = data.getUint32(at + 2);
  }
}

/** Seconds since the Unix epoch (dateTimeSeconds) to milliseconds. */
export function copySeconds(copy: ColumnCopy, rows: Rows): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    storeTime(column, rows.row + i, data.getUint32(placeOf(copy, rows, i)) * 1000);
  }
}

/** Seconds and microseconds in 8 octets each (a struct timeval of C) to milliseconds, floored. */
export function copyTimeval(copy: ColumnCopy, rows: Rows): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const at = placeOf(copy, rows, i);
    const fractionMs = Math.floor(Math.min(data.getUint32(at + 12), 999_999) / 1000);
    storeTime(column, rows.row + i, data.getUint32(at + 4) * 1000 + fractionMs);
  }
}

/** Seconds from 1900-01-01 (the NTP era 0) to 1970-01-01. */
const NTP_TO_UNIX_SECONDS = 2208988800;

/** dateTimeMicroseconds and dateTimeNanoseconds (RFC 7011 sections 6.1.9, 6.1.10) to milliseconds, floored. */
export function copyNtp(copy: ColumnCopy, rows: Rows): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const at = placeOf(copy, rows, i);
    const seconds = data.getUint32(at);
    // Before 1968 nothing was metered: such seconds are of the era from 2036; 0 says "not set".
    const era = seconds >= 0x80000000 || seconds === 0 ? 0 : TWO_32;
    const fractionMs = Math.floor((data.getUint32(at + 4) * 1000) / TWO_32);
    storeTime(column, rows.row + i, (seconds + era - NTP_TO_UNIX_SECONDS) * 1000 + fractionMs);
  }
}

/** flowStartDeltaMicroseconds, flowEndDeltaMicroseconds: so long before the export time. */
export function copyDeltaMicroseconds(copy: ColumnCopy, rows: Rows, exportTimeMs: number): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const deltaMs = data.getUint32(placeOf(copy, rows, i)) / 1000;
    storeTime(column, rows.row + i, Math.floor(exportTimeMs - deltaMs));
  }
}

/** A sysUptime of NetFlow. */
export function copyHeaderUptime(
  copy: ColumnCopy,
  rows: Rows,
  exportTimeMs: number,
  headerUptimeMs: number,
): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const uptimeMs = data.getUint32(placeOf(copy, rows, i));
    storeTime(column, rows.row + i, timeOfUptime(uptimeMs, exportTimeMs, headerUptimeMs));
  }
}

/** A sysUptime counted from systemInitTimeMilliseconds in the same record. */
export function copyRecordUptime(copy: ColumnCopy, rows: Rows, exportTimeMs: number): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const initMs = readUnsigned(rows.view, otherPlaceOf(copy, rows, i), 8);
    const uptimeMs = data.getUint32(placeOf(copy, rows, i));
    storeTime(column, rows.row + i, timeSinceInit(initMs, uptimeMs, exportTimeMs));
  }
}

/** A sysUptime counted from a boot time that an options record told. */
export function copyDomainUptime(copy: ColumnCopy, rows: Rows, initMs: number, exportTimeMs: number): void {
  const { data } = rows.view;
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const uptimeMs = data.getUint32(placeOf(copy, rows, i));
    storeTime(column, rows.row + i, timeSinceInit(initMs, uptimeMs, exportTimeMs));
  }
}

/** flowEnd = flowStart + a duration, in units of which `divisor` make a millisecond. */
export function addDuration(copy: ColumnCopy, rows: Rows): void {
  const start = rows.columns[copy.otherColumn] as Uint32Array;
  const end = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const at = (rows.row + i) * 2;
    const startMs = start[at]! + start[at + 1]! * TWO_32;
    const duration = readUnsigned(rows.view, placeOf(copy, rows, i), copy.width);
    storeTime(end, rows.row + i, startMs + Math.floor(duration / copy.divisor));
  }
}

/** (interval + space) / interval, rounded: what RFC 5476's systematic count-based sampling amounts to. */
export function copyIntervalAndSpace(copy: ColumnCopy, rows: Rows): void {
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const interval = readUnsigned(rows.view, placeOf(copy, rows, i), copy.width);
    const space = readUnsigned(rows.view, otherPlaceOf(copy, rows, i), copy.otherWidth);
    column[rows.row + i] = samplingRateOfSpace(interval, space);
  }
}

export function samplingRateOfSpace(interval: number, space: number): number {
  return interval === 0 ? 0 : Math.min(0xffffffff, Math.round((interval + space) / interval));
}

/** n out of N packets: N / n, rounded (RFC 5476 section 6.5.2.3). */
export function copySizeAndPopulation(copy: ColumnCopy, rows: Rows): void {
  const column = u32ColumnOf(copy, rows);
  for (let i = 0; i < rows.count; i++) {
    const size = readUnsigned(rows.view, placeOf(copy, rows, i), copy.width);
    const population = readUnsigned(rows.view, otherPlaceOf(copy, rows, i), copy.otherWidth);
    column[rows.row + i] = samplingRateOfPopulation(size, population);
  }
}

export function samplingRateOfPopulation(size: number, population: number): number {
  return size === 0 ? 0 : Math.min(0xffffffff, Math.round(population / size));
}

/** Two octets, type and code, from two fields of one octet each. */
export function copyPair(copy: ColumnCopy, rows: Rows): void {
  const { bytes } = rows.view;
  const column = rows.columns[copy.column] as Uint16Array;
  for (let i = 0; i < rows.count; i++) {
    column[rows.row + i] = (bytes[placeOf(copy, rows, i)]! << 8) | bytes[otherPlaceOf(copy, rows, i)]!;
  }
}
