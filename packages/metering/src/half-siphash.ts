/**
 * HalfSipHash-1-3 with a 64-bit result: the keyed hash behind `flowId` (148). It follows the published
 * algorithm (Aumasson and Bernstein's SipHash on 32-bit words) over whole words, so the input has no odd
 * octets.
 */
export class HalfSipHash {
  readonly #key0: number;
  readonly #key1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;
  #words = 0;

  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  begin(): void {
    this.#v0 = this.#key0;
    this.#v1 = this.#key1 ^ 0xee;
    this.#v2 = 0x6c796765 ^ this.#key0;
    this.#v3 = 0x74656462 ^ this.#key1;
    this.#words = 0;
  }

  add(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#v0 ^= word;
    this.#words += 1;
  }

  /** Ends the input and returns the low word of the result; `high` then returns the high word. */
  low(): number {
    this.add(this.#words << 26);
    this.#v2 ^= 0xee;
    for (let round = 0; round < 3; round += 1) this.#round();
    return this.#v1 ^ this.#v3;
  }

  high(): number {
    this.#v1 ^= 0xdd;
    for (let round = 0; round < 3; round += 1) this.#round();
    return this.#v1 ^ this.#v3;
  }

  #round(): void {
    let v0 = (this.#v0 + this.#v1) | 0;
    let v1 = ((this.#v1 << 5) | (this.#v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    let v2 = (this.#v2 + this.#v3) | 0;
    let v3 = ((this.#v3 << 8) | (this.#v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
