/**
 * Hellos that take more than one packet: a key share of today (ML-KEM) makes a ClientHello of some 1800 octets,
 * which is two TCP segments or two QUIC Initials, with the server name in either. What has come is kept until the
 * name is there, the hello is whole, or others need the place. Owned by one NameWatch; nothing outlives it.
 */
import { KEY_KIND, KEY_PORTS, KEY_WORDS, KEY_WORDS_IPV4, KIND_IPV6 } from './packet-burst.ts';

/** Two key shares, ECH and a ticket fit; what is longer is not looked at further. */
export const HELLO_OCTETS_MAX = 4096;
/** 256 × (4096 + 4096) octets = 2 MiB. */
const PENDING_MAX = 256;
/** A segment that was lost is sent again within a second, and once more two seconds later. */
const PENDING_MS_MAX = 4_000;
const PORTS = 65_536;

/** The octets of a hello, in whatever order they come. */
export class PartialHello {
  readonly #octets = new Uint8Array(HELLO_OCTETS_MAX);
  readonly #isFilled = new Uint8Array(HELLO_OCTETS_MAX);
  readonly view = new DataView(this.#octets.buffer);
  #length = 0;

  /** Octets without a gap from the beginning on. */
  get length(): number {
    return this.#length;
  }

  /** What lies beyond HELLO_OCTETS_MAX is left out. */
  put(octets: Uint8Array, offset: number): void {
    const fitting = octets.subarray(0, Math.max(0, HELLO_OCTETS_MAX - offset));
    if (fitting.length === 0) return;
    this.#octets.set(fitting, offset);
    this.#isFilled.fill(1, offset, offset + fitting.length);
    const gap = this.#isFilled.indexOf(0, this.#length);
    this.#length = gap < 0 ? HELLO_OCTETS_MAX : gap;
  }
}

interface PendingHello {
  readonly hello: PartialHello;
  /** TCP: the sequence number of its first octet. */
  readonly sequence: number;
  readonly sinceMs: number;
}

/** Hellos of which more is to come, by flow: rows of a PacketBurst. The oldest go first. */
export class HelloAssembler {
  readonly #pending = new Map<string, PendingHello & { readonly sourcePort: number }>();
  /** Pending hellos by source port, so that other packets pay one look. */
  readonly #byPort = new Uint16Array(PORTS);

  begin(words: Int32Array, row: number, pending: PendingHello): void {
    this.end(words, row);
    if (this.#pending.size >= PENDING_MAX) {
      const [oldest] = this.#pending.keys();
      if (oldest !== undefined) this.#remove(oldest);
    }
    const sourcePort = sourcePortOf(words, row);
    this.#pending.set(keyOf(words, row), { ...pending, sourcePort });
    this.#byPort[sourcePort]! += 1;
  }

  /** The hello that the flow of the row has begun, unless that is too long ago. */
  find(words: Int32Array, row: number, nowMs: number): PendingHello | undefined {
    if (this.#byPort[sourcePortOf(words, row)] === 0) return undefined;
    const found = this.#pending.get(keyOf(words, row));
    if (found === undefined || Math.abs(nowMs - found.sinceMs) <= PENDING_MS_MAX) return found;
    this.end(words, row);
    return undefined;
  }

  end(words: Int32Array, row: number): void {
    if (this.#byPort[sourcePortOf(words, row)] !== 0) this.#remove(keyOf(words, row));
  }

  #remove(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    this.#byPort[pending.sourcePort]! -= 1;
  }
}

function sourcePortOf(words: Int32Array, row: number): number {
  return words[row + KEY_PORTS]! >>> 16;
}

function keyOf(words: Int32Array, row: number): string {
  const isIpv6 = (words[row + KEY_KIND]! & KIND_IPV6) !== 0;
  return words.subarray(row, row + (isIpv6 ? KEY_WORDS : KEY_WORDS_IPV4)).join();
}
