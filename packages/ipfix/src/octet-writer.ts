/** Octets written one after another, in network byte order, into a buffer that grows up to a limit. */
export class OctetWriter {
  bytes: Uint8Array;
  /** Octets written so far. */
  length = 0;
  readonly octetsMax: number;

  /** `octetsMax`: writing more throws a RangeError. */
  constructor(octetsMax: number, octetsAtFirst = 256) {
    this.octetsMax = octetsMax;
    this.bytes = new Uint8Array(Math.min(octetsMax, octetsAtFirst));
  }

  uint8(value: number): void {
    const at = this.reserve(1);
    this.bytes[at] = value;
  }

  uint16(value: number): void {
    const at = this.reserve(2);
    this.bytes[at] = value >> 8;
    this.bytes[at + 1] = value;
  }

  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value & 0xffff);
  }

  append(content: Uint8Array): void {
    const at = this.reserve(content.length);
    this.bytes.set(content, at);
  }

  /** Makes room for `octets` more octets, which hold anything until written; the index of the first. */
  reserve(octets: number): number {
    const at = this.length;
    const needed = at + octets;
    if (needed > this.octetsMax) throw new RangeError(`more than ${this.octetsMax} octets`);
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.octetsMax, Math.max(needed, this.bytes.length * 2)));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
    }
    this.length = needed;
    return at;
  }

  /** Writes a 16-bit number at an index already reserved. */
  setUint16(at: number, value: number): void {
    this.bytes[at] = value >> 8;
    this.bytes[at + 1] = value;
  }

  /** What was written; valid until the next write. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
