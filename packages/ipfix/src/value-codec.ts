/**
 * RFC 7011 section 6: values of every abstract data type but the structured ones, on the wire and in the
 * form in which `decode --json` shows them. What the wire holds is never lost: a value whose length its type
 * cannot have is shown as hexadecimal digits, integers that a JSON number cannot hold as decimal text.
 */
import {
  formatHex,
  formatIPv4,
  formatIPv6,
  formatMacAddress,
  parseHex,
  parseIPv4,
  parseIPv6,
  parseMacAddress,
} from './address-text.ts';
import {
  formatInstant,
  type Instant,
  instantOfNtpMicroseconds,
  instantOfNtpNanoseconds,
  ntpMicrosecondFraction,
  ntpNanosecondFraction,
  ntpSecondsOf,
  parseInstant,
} from './date-time.ts';
import { type AbstractDataType, DATA_TYPE_OCTETS } from './information-element.ts';

/** A value as JSON shows it; null where a field of no octets has none. */
export type PlainValue = number | string | boolean | null;
/** What can be encoded: everything that decoding gives, and the forms that a program has at hand. */
export type EncodableValue = PlainValue | bigint | Uint8Array | Date;
export type StructuredDataType = 'basicList' | 'subTemplateList' | 'subTemplateMultiList';
export type PlainDataType = Exclude<AbstractDataType, StructuredDataType>;
type Decode = (bytes: Uint8Array, position: number, octets: number) => PlainValue;
type Encode = (bytes: Uint8Array, position: number, octets: number, value: EncodableValue) => boolean;

/** The largest number of octets that an integer can have: unsigned256, RFC 9740. */
const INTEGER_OCTETS_MAX = 32;
/** Up to here the sum of octets is exact in a number. */
const EXACT_OCTETS_MAX = 6;

const textDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const textEncoder = new TextEncoder();

/** The value of `octets` octets at `position`, which the caller knows to be there. */
export function decodeValue(
  bytes: Uint8Array,
  position: number,
  octets: number,
  dataType: PlainDataType,
): PlainValue {
  return decoderOf(dataType)(bytes, position, octets);
}

/** The decoder of a data type, for callers that decode many values of one type. */
export function decoderOf(dataType: PlainDataType): Decode {
  return DECODERS[dataType];
}

/**
 * Writes a value into exactly `octets` octets: reduced-size encoding (RFC 7011 section 6.2) when that is
 * fewer than the type has, zeros behind a shorter string. Throws a RangeError when the value does not fit.
 */
export function encodeValue(
  bytes: Uint8Array,
  position: number,
  element: { readonly name?: string; readonly dataType: PlainDataType },
  octets: number,
  value: EncodableValue,
): void {
  if (position + octets > bytes.length) throw new RangeError('the value reaches beyond the buffer');
  if (value === null && octets === 0) return;
  if (ENCODERS[element.dataType](bytes, position, octets, value)) return;
  const { name = 'the element', dataType } = element;
  throw new RangeError(`${String(value)} is no value of ${name} (${dataType}) in ${octets} octets`);
}

/** Octets of the value at its natural size: what a variable-length field of this type needs. */
export function valueOctets(dataType: PlainDataType, value: EncodableValue): number {
  if (DATA_TYPE_OCTETS[dataType] > 0) return DATA_TYPE_OCTETS[dataType];
  return (dataType === 'string' ? stringBytes(value) : arrayBytes(value))?.length ?? 0;
}

export function isStructured(dataType: AbstractDataType): dataType is StructuredDataType {
  return dataType === 'basicList' || dataType === 'subTemplateList' || dataType === 'subTemplateMultiList';
}

const decodeHex: Decode = (bytes, position, octets) => formatHex(bytes, position, octets);

function decodeUnsigned(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets > INTEGER_OCTETS_MAX) return decodeHex(bytes, position, octets);
  if (octets === 0) return null;
  if (octets <= EXACT_OCTETS_MAX) return unsignedNumber(bytes, position, octets);
  return numberOrText(unsignedBigInt(bytes, position, octets));
}

function decodeSigned(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets > INTEGER_OCTETS_MAX) return decodeHex(bytes, position, octets);
  if (octets === 0) return null;
  return numberOrText(BigInt.asIntN(octets * 8, unsignedBigInt(bytes, position, octets)));
}

function decodeFloat(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets !== 4 && octets !== 8) return octets === 0 ? null : decodeHex(bytes, position, octets);
  const view = viewOf(bytes);
  const value = octets === 4 ? view.getFloat32(position) : view.getFloat64(position);
  return Number.isFinite(value) ? value : String(value);
}

/** RFC 7011 section 6.1.5: 1 is true, 2 is false; an octet that is neither is shown as the number it is. */
function decodeBoolean(bytes: Uint8Array, position: number, octets: number): PlainValue {
  const value = decodeUnsigned(bytes, position, octets);
  return value === 1 ? true : value === 2 ? false : value;
}

function decodeMacAddress(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets === 6) return formatMacAddress(bytes, position);
  return octets === 0 ? null : decodeHex(bytes, position, octets);
}

/** Exporters exist that send either family in an element of the other; the length tells. */
function decodeAddress(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets === 4) return formatIPv4(bytes, position);
  if (octets === 16) return formatIPv6(bytes, position);
  return octets === 0 ? null : decodeHex(bytes, position, octets);
}

/** Zeros at the end are no part of the text: exporters count the zero that ends a string of C. */
function decodeString(bytes: Uint8Array, position: number, octets: number): PlainValue {
  let end = position + octets;
  while (end > position && bytes[end - 1] === 0) end--;
  return textDecoder.decode(bytes.subarray(position, end));
}

/**
 * The text in a field of fixed length, up to the first zero: exporters that copy a string of C into it leave
 * behind the zero what was in memory before.
 */
export function decodeFixedString(bytes: Uint8Array, position: number, octets: number): PlainValue {
  let end = position;
  while (end < position + octets && bytes[end] !== 0) end++;
  return textDecoder.decode(bytes.subarray(position, end));
}

function decodeSeconds(bytes: Uint8Array, position: number, octets: number): PlainValue {
  const value = decodeUnsigned(bytes, position, octets);
  if (typeof value !== 'number') return value;
  return formatInstant({ seconds: value, nanoseconds: 0 }, 0) ?? value;
}

function decodeMilliseconds(bytes: Uint8Array, position: number, octets: number): PlainValue {
  const value = decodeUnsigned(bytes, position, octets);
  if (typeof value !== 'number') return value;
  return formatInstant({ seconds: Math.floor(value / 1000), nanoseconds: (value % 1000) * 1e6 }, 3) ?? value;
}

function ntpDecoder(instantOf: (seconds: number, fraction: number) => Instant, digits: number): Decode {
  return (bytes, position, octets) => {
    if (octets !== 8) return octets === 0 ? null : decodeHex(bytes, position, octets);
    const seconds = unsignedNumber(bytes, position, 4);
    const fraction = unsignedNumber(bytes, position + 4, 4);
    return formatInstant(instantOf(seconds, fraction), digits) ?? null;
  };
}

/** pmacct's nfprobe_tstamp_usec: a struct timeval of C, seconds since 1970 and microseconds in 8 octets each. */
const TIMEVAL_OCTETS = 16;
const decodeNtpMicroseconds = ntpDecoder(instantOfNtpMicroseconds, 6);

function decodeMicroseconds(bytes: Uint8Array, position: number, octets: number): PlainValue {
  if (octets !== TIMEVAL_OCTETS) return decodeNtpMicroseconds(bytes, position, octets);
  const seconds = unsignedNumber(bytes, position, 8);
  const microseconds = unsignedNumber(bytes, position + 8, 8);
  const isTime = seconds <= 0xffff_ffff && microseconds < 1e6;
  const text = isTime ? formatInstant({ seconds, nanoseconds: microseconds * 1000 }, 6) : undefined;
  return text ?? decodeHex(bytes, position, octets);
}

const DECODERS: Readonly<Record<PlainDataType, Decode>> = {
  octetArray: decodeHex,
  unsigned8: decodeUnsigned,
  unsigned16: decodeUnsigned,
  unsigned32: decodeUnsigned,
  unsigned64: decodeUnsigned,
  unsigned256: decodeUnsigned,
  signed8: decodeSigned,
  signed16: decodeSigned,
  signed32: decodeSigned,
  signed64: decodeSigned,
  float32: decodeFloat,
  float64: decodeFloat,
  boolean: decodeBoolean,
  macAddress: decodeMacAddress,
  string: decodeString,
  dateTimeSeconds: decodeSeconds,
  dateTimeMilliseconds: decodeMilliseconds,
  dateTimeMicroseconds: decodeMicroseconds,
  dateTimeNanoseconds: ntpDecoder(instantOfNtpNanoseconds, 9),
  ipv4Address: decodeAddress,
  ipv6Address: decodeAddress,
};

/** The field's octets as they are, when a value is given as the hexadecimal digits that decoding shows. */
function encodeHex(bytes: Uint8Array, position: number, octets: number, value: EncodableValue): boolean {
  const content = arrayBytes(value);
  return content !== undefined && content.length === octets && write(bytes, position, octets, content);
}

function integerEncoder(octetsMax: number, isSigned: boolean): Encode {
  return (bytes, position, octets, value) => {
    if (typeof value === 'number' && octets >= 1 && octets <= Math.min(octetsMax, EXACT_OCTETS_MAX)) {
      return encodeNumber(bytes, position, octets, value, isSigned);
    }
    const integer = integerOf(value);
    if (integer === undefined || octets < 1 || octets > octetsMax) return false;
    const wire = BigInt.asUintN(octets * 8, integer);
    const back = isSigned ? BigInt.asIntN(octets * 8, wire) : wire;
    if (back !== integer) return false;
    writeUnsigned(bytes, position, octets, wire);
    return true;
  };
}

/** The common case without BigInt, which costs ten times as much. */
function encodeNumber(
  bytes: Uint8Array,
  position: number,
  octets: number,
  value: number,
  isSigned: boolean,
): boolean {
  const range = 256 ** octets;
  const [min, max] = isSigned ? [-range / 2, range / 2 - 1] : [0, range - 1];
  if (!Number.isInteger(value) || value < min || value > max) return false;
  let rest = value < 0 ? value + range : value;
  for (let at = position + octets - 1; at >= position; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return true;
}

/** RFC 7011 section 6.2: a float64 may be sent as a float32; the reverse is not allowed. */
function floatEncoder(octetsMax: number): Encode {
  return (bytes, position, octets, value) => {
    const number = typeof value === 'string' ? nonFinite(value) : value;
    if (typeof number !== 'number' || (octets !== 4 && octets !== 8) || octets > octetsMax) return false;
    if (octets === 4) viewOf(bytes).setFloat32(position, number);
    else viewOf(bytes).setFloat64(position, number);
    return true;
  };
}

const encodeOctet = integerEncoder(1, false);

function encodeBoolean(bytes: Uint8Array, position: number, octets: number, value: EncodableValue): boolean {
  const octet = typeof value === 'boolean' ? (value ? 1 : 2) : value;
  return encodeOctet(bytes, position, octets, octet);
}

function textEncoderOf(octetsOfType: number, parse: (text: string) => Uint8Array | undefined): Encode {
  return (bytes, position, octets, value) => {
    const content =
      value instanceof Uint8Array ? value : typeof value === 'string' ? parse(value) : undefined;
    if (content?.length !== octetsOfType || octets !== octetsOfType) return false;
    return write(bytes, position, octets, content);
  };
}

function encodeString(bytes: Uint8Array, position: number, octets: number, value: EncodableValue): boolean {
  const content = stringBytes(value);
  return content !== undefined && content.length <= octets && write(bytes, position, octets, content);
}

/** A time that no calendar reaches is shown as the integer that it is on the wire. */
const encodeRaw = integerEncoder(8, false);

function timeEncoder(octetsOfType: number, wireOf: (instant: Instant) => bigint): Encode {
  return (bytes, position, octets, value) => {
    const given = value instanceof Date ? value.getTime() : value;
    if (typeof given === 'string' && /^\d+$/.test(given)) return encodeRaw(bytes, position, octets, given);
    const instant = typeof given === 'number' || typeof given === 'string' ? parseInstant(given) : undefined;
    if (instant === undefined || octets !== octetsOfType) return false;
    const wire = wireOf(instant);
    if (BigInt.asUintN(octets * 8, wire) !== wire) return false;
    writeUnsigned(bytes, position, octets, wire);
    return true;
  };
}

const ntpWire = (fractionOf: (instant: Instant) => number) => (instant: Instant) =>
  (BigInt(ntpSecondsOf(instant)) << 32n) + BigInt(fractionOf(instant));
const millisecondsWire = (instant: Instant) =>
  BigInt(instant.seconds) * 1000n + BigInt(Math.floor(instant.nanoseconds / 1e6));

const encodeNtpMicroseconds = timeEncoder(8, ntpWire(ntpMicrosecondFraction));
const encodeTimeval = timeEncoder(
  TIMEVAL_OCTETS,
  (instant) => (BigInt(instant.seconds) << 64n) + BigInt(Math.floor(instant.nanoseconds / 1000)),
);

function encodeMicroseconds(
  bytes: Uint8Array,
  position: number,
  octets: number,
  value: EncodableValue,
): boolean {
  const encode = octets === TIMEVAL_OCTETS ? encodeTimeval : encodeNtpMicroseconds;
  return encode(bytes, position, octets, value);
}

const ENCODERS: Readonly<Record<PlainDataType, Encode>> = {
  octetArray: encodeHex,
  unsigned8: integerEncoder(1, false),
  unsigned16: integerEncoder(2, false),
  unsigned32: integerEncoder(4, false),
  unsigned64: integerEncoder(8, false),
  unsigned256: integerEncoder(32, false),
  signed8: integerEncoder(1, true),
  signed16: integerEncoder(2, true),
  signed32: integerEncoder(4, true),
  signed64: integerEncoder(8, true),
  float32: floatEncoder(4),
  float64: floatEncoder(8),
  boolean: encodeBoolean,
  macAddress: textEncoderOf(6, parseMacAddress),
  string: encodeString,
  dateTimeSeconds: timeEncoder(4, (instant) => BigInt(instant.seconds)),
  dateTimeMilliseconds: timeEncoder(8, millisecondsWire),
  dateTimeMicroseconds: encodeMicroseconds,
  dateTimeNanoseconds: timeEncoder(8, ntpWire(ntpNanosecondFraction)),
  ipv4Address: textEncoderOf(4, parseIPv4),
  ipv6Address: textEncoderOf(16, parseIPv6),
};

function unsignedNumber(bytes: Uint8Array, position: number, octets: number): number {
  let value = 0;
  for (let at = position; at < position + octets; at++) value = value * 256 + (bytes[at] as number);
  return value;
}

function unsignedBigInt(bytes: Uint8Array, position: number, octets: number): bigint {
  let value = 0n;
  let at = position;
  for (const end = position + (octets % 4); at < end; at++)
    value = (value << 8n) | BigInt(bytes[at] as number);
  for (const end = position + octets; at < end; at += 4) {
    value = (value << 32n) | BigInt(unsignedNumber(bytes, at, 4));
  }
  return value;
}

function writeUnsigned(bytes: Uint8Array, position: number, octets: number, value: bigint): void {
  let rest = value;
  for (let at = position + octets - 1; at >= position; at--) {
    bytes[at] = Number(rest & 255n);
    rest >>= 8n;
  }
}

function write(bytes: Uint8Array, position: number, octets: number, content: Uint8Array): boolean {
  bytes.set(content, position);
  bytes.fill(0, position + content.length, position + octets);
  return true;
}

function numberOrText(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function integerOf(value: EncodableValue): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^-?\d{1,78}$/.test(value) ? BigInt(value) : undefined;
}

function nonFinite(text: string): number | undefined {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity' ? Number(text) : undefined;
}

function stringBytes(value: EncodableValue): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? textEncoder.encode(value) : undefined;
}

function arrayBytes(value: EncodableValue): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return typeof value === 'string' ? parseHex(value) : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
