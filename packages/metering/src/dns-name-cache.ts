/**
 * Which name an address was resolved from, for a client: a table of sets of WAYS entries. An entry lives as
 * long as its TTL says, within bounds; in a full set the one that would expire first goes. So it never grows
 * and never has to be swept.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is masked to the table.
 */

import { randomFlowIdKey } from './flow-id.ts';
import { HalfSipHash } from './half-siphash.ts';

/** Client and address, four words each. */
const KEY_WORDS = 8;
const WAYS = 4;
/** 8192 sets of 4: 32,768 names × (32 octets of key + 8 + 8) = 1.5 MiB. */
const SETS = 8192;
/** 256 KiB: with every entry in use, one in eight to one in three addresses without a name has a mark. */
const MARKS = 262_144;
/** So often they are made anew, for those of entries that went stay. */
const PUTS_BETWEEN_MARKINGS = 65_536;
/** Applications keep on using addresses of short-lived records: those of connections they held open. */
const LIFETIME_MS_MIN = 60_000;
const LIFETIME_MS_MAX = 86_400_000;

/** The key of an entry, to be filled by the caller: words 0–3 the client, 4–7 the address. */
export class DnsNameCache {
  readonly key = new Int32Array(KEY_WORDS);
  readonly #keys = new Int32Array(SETS * WAYS * KEY_WORDS);
  readonly #expiryMs = new Float64Array(SETS * WAYS).fill(Number.NEGATIVE_INFINITY);
  readonly #names: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(SETS * WAYS).fill(
    undefined,
  );
  readonly #hash = new HalfSipHash(...randomFlowIdKey());
  /** By a quick hash, which addresses have an entry. */
  readonly #marks = new Uint8Array(MARKS);
  #puts = 0;

  /** Keeps `name` under `key`; a newer name of the same key replaces the older one. */
  put(name: Uint8Array, ttlSeconds: number, nowMs: number): void {
    const lifetimeMs = Math.min(Math.max(ttlSeconds * 1000, LIFETIME_MS_MIN), LIFETIME_MS_MAX);
    const first = this.#firstOfSet();
    let entry = first;
    for (let way = first; way < first + WAYS; way += 1) {
      if (this.#isKeyOf(way)) {
        entry = way;
        break;
      }
      if (this.#expiryMs[way]! < this.#expiryMs[entry]!) entry = way;
    }
    this.#puts += 1;
    if (this.#puts % PUTS_BETWEEN_MARKINGS === 0) this.#markAgain();
    this.#keys.set(this.key, entry * KEY_WORDS);
    this.#marks[markOf(this.key[6]!, this.key[7]!)] = 1;
    this.#expiryMs[entry] = nowMs + lifetimeMs;
    this.#names[entry] = name;
  }

  /**
   * Whether an address, given by its last two words, may have a name for somebody; false is certain. Most
   * addresses have none, and the four searches for a flow would cost more than all else at its end.
   */
  mayKnow(third: number, last: number): boolean {
    return this.#marks[markOf(third, last)] === 1;
  }

  /** The name under `key`, unless it has expired. */
  find(nowMs: number): Uint8Array | undefined {
    const first = this.#firstOfSet();
    for (let way = first; way < first + WAYS; way += 1) {
      if (this.#isKeyOf(way)) return this.#expiryMs[way]! >= nowMs ? this.#names[way] : undefined;
    }
    return undefined;
  }

  #markAgain(): void {
    this.#marks.fill(0);
    for (let entry = 0; entry < SETS * WAYS; entry += 1) {
      if (this.#names[entry] === undefined) continue;
      const base = entry * KEY_WORDS;
      this.#marks[markOf(this.#keys[base + 6]!, this.#keys[base + 7]!)] = 1;
    }
  }

  #firstOfSet(): number {
    this.#hash.digest(this.key, KEY_WORDS);
    return (this.#hash.low & (SETS - 1)) * WAYS;
  }

  #isKeyOf(entry: number): boolean {
    const base = entry * KEY_WORDS;
    for (let index = 0; index < KEY_WORDS; index += 1) {
      if (this.#keys[base + index] !== this.key[index]) return false;
    }
    return this.#names[entry] !== undefined;
  }
}

/** Whoever makes collisions on purpose makes us slower, not wrong. */
function markOf(third: number, last: number): number {
  const mixed = Math.imul(last ^ Math.imul(third, 0x85eb_ca6b), 0x9e37_79b1);
  return (mixed >>> 14) & (MARKS - 1);
}
