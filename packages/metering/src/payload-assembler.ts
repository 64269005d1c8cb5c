/** Puts IP fragments, TCP segments and chunks of SCTP of a capture together, within fixed bounds. */
import type { SctpData } from './sctp.ts';

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

/** Gives the next octets of a stream; `missing` octets before them were never captured. */
export type GiveSegment = (bytes: Uint8Array, name: string, missing: number) => void;

interface Stream {
  /** The sequence number of the next octet to give. */
  next: number;
  readonly waiting: Map<number, Uint8Array>;
  waitingOctets: number;
  /** That of the last segment: it gets what waited in vain. */
  give: GiveSegment;
}

export class StreamAssembler {
  readonly #streams = new Map<string, Stream>();

  /**
   * Takes one segment; `give` gets what is next in order, perhaps nothing, perhaps more than this segment.
   */
  add(name: string, sequence: number, isSyn: boolean, payload: Uint8Array, give: GiveSegment): void {
    const first = isSyn ? (sequence + 1) >>> 0 : sequence;
    let stream = this.#streams.get(name);
    if (stream === undefined || isSyn) {
      if (stream !== undefined) this.#giveAll(name, stream);
      stream = { next: first, waiting: new Map(), waitingOctets: 0, give };
      this.#streams.set(name, stream);
      this.#evictOldest();
    }
    if (payload.length === 0) return;
    stream.give = give;
    keep(stream, first, payload);
    giveInOrder(stream, name, 0);
    if (stream.waitingOctets > WAITING_OCTETS_MAX) giveBehindGap(stream, name);
  }

  /** The connection ends in this direction. What still waits goes on waiting: the gap may be filled late. */
  close(name: string): void {
    if (this.#streams.get(name)?.waiting.size === 0) this.#streams.delete(name);
  }

  /** The capture ends: what waits for segments that it does not have is given without them. */
  end(): void {
    for (const [name, stream] of this.#streams) this.#giveAll(name, stream);
    this.#streams.clear();
  }

  #giveAll(name: string, stream: Stream): void {
    while (stream.waiting.size > 0) giveBehindGap(stream, name);
  }

  #evictOldest(): void {
    if (this.#streams.size <= STREAMS_MAX) return;
    for (const [name, stream] of this.#streams) {
      this.#giveAll(name, stream);
      this.#streams.delete(name);
      return;
    }
  }
}

function keep(stream: Stream, sequence: number, payload: Uint8Array): void {
  const before = stream.waiting.get(sequence);
  if (before !== undefined && before.length >= payload.length) return;
  stream.waiting.set(sequence, payload.slice());
  stream.waitingOctets += payload.length - (before?.length ?? 0);
}

/** A missing segment was never captured: goes on where the capture goes on. */
function giveBehindGap(stream: Stream, name: string): void {
  let missing = 2 ** 32;
  for (const sequence of stream.waiting.keys()) {
    missing = Math.min(missing, (sequence - stream.next) >>> 0);
  }
  stream.next = (stream.next + missing) >>> 0;
  giveInOrder(stream, name, missing);
}

function giveInOrder(stream: Stream, name: string, missing: number): void {
  for (let progress = true; progress; ) {
    progress = false;
    for (const [sequence, payload] of stream.waiting) {
      const already = (stream.next - sequence) | 0;
      if (already < 0) continue;
      stream.waiting.delete(sequence);
      stream.waitingOctets -= payload.length;
      if (already >= payload.length) continue;
      stream.next = (sequence + payload.length) >>> 0;
      stream.give(payload.subarray(already), name, missing);
      missing = 0;
      progress = true;
    }
  }
}

/** User messages of SCTP that are put together for one direction; larger ones are no export packets. */
const USER_MESSAGE_OCTETS_MAX = 65_535;
/** Directions of SCTP associations that are followed; the oldest goes. */
const ASSOCIATIONS_MAX = 256;
/** A chunk that comes again within so many is a retransmission. */
const TSNS_REMEMBERED = 1024;

interface Association {
  /** The latest TSNs, in the order in which they came. */
  readonly seen: Set<number>;
  /** The parts of a user message so far, and the TSN that the next one must have. */
  parts: Uint8Array[];
  octets: number;
  nextTsn: number;
}

/** Puts user messages of SCTP together whose parts come in order, each once. */
export class UserMessageAssembler {
  readonly #associations = new Map<string, Association>();

  /** Takes one DATA chunk; returns the user message that it ends. */
  add(name: string, { tsn, begins, ends, data }: SctpData): Uint8Array | undefined {
    const association = this.#associations.get(name) ?? { seen: new Set(), parts: [], octets: 0, nextTsn: 0 };
    this.#associations.set(name, association);
    evictOldest(this.#associations, ASSOCIATIONS_MAX);
    if (association.seen.has(tsn)) return undefined;
    remember(association.seen, tsn);
    if (begins && ends) return data;
    if (begins) Object.assign(association, { parts: [], octets: 0 });
    else if (association.parts.length === 0 || tsn !== association.nextTsn) {
      association.parts = [];
      return undefined;
    }
    association.parts.push(data.slice());
    association.octets += data.length;
    association.nextTsn = (tsn + 1) >>> 0;
    if (!ends && association.octets <= USER_MESSAGE_OCTETS_MAX) return undefined;
    const whole = Buffer.concat(association.parts);
    association.parts = [];
    return ends ? whole : undefined;
  }
}

function remember(seen: Set<number>, tsn: number): void {
  seen.add(tsn);
  if (seen.size <= TSNS_REMEMBERED) return;
  const [oldest = 0] = seen;
  seen.delete(oldest);
}

function evictOldest(map: Map<string, unknown>, countMax: number): void {
  if (map.size <= countMax) return;
  const oldest = map.keys().next().value;
  if (oldest !== undefined) map.delete(oldest);
}
