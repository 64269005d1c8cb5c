/**
 * Sessions that are going on: which records are of one conversation, who began it, and which observation
 * point tells of a direction first. Open addressing over typed arrays, a window of slots a key, a seeded hash
 * and a comparison of the whole key. Nothing is ever deleted: a session that is over leaves its slot to the
 * next that wants it, and where a window is full the one that is over first has to go, which is counted.
 *
 * Time is in ticks of 8 ms since 30 days before the first record, so that 31 bits last for half a year;
 * then the table begins anew.
 *
 * Hot file: typed-array reads are asserted (`!`); slots are masked, a session has WORDS words. Everything is
 * signed 32-bit, which the engine keeps without boxes: objects with a field for each value were three times slower.
 */
import type { ObservationPoints } from './observation-points.ts';
import {
  FLAG_BIFLOW,
  FLAG_ENDED,
  FLAG_HAS_KEY,
  KEY_IS_V4,
  KEY_PORTS,
  KEY_PROTOCOL,
  KEY_WORDS,
  type SessionRecords,
} from './session-records.ts';

/** Slots looked at for a key; at a load of one half, one in 30,000 keys finds them all taken. */
const WINDOW = 16;
/** Words of a session: 64 octets, a line of the cache. The first nine are those of the key. */
const WORDS = 16;
/** Protocol in the low octet, then DECIDED, SEEN, EXPORTER and the epoch of the identifier; 0: a free slot. */
const KIND = 9;
/** Until when a record may come, as received. */
const UNTIL = 10;
const IDENTIFIER = 11;
/** Until when, by flow times of EXPORTER, a record may begin. */
const FLOW_UNTIL = 12;
/** Owner of the direction from the lower end in the low half, of the other one in the high half. */
const OWNERS = 13;
/** Two words: the last packet that the owner told of, for each direction. */
const OWNER_LAST = 14;

const DECIDED_SHIFT = 8;
const DECIDED_MASK = 0x1f;
/** Two bits: directions of which there was a record. */
const SEEN_SHIFT = 13;
/** The exporter that told of the session last: twelve bits. */
const EXPORTER_SHIFT = 15;
const EXPORTER_BITS = 0xfff << EXPORTER_SHIFT;
/** Four bits, behind that of KEY_IS_V4: 2^36 sessions have an identifier of their own. */
const EPOCH_SHIFT = 28;
/** What of KIND belongs to the key. */
const KEY_BITS = 0xff | KEY_IS_V4;

/**
 * Large memory begins 16 octets into a page; with these before it no session lies in two lines of the cache.
 */
const ALIGNMENT = 48;

export const TICK_MS = 8;
/**
 * What a packet needs from one observation point of an exporter to the next, the tick's own edge included. A flow of a
 * single packet (a look-up of a name, a try of a scan) begins at the second point when it has ended at the first.
 */
const FORWARDING_TICKS = 1;
const TICKS_BEFORE = (30 * 86_400_000) / TICK_MS;
/** Leaves room for what is added to a tick: allowances are at most an hour. */
const TICKS_MAX = 0x7ff00000;

export interface SessionTableCounters {
  sessions: number;
  /** Sessions of which both directions were seen. */
  paired: number;
  /** Sessions given up before their time because their window of the table was full. */
  evicted: number;
  duplicates: number;
  /** Times that another observation point took a direction over. */
  ownersChanged: number;
  /** Times that the table began anew because time had left its 31 bits. */
  resets: number;
}

export interface SessionTableOptions {
  sessionsMax: number;
  windowMs: number;
  /** Two random words: what identifiers begin with and what the hash is seeded with. */
  seed: readonly [number, number];
  points: ObservationPoints;
}

export class SessionTable {
  readonly counters: SessionTableCounters = {
    sessions: 0,
    paired: 0,
    evicted: 0,
    duplicates: 0,
    ownersChanged: 0,
    resets: 0,
  };
  readonly seed: number;
  readonly #points: ObservationPoints;
  readonly #mask: number;
  readonly #shift: number;
  readonly #words: Int32Array;
  readonly #windowTicks: number;
  readonly #prefix: number;
  #identifier: number;
  #epoch = 0;
  #baseMs = Number.NaN;
  #warmth = 0;

  constructor({ sessionsMax, windowMs, seed, points }: SessionTableOptions) {
    // Between one third and two thirds full when it is.
    const bits = Math.max(6, 32 - Math.clz32(Math.ceil(sessionsMax * 1.5) - 1));
    this.#mask = (1 << bits) - 1;
    this.#shift = 32 - bits;
    this.#words = new Int32Array(
      new ArrayBuffer(ALIGNMENT + ((WORDS * 4) << bits)),
      ALIGNMENT,
      WORDS << bits,
    );
    this.#windowTicks = Math.ceil(windowMs / TICK_MS);
    this.#points = points;
    this.seed = seed[0] | 0;
    this.#prefix = seed[1] << 8;
    this.#identifier = (seed[0] ^ seed[1]) | 0;
  }

  /** Milliseconds since the Unix epoch of tick 0, for records received from `nowMs` on. */
  baseMs(nowMs: number): number {
    const tick = (nowMs - this.#baseMs) / TICK_MS;
    if (tick >= TICKS_BEFORE / 2 && tick < TICKS_MAX) return this.#baseMs;
    if (!Number.isNaN(this.#baseMs)) {
      this.counters.resets += 1;
      this.#words.fill(0);
    }
    this.#baseMs = nowMs - TICKS_BEFORE * TICK_MS;
    return this.#baseMs;
  }

  /**
   * Finds or begins the session of each record. `decide` is asked for the first record of a session and answers
   * as decideDirection does.
   */
  take(records: SessionRecords, count: number, decide: (index: number) => number): void {
    this.#warm(records, count);
    const { flags } = records;
    for (let index = 0; index < count; index += 1) {
      if ((flags[index]! & FLAG_HAS_KEY) === 0) continue;
      const known = this.#lookUp(records, index);
      let slot = known;
      if (known >= 0 && this.#joins(known, records, index)) {
        this.#prolong(known, records, index);
      } else {
        if (known < 0) slot = this.#place(records.hashes[index]!, records.received[index]!);
        this.#begin(slot, records, index, decide(index));
      }
      this.#answer(slot, records, index);
      records.duplicates[index] = this.#isDuplicate(slot, records, index) ? 1 : 0;
    }
  }

  /** Reads what the look-ups will need: for many records at once, so that the memory's delays overlap. */
  #warm({ hashes }: SessionRecords, count: number): void {
    const words = this.#words;
    const shift = this.#shift;
    let warmth = 0;
    for (let index = 0; index < count; index += 1) {
      warmth ^= words[(hashes[index]! >>> shift) * WORDS]!;
    }
    this.#warmth = warmth ^ (this.#warmth & 1);
  }

  /** The slot of the record's key, also when that session is over; -1 for none. */
  #lookUp({ hashes, keys }: SessionRecords, index: number): number {
    const words = this.#words;
    const mask = this.#mask;
    const key = index * KEY_WORDS;
    let slot = hashes[index]! >>> this.#shift;
    for (let step = 0; step < WINDOW; step += 1) {
      const base = slot * WORDS;
      if (words[base + KIND] === 0) return -1;
      if (words[base] === keys[key]! && equals(words, base, keys, key)) return slot;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** In time as received and, where the same exporter told of it last, by its flow times. */
  #joins(slot: number, { received, exporters, starts }: SessionRecords, index: number): boolean {
    const words = this.#words;
    const base = slot * WORDS;
    if (received[index]! > words[base + UNTIL]!) return false;
    if ((words[base + KIND]! & EXPORTER_BITS) !== exporters[index]! << EXPORTER_SHIFT) return true;
    return starts[index]! <= words[base + FLOW_UNTIL]!;
  }

  #prolong(slot: number, records: SessionRecords, index: number): void {
    const words = this.#words;
    const base = slot * WORDS;
    const flags = records.flags[index]!;
    const allowance = records.allowances[index]!;
    const until = records.received[index]! + allowance;
    if (until > words[base + UNTIL]! || (flags & FLAG_ENDED) !== 0) words[base + UNTIL] = until;
    const flowUntil = records.ends[index]! + allowance;
    const before = words[base + KIND]!;
    const exporter = records.exporters[index]! << EXPORTER_SHIFT;
    if ((before & EXPORTER_BITS) !== exporter || flowUntil > words[base + FLOW_UNTIL]!) {
      words[base + FLOW_UNTIL] = flowUntil;
    }
    const seen = seenBits(flags, records.directions[index]!);
    if ((before & seen) !== seen) this.counters.paired += 1;
    words[base + KIND] = (before & ~EXPORTER_BITS) | exporter | seen;
  }

  /** The first slot of the window that is free or whose session is over, else the one that is over first. */
  #place(hash: number, received: number): number {
    const mask = this.#mask;
    const words = this.#words;
    let slot = hash >>> this.#shift;
    let best = slot;
    for (let step = 0; step < WINDOW; step += 1) {
      const until = words[slot * WORDS + UNTIL]!;
      if (words[slot * WORDS + KIND] === 0 || until < received) return slot;
      if (until < words[best * WORDS + UNTIL]!) best = slot;
      slot = (slot + 1) & mask;
    }
    this.counters.evicted += 1;
    return best;
  }

  #begin(slot: number, records: SessionRecords, index: number, decided: number): void {
    const words = this.#words;
    const base = slot * WORDS;
    const { keys } = records;
    const key = index * KEY_WORDS;
    for (let word = 0; word < KIND; word += 1) words[base + word] = keys[key + word]!;
    const flags = records.flags[index]!;
    const direction = records.directions[index]!;
    this.counters.sessions += 1;
    if ((flags & FLAG_BIFLOW) !== 0) this.counters.paired += 1;
    words[base + IDENTIFIER] = this.#nextIdentifier();
    // The side of the first record and its direction make the direction of the initiator.
    words[base + KIND] =
      keys[key + KEY_PROTOCOL]! |
      ((decided ^ direction) << DECIDED_SHIFT) |
      seenBits(flags, direction) |
      (records.exporters[index]! << EXPORTER_SHIFT) |
      (this.#epoch << EPOCH_SHIFT);
    words[base + UNTIL] = records.received[index]! + records.allowances[index]!;
    words[base + FLOW_UNTIL] = records.ends[index]! + records.allowances[index]!;
    words[base + OWNERS] = 0;
    words[base + OWNER_LAST] = 0;
    words[base + OWNER_LAST + 1] = 0;
  }

  #answer(slot: number, records: SessionRecords, index: number): void {
    const base = slot * WORDS;
    const kind = this.#words[base + KIND]!;
    records.identifiersLow[index] = this.#words[base + IDENTIFIER]!;
    records.identifiersHigh[index] = this.#prefix | (kind >>> EPOCH_SHIFT);
    records.decided[index] = (kind >>> DECIDED_SHIFT) & DECIDED_MASK;
  }

  /**
   * Whether another observation point tells of the record's packets already. The owner of a direction keeps it
   * until another point's record begins after the last packet that the owner told of, had it been forwarded: a
   * window after it where their clocks may differ.
   */
  #isDuplicate(slot: number, records: SessionRecords, index: number): boolean {
    const point = records.points[index]!;
    if (point === 0) return false;
    const words = this.#words;
    const base = slot * WORDS;
    const direction = records.directions[index]!;
    const owner = (words[base + OWNERS]! >>> (direction * 16)) & 0xffff;
    if (owner !== point && owner !== 0) {
      const sameExporter = this.#points.exporterOf(owner) === records.exporters[index]!;
      const tolerance = sameExporter ? FORWARDING_TICKS : this.#windowTicks;
      if (records.starts[index]! <= words[base + OWNER_LAST + direction]! + tolerance) {
        this.counters.duplicates += 1;
        return true;
      }
      this.counters.ownersChanged += 1;
    }
    const last = records.ends[index]!;
    this.#own(base, direction, point, last);
    if ((records.flags[index]! & FLAG_BIFLOW) !== 0) this.#ownOther(base, 1 - direction, point, last);
    return false;
  }

  #own(base: number, direction: number, point: number, last: number): void {
    const words = this.#words;
    const shift = direction * 16;
    const lastAt = base + OWNER_LAST + direction;
    words[base + OWNERS] = (words[base + OWNERS]! & ~(0xffff << shift)) | (point << shift);
    if (last > words[lastAt]!) words[lastAt] = last;
  }

  /** A biflow tells of the other direction too; it takes that where nobody has it. */
  #ownOther(base: number, direction: number, point: number, last: number): void {
    const owner = (this.#words[base + OWNERS]! >>> (direction * 16)) & 0xffff;
    if (owner === 0 || owner === point) this.#own(base, direction, point, last);
  }

  #nextIdentifier(): number {
    this.#identifier = (this.#identifier + 1) | 0;
    if (this.#identifier === 0) this.#epoch = (this.#epoch + 1) & 0xf;
    return this.#identifier;
  }
}

/** Whether all of the key is that of the session, of which the first words are known to be equal. */
function equals(words: Int32Array, base: number, keys: Int32Array, key: number): boolean {
  const protocol = keys[key + KEY_PROTOCOL]!;
  return (
    words[base + 4]! === keys[key + 4]! &&
    words[base + KEY_PORTS]! === keys[key + KEY_PORTS]! &&
    (words[base + KIND]! & KEY_BITS) === protocol &&
    ((protocol & KEY_IS_V4) !== 0 ||
      (words[base + 1]! === keys[key + 1]! &&
        words[base + 2]! === keys[key + 2]! &&
        words[base + 3]! === keys[key + 3]! &&
        words[base + 5]! === keys[key + 5]! &&
        words[base + 6]! === keys[key + 6]! &&
        words[base + 7]! === keys[key + 7]!))
  );
}

function seenBits(flags: number, direction: number): number {
  return ((flags & FLAG_BIFLOW) !== 0 ? 3 : 1 << direction) << SEEN_SHIFT;
}
