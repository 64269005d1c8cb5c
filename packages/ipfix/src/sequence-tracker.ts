/**
 * Loss accounting for one stream of messages of one observation domain. What a sequence number counts
 * depends on the protocol: flows (v5, v7), packets (v9), Data Records (IPFIX, RFC 7011 section 3.1); here it
 * is a unit. Numbers wrap at 2^32.
 */
export interface SequenceCounters {
  /** Units that never arrived; what arrives late is taken off again. */
  unitsLost: number;
  /** Messages that arrived a second time. */
  duplicates: number;
  /** Messages that arrived after one that was sent later. */
  reordered: number;
  /** Times the exporter began to count anew, or its uptime did. */
  restarts: number;
}

/** Messages remembered to tell a duplicate from a late one. */
const RECENT_MESSAGES = 64;
/** A step forward of more units than this is a new beginning: at 10,000 units a second, 100 s of outage. */
const GAP_UNITS_MAX = 1_000_000;
/** A step back of more units than this is a new beginning: 64 datagrams of 100 records and some more. */
const LATE_UNITS_MAX = 10_000;
/** So many late messages that follow each other are no accident: the exporter counts anew. */
const LATE_RUN_MAX = 4;

export class SequenceTracker {
  readonly #counters: SequenceCounters;
  #expected = -1;
  #current = 0;
  #late = false;
  #lateRun = 0;
  #lateExpected = -1;
  readonly #recent = new Float64Array(RECENT_MESSAGES).fill(-1);
  #recentNext = 0;

  constructor(counters: SequenceCounters) {
    this.#counters = counters;
  }

  /** Takes the number in the header of a message that arrived. `advance` must follow. */
  arrive(sequenceNumber: number): void {
    this.#current = sequenceNumber;
    this.#late = false;
    if (this.#expected < 0) return;
    const distance = (sequenceNumber - this.#expected) | 0;
    if (distance === 0) return;
    if (distance > GAP_UNITS_MAX || distance < -LATE_UNITS_MAX) this.restart();
    else if (distance > 0) this.#counters.unitsLost += distance;
    else this.#late = true;
  }

  /** Says how many units the message had, or -1 when that cannot be known; the next is expected behind them. */
  advance(units: number): void {
    if (this.#late) {
      this.#takeLate(units);
      return;
    }
    this.#lateRun = 0;
    this.#expected = units < 0 ? -1 : (this.#current + units) % 4294967296;
    this.#remember(units);
  }

  /** Forgets what was expected and counts a restart. */
  restart(): void {
    this.#counters.restarts += 1;
    this.#expected = -1;
    this.#late = false;
    this.#lateRun = 0;
    this.#recent.fill(-1);
  }

  #takeLate(units: number): void {
    if (units === 0) return;
    const follows = this.#lateRun > 0 && this.#current === this.#lateExpected;
    this.#lateRun = follows ? this.#lateRun + 1 : 1;
    this.#lateExpected = (this.#current + Math.max(0, units)) % 4294967296;
    if (this.#lateRun >= LATE_RUN_MAX) {
      this.restart();
      this.#expected = this.#lateExpected;
      return;
    }
    if (this.#recent.includes(this.#current)) {
      this.#counters.duplicates += 1;
      return;
    }
    this.#counters.reordered += 1;
    this.#counters.unitsLost = Math.max(0, this.#counters.unitsLost - Math.max(0, units));
    this.#remember(units);
  }

  /** A message without units (templates only) has the number of the next one, so it is not remembered. */
  #remember(units: number): void {
    if (units === 0) return;
    this.#recent[this.#recentNext] = this.#current;
    this.#recentNext = (this.#recentNext + 1) % RECENT_MESSAGES;
  }
}
