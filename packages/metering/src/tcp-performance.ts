/**
 * How TCP connections perform, a state for each uniflow: the handshake's round trip in its two parts, segments
 * sent again, segments out of order, windows closed. The rules are those of Wireshark's `tcp.analysis`, so
 * that two tools agree about one trace; a flow's state begins and ends with the flow in the cache.
 *
 * A state is STATE_WORDS of a slab of its own, reserved at full size and committed by the system as it is
 * used, so flows other than TCP cost nothing:
 *
 *  0      1     2    3        4      5      6      7      8      9        10     11     12     14      16
 * +------+-----+----+--------+------+------+------+------+------+--------+------+------+------+-------+-------+
 * | next |flags|peer|last ACK|retr. |order |zero  |client|server|dup ACKs|window|exp.  | high | SYN   | ACK   |
 * +------+-----+----+--------+------+------+------+------+------+--------+------+------+------+-------+-------+
 *
 * `next` is the highest sequence number seen and one; `peer` the state of the other direction, 0 where there
 * is none; `exp.` what acknowledges this direction's SYN. The last three are times, doubles.
 *
 * Hot file: typed-array reads are asserted (`!`); every index comes from a state number of the slab.
 */
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from './tcp.ts';

const STATE_WORDS = 18;
const STATE_DOUBLES = STATE_WORDS / 2;
const NEXT = 0;
const FLAGS = 1;
const PEER = 2;
const LAST_ACK = 3;
const RETRANSMITTED = 4;
const OUT_OF_ORDER = 5;
const ZERO_WINDOW = 6;
const CLIENT_ROUND_TRIP = 7;
const SERVER_ROUND_TRIP = 8;
const DUPLICATE_ACKS = 9;
const WINDOW = 10;
const EXPECTED_ACK = 11;
const HIGH_TIME = 6;
const SYN_TIME = 7;
const ACK_TIME = 8;

const HAS_NEXT = 1;
const SENT_SYN = 2;
const SENT_SYN_ACK = 4;
const HAS_CLIENT_ROUND_TRIP = 8;
const HAS_SERVER_ROUND_TRIP = 16;
const HAS_ACK = 32;

/** A segment that comes so soon after the one it should have preceded overtook it; Wireshark's default. */
const REORDERING_MS = 3;
/** RFC 5681 section 3.2: what follows duplicate ACKs so soon is a fast retransmission; Wireshark's limit. */
const FAST_RETRANSMIT_MS = 20;
const FAST_RETRANSMIT_ACKS = 2;
const U32_MAX = 0xffffffff;

/** What the analysis needs of a segment; one object, reused. */
export interface TcpSegment {
  sequence: number;
  acknowledgment: number;
  controlBits: number;
  /** As in the header, not scaled: zero is zero. */
  window: number;
  /** As the IP header has it, whatever was captured. */
  payloadOctets: number;
  timestampMs: number;
}

export class TcpPerformance {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  #unused = 1;
  #free = 0;

  /** States for `flowsMax` uniflows at once. */
  constructor(flowsMax: number) {
    const slab = new ArrayBuffer((flowsMax + 1) * STATE_WORDS * 4);
    this.#words = new Int32Array(slab);
    this.#doubles = new Float64Array(slab);
  }

  /** Begins a state whose other direction has the state `peer` (0: none yet); returns its number. */
  begin(peer: number): number {
    const state = this.#free === 0 ? this.#unused++ : this.#free;
    if (state === this.#free) this.#free = this.#words[state * STATE_WORDS]!;
    this.#words.fill(0, state * STATE_WORDS, (state + 1) * STATE_WORDS);
    this.#words[state * STATE_WORDS + PEER] = peer;
    if (peer !== 0) this.#words[peer * STATE_WORDS + PEER] = state;
    return state;
  }

  /** Ends a state; the number may be given out again. */
  end(state: number): void {
    const base = state * STATE_WORDS;
    const peer = this.#words[base + PEER]!;
    if (peer !== 0) this.#words[peer * STATE_WORDS + PEER] = 0;
    this.#words[base] = this.#free;
    this.#free = state;
  }

  /** Counts from zero again: an interim record has been written. */
  restart(state: number): void {
    this.#words.fill(0, state * STATE_WORDS + RETRANSMITTED, state * STATE_WORDS + ZERO_WINDOW + 1);
  }

  retransmittedPackets(state: number): number {
    return this.#words[state * STATE_WORDS + RETRANSMITTED]!;
  }

  outOfOrderPackets(state: number): number {
    return this.#words[state * STATE_WORDS + OUT_OF_ORDER]!;
  }

  zeroWindowPackets(state: number): number {
    return this.#words[state * STATE_WORDS + ZERO_WINDOW]!;
  }

  /** Microseconds from SYN/ACK to ACK; −1 where that was not seen. The same for both directions. */
  clientRoundTripMicroseconds(state: number): number {
    return this.#roundTrip(state, HAS_CLIENT_ROUND_TRIP, CLIENT_ROUND_TRIP);
  }

  /** Microseconds from the SYN (the last, where it was repeated) to SYN/ACK; −1 where that was not seen. */
  serverRoundTripMicroseconds(state: number): number {
    return this.#roundTrip(state, HAS_SERVER_ROUND_TRIP, SERVER_ROUND_TRIP);
  }

  observe(state: number, segment: TcpSegment): void {
    const base = state * STATE_WORDS;
    if ((segment.controlBits & TCP_SYN) !== 0) this.#observeSyn(state, segment);
    if ((segment.controlBits & (TCP_ACK | TCP_RST)) === TCP_ACK) this.#observeAck(state, segment);
    const peer = this.#words[base + PEER]! * STATE_WORDS;
    const isProbe =
      segment.payloadOctets === 1 &&
      this.#has(base, HAS_NEXT) &&
      segment.sequence === this.#words[base + NEXT] &&
      peer !== 0 &&
      this.#words[peer + WINDOW] === 0;
    if (!isProbe) this.#countZeroWindow(base, segment);
    this.#countRepetition(state, segment);
    if (!isProbe) this.#advance(state, segment);
    this.#countDuplicateAcks(state, segment);
  }

  #has(base: number, flag: number): boolean {
    return (this.#words[base + FLAGS]! & flag) !== 0;
  }

  #roundTrip(state: number, flag: number, word: number): number {
    const base = state * STATE_WORDS;
    return this.#has(base, flag) ? this.#words[base + word]! >>> 0 : -1;
  }

  /** A SYN with another sequence number than before is another connection. */
  #observeSyn(state: number, { sequence, acknowledgment, controlBits, timestampMs }: TcpSegment): void {
    const words = this.#words;
    const base = state * STATE_WORDS;
    const expected = (sequence + 1) | 0;
    const isRepeated = this.#has(base, SENT_SYN | SENT_SYN_ACK) && words[base + EXPECTED_ACK] === expected;
    if (!isRepeated) {
      words[base + FLAGS] = 0;
      words[base + DUPLICATE_ACKS] = 0;
    }
    const isAnswer = (controlBits & TCP_ACK) !== 0;
    words[base + FLAGS]! |= isAnswer ? SENT_SYN_ACK : SENT_SYN;
    words[base + EXPECTED_ACK] = expected;
    this.#doubles[state * STATE_DOUBLES + SYN_TIME] = timestampMs;
    if (isAnswer && this.#isAnswerTo(words[base + PEER]!, SENT_SYN, acknowledgment)) {
      this.#keepRoundTrip(state, HAS_SERVER_ROUND_TRIP, SERVER_ROUND_TRIP, timestampMs);
    }
  }

  #observeAck(state: number, { acknowledgment, controlBits, timestampMs }: TcpSegment): void {
    if ((controlBits & TCP_SYN) !== 0) return;
    const peer = this.#words[state * STATE_WORDS + PEER]!;
    if (!this.#isAnswerTo(peer, SENT_SYN_ACK, acknowledgment)) return;
    this.#keepRoundTrip(state, HAS_CLIENT_ROUND_TRIP, CLIENT_ROUND_TRIP, timestampMs);
  }

  /** Whether `peer` sent the SYN, with or without ACK, that this number acknowledges. A SYN may have data. */
  #isAnswerTo(peer: number, sent: number, acknowledgment: number): boolean {
    if (peer === 0) return false;
    const base = peer * STATE_WORDS;
    if (!this.#has(base, sent)) return false;
    if (acknowledgment === this.#words[base + EXPECTED_ACK]) return true;
    return sent === SENT_SYN && acknowledgment === this.#words[base + NEXT];
  }

  /** Keeps, in both directions, the first time between the peer's SYN and now. */
  #keepRoundTrip(state: number, flag: number, word: number, timestampMs: number): void {
    const words = this.#words;
    const base = state * STATE_WORDS;
    const peer = words[base + PEER]!;
    if (this.#has(base, flag)) return;
    const microseconds = Math.round((timestampMs - this.#doubles[peer * STATE_DOUBLES + SYN_TIME]!) * 1000);
    if (microseconds < 0 || microseconds > U32_MAX) return;
    for (const at of [base, peer * STATE_WORDS]) {
      words[at + word] = microseconds;
      words[at + FLAGS]! |= flag;
    }
  }

  #countZeroWindow(base: number, { window, controlBits }: TcpSegment): void {
    if (window !== 0 || (controlBits & (TCP_SYN | TCP_FIN | TCP_RST)) !== 0) return;
    this.#words[base + ZERO_WINDOW]! += 1;
  }

  /** A segment that takes up sequence numbers and begins below the highest seen comes late or again. */
  #countRepetition(state: number, { sequence, controlBits, payloadOctets, timestampMs }: TcpSegment): void {
    const words = this.#words;
    const base = state * STATE_WORDS;
    const openOrClose = controlBits & (TCP_SYN | TCP_FIN);
    if (payloadOctets === 0 && openOrClose === 0) return;
    const next = words[base + NEXT]!;
    if (!this.#has(base, HAS_NEXT) || ((sequence - next) | 0) >= 0) return;
    const isKeepAlive =
      payloadOctets <= 1 && ((next - sequence) | 0) === 1 && (openOrClose | (controlBits & TCP_RST)) === 0;
    if (isKeepAlive) return;
    const isLate =
      !this.#wasAskedFor(words[base + PEER]!, sequence, timestampMs) &&
      !this.#wasAcknowledged(words[base + PEER]!, (sequence + payloadOctets) | 0, payloadOctets) &&
      timestampMs - this.#doubles[state * STATE_DOUBLES + HIGH_TIME]! < this.#reorderingMs(base) &&
      ((sequence + payloadOctets + (openOrClose === 0 ? 0 : 1)) | 0) !== next;
    words[base + (isLate ? OUT_OF_ORDER : RETRANSMITTED)]! += 1;
  }

  /** Whether the peer's duplicate ACKs have just asked for this sequence number. */
  #wasAskedFor(peer: number, sequence: number, timestampMs: number): boolean {
    if (peer === 0) return false;
    const base = peer * STATE_WORDS;
    return (
      this.#words[base + DUPLICATE_ACKS]! >= FAST_RETRANSMIT_ACKS &&
      this.#words[base + LAST_ACK] === sequence &&
      timestampMs - this.#doubles[peer * STATE_DOUBLES + ACK_TIME]! < FAST_RETRANSMIT_MS
    );
  }

  /** Whether the peer has acknowledged all of the data up to `end` before: it came, and came again. */
  #wasAcknowledged(peer: number, end: number, payloadOctets: number): boolean {
    if (peer === 0 || payloadOctets === 0) return false;
    const base = peer * STATE_WORDS;
    return this.#has(base, HAS_ACK) && ((end - this.#words[base + LAST_ACK]!) | 0) <= 0;
  }

  /** A round trip, where the handshake was seen: a retransmission cannot come sooner. */
  #reorderingMs(base: number): number {
    if (!this.#has(base, HAS_CLIENT_ROUND_TRIP) || !this.#has(base, HAS_SERVER_ROUND_TRIP)) {
      return REORDERING_MS;
    }
    const words = this.#words;
    return ((words[base + CLIENT_ROUND_TRIP]! >>> 0) + (words[base + SERVER_ROUND_TRIP]! >>> 0)) / 1000;
  }

  #advance(state: number, { sequence, controlBits, payloadOctets, timestampMs }: TcpSegment): void {
    const words = this.#words;
    const base = state * STATE_WORDS;
    const opens = (controlBits & TCP_SYN) === 0 ? 0 : 1;
    const closes = (controlBits & TCP_FIN) === 0 ? 0 : 1;
    const next = (sequence + payloadOctets + opens + closes) | 0;
    if (this.#has(base, HAS_NEXT) && ((next - words[base + NEXT]!) | 0) <= 0) return;
    words[base + NEXT] = next;
    words[base + FLAGS]! |= HAS_NEXT;
    this.#doubles[state * STATE_DOUBLES + HIGH_TIME] = timestampMs;
  }

  /** RFC 5681 section 2: nothing new but the same number acknowledged again, the window unchanged. */
  #countDuplicateAcks(state: number, segment: TcpSegment): void {
    const { sequence, acknowledgment, controlBits, window, payloadOctets, timestampMs } = segment;
    const words = this.#words;
    const base = state * STATE_WORDS;
    if ((controlBits & TCP_ACK) === 0) return;
    if (acknowledgment !== words[base + LAST_ACK]) words[base + DUPLICATE_ACKS] = 0;
    else if (
      payloadOctets === 0 &&
      window !== 0 &&
      window === words[base + WINDOW] &&
      sequence === words[base + NEXT] &&
      (controlBits & (TCP_SYN | TCP_FIN | TCP_RST)) === 0
    ) {
      words[base + DUPLICATE_ACKS]! += 1;
    }
    words[base + FLAGS]! |= HAS_ACK;
    words[base + LAST_ACK] = acknowledgment;
    words[base + WINDOW] = window;
    this.#doubles[state * STATE_DOUBLES + ACK_TIME] = timestampMs;
  }
}
