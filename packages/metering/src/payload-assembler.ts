/** Puts IP fragments and TCP segments of a capture together, within fixed bounds. */

/** Datagrams whose fragments are waited for; the oldest goes. */
const DATAGRAMS_MAX = 256;
/** The length of an IP packet has 16 bits. */
const DATAGRAM_OCTETS_MAX = 65_535;
const FRAGMENTS_MAX = 128; // a 65,535-octet datagram over an MTU of 576 octets has 119
/** Directions of TCP connections that are followed; the oldest goes. */
const STREAMS_MAX = 1024;
/** Octets that wait in a direction for a segment that is missing: four windows of 64 KiB. */
const WAITING_OCTETS_MAX = 262_144;

interface Fragments {
  readonly parts: Map<number, Uint8Array>;
  /** Octets of the whole datagram; unknown until the last fragment is there. */
  total: number | undefined;
}

export class FragmentAssembler {
  readonly #datagrams = new Map<string, Fragments>();

  /** Takes one packet's payload; returns the whole datagram when nothing of it is missing any more. */
  add(key: string, offset: number, isLast: boolean, part: Uint8Array): Uint8Array | undefined {
    if (offset === 0 && isLast) return part;
    if (offset + part.length > DATAGRAM_OCTETS_MAX) return undefined;
    const fragments = this.#datagrams.get(key) ?? { parts: new Map(), total: undefined };
    this.#datagrams.set(key, fragments);
    if (fragments.parts.size < FRAGMENTS_MAX) fragments.parts.set(offset, part.slice());
    if (isLast) fragments.total = offset + part.length;
    const whole = assemble(fragments);
    if (whole !== undefined) this.#datagrams.delete(key);
    evictOldest(this.#datagrams, DATAGRAMS_MAX);
    return whole;
  }
}

function assemble({ parts, total }: Fragments): Uint8Array | undefined {
  if (total === undefined) return undefined;
  const whole = new Uint8Array(total);
  let covered = 0;
  for (const [offset, part] of [...parts].sort(([a], [b]) => a - b)) {
    if (offset > covered || offset >= total) return undefined;
    whole.set(part.subarray(0, total - offset), offset);
    covered = Math.max(covered, offset + part.length);
  }
  return covered >= total ? whole : undefined;
}

interface Stream {
  /** The sequence number of the next octet to give. */
  next: number;
  readonly waiting: Map<number, Uint8Array>;
  waitingOctets: number;
}

export class StreamAssembler {
  readonly #streams = new Map<string, Stream>();

  /**
   * Takes one segment; `give` gets what is next in order, perhaps nothing, perhaps more than this segment.
   */
  add(
    name: string,
    sequence: number,
    isSyn: boolean,
    payload: Uint8Array,
    give: (bytes: Uint8Array, name: string) => void,
  ): void {
    const first = isSyn ? (sequence + 1) >>> 0 : sequence;
    let stream = this.#streams.get(name);
    if (stream === undefined || isSyn) {
      stream = { next: first, waiting: new Map(), waitingOctets: 0 };
      this.#streams.set(name, stream);
      evictOldest(this.#streams, STREAMS_MAX);
    }
    if (payload.length === 0) return;
    this.#keep(stream, first, payload);
    this.#giveInOrder(stream, name, give);
    if (stream.waitingOctets > WAITING_OCTETS_MAX) {
      // The missing segment was never captured: go on where the capture goes on.
      stream.next = Math.min(...stream.waiting.keys());
      this.#giveInOrder(stream, name, give);
    }
  }

  close(name: string): void {
    this.#streams.delete(name);
  }

  #keep(stream: Stream, sequence: number, payload: Uint8Array): void {
    const before = stream.waiting.get(sequence);
    if (before !== undefined && before.length >= payload.length) return;
    stream.waiting.set(sequence, payload.slice());
    stream.waitingOctets += payload.length - (before?.length ?? 0);
  }

  #giveInOrder(stream: Stream, name: string, give: (bytes: Uint8Array, name: string) => void): void {
    for (let progress = true; progress; ) {
      progress = false;
      for (const [sequence, payload] of stream.waiting) {
        const already = (stream.next - sequence) | 0;
        if (already < 0) continue;
        stream.waiting.delete(sequence);
        stream.waitingOctets -= payload.length;
        if (already >= payload.length) continue;
        stream.next = (sequence + payload.length) >>> 0;
        give(payload.subarray(already), name);
        progress = true;
      }
    }
  }
}

function evictOldest(map: Map<string, unknown>, countMax: number): void {
  if (map.size <= countMax) return;
  const oldest = map.keys().next().value;
  if (oldest !== undefined) map.delete(oldest);
}
