/**
 * The loops that copy one field of many records into one column. Hot: raw typed arrays, asserted reads
 * (`!`), because every index was checked once when the Set was walked (column-plan.ts), and a `?? 0` costs a
 * branch for each value.
 *
 * `bases[first + i]` is where the i-th record (or its part behind a variable-length field) begins, `relative`
 * where the field is from there. One DataView over the whole receive buffer reads the wider fields: measured,
 * that is twice as fast as shifting octets together. No loop allocates.
 */

/** The octets of the buffer that the datagram lies in, and both ways to read them. */
export interface WireView {
  readonly bytes: Uint8Array;
  readonly data: DataView;
}

const TWO_32 = 4294967296;

export function copyU8(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint8Array,
  row: number,
): void {
  const bytes = view.bytes;
  for (let i = 0; i < count; i++) column[row + i] = bytes[bases[first + i]! + relative]!;
}

export function copyU8ToU16(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint16Array,
  row: number,
): void {
  const bytes = view.bytes;
  for (let i = 0; i < count; i++) column[row + i] = bytes[bases[first + i]! + relative]!;
}

export function copyU16(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint16Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) column[row + i] = data.getUint16(bases[first + i]! + relative);
}

export function copyU16ToU32(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) column[row + i] = data.getUint16(bases[first + i]! + relative);
}

export function copyU32(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) column[row + i] = data.getUint32(bases[first + i]! + relative);
}

export function copyU32ToU64(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    column[at] = data.getUint32(bases[first + i]! + relative);
    column[at + 1] = 0;
  }
}

export function copyU64(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    const from = bases[first + i]! + relative;
    column[at] = data.getUint32(from + 4);
    column[at + 1] = data.getUint32(from);
  }
}

/**
 * An unsigned number of `width` octets at `from` into element `index` of a column of `columnOctets` octets.
 * One that the column cannot hold becomes the column's greatest; the answer is then 1, else 0.
 */
export function storeUnsigned(
  bytes: Uint8Array,
  from: number,
  width: number,
  column: Uint8Array | Uint16Array | Uint32Array,
  columnOctets: number,
  index: number,
): number {
  let low = 0;
  let high = 0;
  let above = 0;
  for (let at = from; at < from + width; at++) {
    above |= high >>> 24;
    high = ((high << 8) | (low >>> 24)) >>> 0;
    low = ((low << 8) | bytes[at]!) >>> 0;
  }
  if (columnOctets === 8) {
    column[index * 2] = above === 0 ? low : 0xffffffff;
    column[index * 2 + 1] = above === 0 ? high : 0xffffffff;
    return above === 0 ? 0 : 1;
  }
  const greatest = columnOctets === 4 ? 0xffffffff : columnOctets === 2 ? 0xffff : 0xff;
  const holds = above === 0 && high === 0 && low <= greatest;
  column[index] = holds ? low : greatest;
  return holds ? 0 : 1;
}

/** An unsigned number of `width` octets; exact up to 2^53. */
export function readUnsigned(view: WireView, at: number, width: number): number {
  if (width === 4) return view.data.getUint32(at);
  let value = 0;
  for (let index = at; index < at + width; index++) value = value * 256 + view.bytes[index]!;
  return value;
}

/** Any width into any column, RFC 7011 section 6.2; the answer counts the values that were too great. */
export function copyUnsigned(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  width: number,
  count: number,
  column: Uint8Array | Uint16Array | Uint32Array,
  columnOctets: number,
  row: number,
): number {
  let saturated = 0;
  for (let i = 0; i < count; i++) {
    const from = bases[first + i]! + relative;
    saturated += storeUnsigned(view.bytes, from, width, column, columnOctets, row + i);
  }
  return saturated;
}

/** A variable-length number (its length octets are at `relative`); no content leaves 0. */
export function copyVariableUnsigned(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint8Array | Uint16Array | Uint32Array,
  columnOctets: number,
  row: number,
): number {
  const bytes = view.bytes;
  let saturated = 0;
  for (let i = 0; i < count; i++) {
    let from = bases[first + i]! + relative;
    let width = bytes[from++]!;
    if (width === 255) {
      width = (bytes[from]! << 8) | bytes[from + 1]!;
      from += 2;
    }
    saturated += storeUnsigned(bytes, from, width, column, columnOctets, row + i);
  }
  return saturated;
}

/** An IPv4 address, IPv4-mapped (RFC 4291 section 2.5.5.2). */
export function copyAddress4(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  high: Uint32Array,
  low: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    low[at] = data.getUint32(bases[first + i]! + relative);
    low[at + 1] = 0xffff;
    high[at] = 0;
    high[at + 1] = 0;
  }
}

export function copyAddress6(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  high: Uint32Array,
  low: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    const from = bases[first + i]! + relative;
    high[at + 1] = data.getUint32(from);
    high[at] = data.getUint32(from + 4);
    low[at + 1] = data.getUint32(from + 8);
    low[at] = data.getUint32(from + 12);
  }
}

/** Both families in one record (lazy exporters): the IPv4 address unless it is zero, else the IPv6 one. */
export function copyAddressEither(
  view: WireView,
  bases: Uint32Array,
  first4: number,
  relative4: number,
  first6: number,
  relative6: number,
  count: number,
  high: Uint32Array,
  low: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const at6 = bases[first6 + i]! + relative6;
    const address6 =
      data.getUint32(at6) | data.getUint32(at6 + 4) | data.getUint32(at6 + 8) | data.getUint32(at6 + 12);
    if (address6 === 0 || data.getUint32(bases[first4 + i]! + relative4) !== 0) {
      copyAddress4(view, bases, first4 + i, relative4, 1, high, low, row + i);
    } else {
      copyAddress6(view, bases, first6 + i, relative6, 1, high, low, row + i);
    }
  }
}

/** A 48-bit MAC address into the low end of a `u64` column. */
export function copyMac(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    const from = bases[first + i]! + relative;
    column[at + 1] = data.getUint16(from);
    column[at] = data.getUint32(from + 2);
  }
}

/** Seconds since the Unix epoch (dateTimeSeconds) to milliseconds. */
export function copySeconds(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    storeTime(column, row + i, data.getUint32(bases[first + i]! + relative) * 1000);
  }
}

/** Seconds from 1900-01-01 (the NTP era 0) to 1970-01-01. */
const NTP_TO_UNIX_SECONDS = 2208988800;

/** dateTimeMicroseconds and dateTimeNanoseconds (RFC 7011 sections 6.1.9, 6.1.10) to milliseconds, floored. */
export function copyNtp(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const from = bases[first + i]! + relative;
    const seconds = data.getUint32(from);
    // Before 1968 nothing was metered: such seconds are of era 1, which begins in 2036; 0 says "not set".
    const era = seconds >= 0x80000000 || seconds === 0 ? 0 : TWO_32;
    const fractionMs = Math.floor((data.getUint32(from + 4) * 1000) / TWO_32);
    storeTime(column, row + i, (seconds + era - NTP_TO_UNIX_SECONDS) * 1000 + fractionMs);
  }
}

/** flowStartDeltaMicroseconds, flowEndDeltaMicroseconds: so long before the export time. */
export function copyDeltaMicroseconds(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
  exportTimeMs: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const deltaMs = Math.floor(data.getUint32(bases[first + i]! + relative) / 1000);
    storeTime(column, row + i, exportTimeMs - deltaMs);
  }
}

/**
 * A sysUptime of NetFlow: milliseconds since the exporter booted, modulo 2^32. Taken as the signed distance
 * from the header's own uptime, so that a wrap between flow and export (every 49.7 days) costs nothing.
 */
export function copySysUptime(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
  exportTimeMs: number,
  headerUptimeMs: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const agoMs = (headerUptimeMs - data.getUint32(bases[first + i]! + relative)) | 0;
    storeTime(column, row + i, exportTimeMs - agoMs);
  }
}

/** A sysUptime counted from systemInitTimeMilliseconds in the same record. */
export function copyUptimeFromRecord(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  initFirst: number,
  initRelative: number,
  count: number,
  column: Uint32Array,
  row: number,
  exportTimeMs: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const at = bases[initFirst + i]! + initRelative;
    const initMs = data.getUint32(at) * TWO_32 + data.getUint32(at + 4);
    const uptimeMs = data.getUint32(bases[first + i]! + relative);
    storeTime(column, row + i, absoluteUptime(initMs, uptimeMs, exportTimeMs));
  }
}

/** `initMs + uptimeMs`, with the number of wraps that brings it nearest to the export time. */
export function absoluteUptime(initMs: number, uptimeMs: number, exportTimeMs: number): number {
  const wraps = Math.max(0, Math.round((exportTimeMs - initMs - uptimeMs) / TWO_32));
  return initMs + uptimeMs + wraps * TWO_32;
}

/** A sysUptime counted from a known boot time. */
export function copyUptimeFrom(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  column: Uint32Array,
  row: number,
  initMs: number,
  exportTimeMs: number,
): void {
  const data = view.data;
  for (let i = 0; i < count; i++) {
    const uptimeMs = data.getUint32(bases[first + i]! + relative);
    storeTime(column, row + i, absoluteUptime(initMs, uptimeMs, exportTimeMs));
  }
}

/** flowEnd = flowStart + a duration; `divisor` is 1 for milliseconds and 1000 for microseconds. */
export function addDuration(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  count: number,
  start: Uint32Array,
  end: Uint32Array,
  row: number,
  width: number,
  divisor: number,
): void {
  for (let i = 0; i < count; i++) {
    const startMs = start[(row + i) * 2]! + start[(row + i) * 2 + 1]! * TWO_32;
    const durationMs = Math.floor(readUnsigned(view, bases[first + i]! + relative, width) / divisor);
    storeTime(end, row + i, startMs + durationMs);
  }
}

/** (interval + space) / interval, rounded: what RFC 5476's systematic count-based sampling amounts to. */
export function copyIntervalAndSpace(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  spaceFirst: number,
  spaceRelative: number,
  count: number,
  column: Uint32Array,
  row: number,
  width: number,
  spaceWidth: number,
): void {
  for (let i = 0; i < count; i++) {
    const interval = readUnsigned(view, bases[first + i]! + relative, width);
    const space = readUnsigned(view, bases[spaceFirst + i]! + spaceRelative, spaceWidth);
    column[row + i] = interval === 0 ? 0 : Math.min(0xffffffff, Math.round((interval + space) / interval));
  }
}

/** Two octets, type and code, from two fields of one octet each. */
export function copyPair(
  view: WireView,
  bases: Uint32Array,
  first: number,
  relative: number,
  codeFirst: number,
  codeRelative: number,
  count: number,
  column: Uint16Array,
  row: number,
): void {
  const bytes = view.bytes;
  for (let i = 0; i < count; i++) {
    const type = bytes[bases[first + i]! + relative]!;
    column[row + i] = (type << 8) | bytes[bases[codeFirst + i]! + codeRelative]!;
  }
}

/** Milliseconds since the Unix epoch into a `u64` column; a negative one (no clock yet) becomes 0. */
export function storeTime(column: Uint32Array, row: number, timeMs: number): void {
  const time = Math.max(timeMs, 0);
  column[row * 2] = time >>> 0;
  column[row * 2 + 1] = time / TWO_32;
}

/** The same time in rows `row` to `row + count`. */
export function fillTime(column: Uint32Array, row: number, count: number, timeMs: number): void {
  const low = timeMs >>> 0;
  const high = timeMs / TWO_32;
  for (let i = 0, at = row * 2; i < count; i++, at += 2) {
    column[at] = low;
    column[at + 1] = high;
  }
}

export function fill16(column: Uint16Array, row: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) column[row + i] = value;
}

export function fill32(column: Uint32Array, row: number, count: number, value: number): void {
  for (let i = 0; i < count; i++) column[row + i] = value;
}
