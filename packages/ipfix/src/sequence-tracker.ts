/**
 * Loss accounting for one stream of messages of one observation domain. What a sequence number counts
 * depends on the protocol: flows (v5, v7), packets (v9), Data Records (IPFIX, RFC 7011 section 3.1); here it
 * is a unit. Numbers wrap at 2^32.
 *
 * IPFIX exporters also count otherwise: softflowd includes the records of the message itself, nProbe cento
 * its templates, some count messages. What predicts the numbers when the RFC does not, twice without fail, is
 * taken as what the exporter does, and what was counted as lost meanwhile is taken back.
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
/** So often must another way of counting be right where the current one is wrong. */
const VOTES_TO_SWITCH = 2;
const TWO_32 = 4294967296;

interface Sent {
  sequenceNumber: number;
  /** -1 when the message had Sets that could not be counted. */
  units: number;
  templateRecords: number;
}

/** The number expected of a message of `units` units after `last`; -1 when that cannot be said. */
type Convention = (last: Readonly<Sent>, units: number) => number;

const asInRfc: Convention = (last) => plus(last.sequenceNumber, last.units);
const CONVENTIONS: readonly Convention[] = [
  asInRfc,
  (last, units) => plus(last.sequenceNumber, units),
  (last) => plus(last.sequenceNumber, last.units < 0 ? -1 : last.units + last.templateRecords),
  (last) => plus(last.sequenceNumber, 1),
];

export class SequenceTracker {
  readonly #counters: SequenceCounters;
  /** What this stream added to the counters. */
  #own: SequenceCounters = { unitsLost: 0, duplicates: 0, reordered: 0, restarts: 0 };
  /** The message after which the next one is expected. */
  #last: Sent | undefined;
  /** The message that arrived last, late or not. */
  #arrived: Sent | undefined;
  #convention = asInRfc;
  /** Of each convention, how often it alone was right, and `#own` before that. */
  readonly #votes: { count: number; before: SequenceCounters }[] = [];
  readonly #learns: boolean;
  /** Some vote is above zero, so that messages as expected count too. */
  #isVoting = false;
  #lateRun = 0;
  #lateExpected = -1;
  /** Made with the second message: what is forged seldom sends one. */
  #recent: Float64Array | undefined;
  #recentNext = 0;
  #isFirst = true;
  #first = -1;
  #inOrder = 0;

  /** `learns` for IPFIX, where exporters differ in what they count. */
  constructor(counters: SequenceCounters, learns = false) {
    this.#counters = counters;
    this.#learns = learns;
  }

  /**
   * Messages with units that arrived exactly where they were expected, without one between them that did not: a
   * forger who does not see the exporter's messages hits a number once in 2^32.
   */
  get inOrder(): number {
    return this.#inOrder;
  }

  /** Takes a message that was read: its number, its units (-1: not countable), its Template Records. */
  observe(sequenceNumber: number, units: number, templateRecords = 0): void {
    if (this.#follows(sequenceNumber, units, templateRecords)) return;
    const sent = { sequenceNumber, units, templateRecords };
    const expected = this.#last === undefined ? -1 : this.#convention(this.#last, units);
    if (expected !== sequenceNumber) this.#inOrder = 0;
    else if (units > 0) this.#inOrder += 1;
    if (expected === sequenceNumber || expected < 0) {
      if (expected >= 0 && this.#isVoting) this.#learn(sent, true);
      this.#accept(sent);
    } else if (!this.#learn(sent, false)) {
      this.#judge(sent, (sequenceNumber - expected) | 0);
    }
    this.#arrived = sent;
  }

  /** Takes a message as all are when nothing is lost, and makes no object of it; false when it is another. */
  #follows(sequenceNumber: number, units: number, templateRecords: number): boolean {
    const last = this.#last;
    if (last === undefined || last !== this.#arrived || this.#isVoting || units <= 0) return false;
    if (this.#convention(last, units) !== sequenceNumber) return false;
    last.sequenceNumber = sequenceNumber;
    last.units = units;
    last.templateRecords = templateRecords;
    this.#inOrder += 1;
    this.#lateRun = 0;
    this.#remember(last);
    return true;
  }

  /** Forgets what was expected and counts a restart. */
  restart(): void {
    this.#add('restarts', 1);
    this.#last = undefined;
    this.#lateRun = 0;
    this.#recent = undefined;
    this.#isFirst = true;
  }

  #judge(sent: Sent, distance: number): void {
    if (distance > GAP_UNITS_MAX || distance < -LATE_UNITS_MAX) {
      this.restart();
      this.#accept(sent);
    } else if (distance > 0) {
      this.#add('unitsLost', distance);
      this.#accept(sent);
    } else {
      this.#takeLate(sent);
    }
  }

  #accept(sent: Sent): void {
    this.#lateRun = 0;
    this.#last = sent;
    this.#remember(sent);
  }

  #takeLate(sent: Sent): void {
    const { sequenceNumber, units } = sent;
    if (units === 0) return;
    const follows = this.#lateRun > 0 && sequenceNumber === this.#lateExpected;
    this.#lateRun = follows ? this.#lateRun + 1 : 1;
    this.#lateExpected = plus(sequenceNumber, Math.max(0, units));
    if (this.#lateRun >= LATE_RUN_MAX) {
      this.restart();
      this.#accept(sent);
    } else if (this.#isRecent(sequenceNumber)) {
      this.#add('duplicates', 1);
    } else {
      this.#add('reordered', 1);
      this.#add('unitsLost', -Math.min(this.#own.unitsLost, Math.max(0, units)));
      this.#remember(sent);
    }
  }

  /** Counts which conventions are right; true when another than the current one was taken over just now. */
  #learn(sent: Sent, isRight: boolean): boolean {
    const { sequenceNumber, units } = sent;
    const last = this.#arrived;
    if (last === undefined || !this.#learns) return false;
    if (this.#votes.length === 0) {
      this.#votes.push(...CONVENTIONS.map(() => ({ count: 0, before: this.#own })));
    }
    for (const [index, vote] of this.#votes.entries()) {
      const convention = CONVENTIONS[index] ?? asInRfc;
      if (convention === this.#convention) continue;
      const agrees = convention(last, units) === sequenceNumber;
      if (agrees === isRight) continue;
      if (!agrees) vote.count = 0;
      else if (++vote.count === 1) vote.before = { ...this.#own };
      this.#isVoting ||= agrees;
      if (vote.count < VOTES_TO_SWITCH) continue;
      this.#switchTo(convention, vote.before);
      this.#accept(sent);
      return true;
    }
    return false;
  }

  /** Takes over a convention, and takes back what the other one counted since it was wrong. */
  #switchTo(convention: Convention, before: SequenceCounters): void {
    this.#convention = convention;
    for (const key of ['unitsLost', 'duplicates', 'reordered', 'restarts'] as const) {
      this.#add(key, before[key] - this.#own[key]);
    }
    for (const vote of this.#votes) vote.count = 0;
    this.#isVoting = false;
  }

  #add(key: keyof SequenceCounters, count: number): void {
    this.#own[key] += count;
    this.#counters[key] += count;
  }

  /** A message without units (templates only) has the number of the next one, so it is not remembered. */
  #remember(sent: Sent): void {
    if (sent.units === 0) return;
    if (this.#isFirst) {
      this.#isFirst = false;
      this.#first = sent.sequenceNumber;
      return;
    }
    if (this.#recent === undefined) {
      this.#recent = new Float64Array(RECENT_MESSAGES).fill(-1);
      this.#recent[0] = this.#first;
      this.#recentNext = 1;
    }
    this.#recent[this.#recentNext] = sent.sequenceNumber;
    this.#recentNext = (this.#recentNext + 1) % RECENT_MESSAGES;
  }

  #isRecent(sequenceNumber: number): boolean {
    if (this.#recent !== undefined) return this.#recent.includes(sequenceNumber);
    return !this.#isFirst && this.#first === sequenceNumber;
  }
}

function plus(sequenceNumber: number, units: number): number {
  return units < 0 ? -1 : (sequenceNumber + units) % TWO_32;
}
