/**
 * The one way in which octets from outside are read off the hot path: a window of a Uint8Array with a
 * position. Nothing can be read past the window's end; an attempt throws a DecodeError with the code that
 * the window was made with and the absolute offset (from the start of the datagram, stream or file).
 */
import { DecodeError, type DecodeErrorCode } from './decode-error.ts';

export class BoundedReader {
  readonly bytes: Uint8Array;
  /** Index into `bytes` of the next octet. */
  position: number;
  /** Index into `bytes` of the first octet that is not in the window. */
  readonly end: number;
  /** What an index into `bytes` must be raised by to be an absolute offset. */
  readonly baseOffset: number;
  /** The code of the error when the window is too short. */
  readonly shortCode: DecodeErrorCode;

  constructor(
    bytes: Uint8Array,
    shortCode: DecodeErrorCode,
    position = 0,
    end = bytes.length,
    baseOffset = 0,
  ) {
    this.bytes = bytes;
    this.shortCode = shortCode;
    this.position = position;
    this.end = end;
    this.baseOffset = baseOffset;
  }

  /** Octets left in the window. */
  get remaining(): number {
    return this.end - this.position;
  }

  /** Absolute offset of the next octet. */
  get offset(): number {
    return this.position + this.baseOffset;
  }

  uint8(): number {
    this.require(1);
    return this.bytes[this.position++] as number;
  }

  uint16(): number {
    this.require(2);
    const at = this.position;
    this.position = at + 2;
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  uint32(): number {
    return this.uint16() * 65536 + this.uint16();
  }

  /** The next `octets` octets, not copied. */
  take(octets: number): Uint8Array {
    this.require(octets);
    const at = this.position;
    this.position = at + octets;
    return this.bytes.subarray(at, this.position);
  }

  skip(octets: number): void {
    this.require(octets);
    this.position += octets;
  }

  /** A window of the next `octets` octets; this reader moves past them. */
  window(octets: number, shortCode: DecodeErrorCode = this.shortCode): BoundedReader {
    this.require(octets);
    const at = this.position;
    this.position = at + octets;
    return new BoundedReader(this.bytes, shortCode, at, this.position, this.baseOffset);
  }

  /** RFC 7011 section 7: the length before the content of a variable-length field, in 1 or 3 octets. */
  variableLength(): number {
    const short = this.uint8();
    return short < 255 ? short : this.uint16();
  }

  fail(code: DecodeErrorCode, detail?: string): never {
    throw new DecodeError(code, this.offset, detail);
  }

  /** Throws unless `octets` more octets are in the window. */
  require(octets: number): void {
    if (octets <= this.remaining) return;
    this.fail(this.shortCode, `(${octets} octets needed, ${this.remaining} left)`);
  }
}
