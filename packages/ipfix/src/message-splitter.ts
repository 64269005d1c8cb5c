/**
 * IPFIX messages out of a byte stream: a TCP connection (RFC 7011 section 10.4) or an IPFIX File (RFC 5655).
 * The stream may be cut anywhere. Between messages there is nothing but the length in each header, so after
 * damage the splitter looks for the next header that can be one, tells how many octets it skipped, and
 * goes on; what came before the damage has been given already.
 */
import { type DecodeProblem, decodeProblem } from './decode-error.ts';
import { IPFIX_HEADER_OCTETS } from './message.ts';

const VERSION_IPFIX = 10;
/** The length field has 16 bits, so no message is longer. */
const MESSAGE_OCTETS_LIMIT = 65535;

export interface MessageSplitterCounters {
  messages: number;
  octets: number;
  /** Octets that belonged to no message. */
  octetsSkipped: number;
  /** Times that a header was not where one must be. */
  damages: number;
}

export interface MessageSink {
  /** One whole message, at `offset` octets from the start of the stream; valid during the call only. */
  message(bytes: Uint8Array, offset: number): void;
  /** The stream was damaged, or ended within a message. */
  problem(problem: DecodeProblem): void;
}

export interface MessageSplitter {
  readonly counters: Readonly<MessageSplitterCounters>;
  /** Takes the next octets of the stream; they are copied where they must be kept. */
  push(chunk: Uint8Array): void;
  /** The stream is over. */
  end(): void;
}

/** `messageOctetsMax`: longer messages are damage; a peer that says so much is kept from filling memory. */
export function createMessageSplitter(
  sink: MessageSink,
  messageOctetsMax = MESSAGE_OCTETS_LIMIT,
): MessageSplitter {
  return new Splitter(sink, messageOctetsMax);
}

class Splitter implements MessageSplitter {
  readonly counters: MessageSplitterCounters = { messages: 0, octets: 0, octetsSkipped: 0, damages: 0 };
  readonly #sink: MessageSink;
  readonly #messageOctetsMax: number;
  /** Octets received but not given: `#bytes[#start … #end)`, of which the first is at `#offset` of the stream. */
  #bytes = new Uint8Array(4096);
  #start = 0;
  #end = 0;
  #offset = 0;
  /** Where the octets being skipped begin; -1 when none are. */
  #damagedFrom = -1;

  constructor(sink: MessageSink, messageOctetsMax: number) {
    this.#sink = sink;
    this.#messageOctetsMax = Math.min(messageOctetsMax, MESSAGE_OCTETS_LIMIT);
  }

  push(chunk: Uint8Array): void {
    this.counters.octets += chunk.length;
    this.#keep(chunk);
    while (this.#end - this.#start >= IPFIX_HEADER_OCTETS) {
      const octets = this.#messageOctetsAt(this.#start);
      if (octets === 0) this.#skipToHeader();
      else if (this.#end - this.#start < octets) return;
      else this.#give(octets);
    }
  }

  end(): void {
    const isDamaged = this.#damagedFrom >= 0;
    const given = this.counters.messages;
    const rest = this.#end - this.#start;
    if (rest > 0 && !isDamaged) {
      this.#sink.problem(
        decodeProblem('message_truncated', this.#offset, `(${rest} octets of it are there)`),
      );
    }
    this.#giveWhatFollows();
    this.#skip(this.#end - this.#start);
    if (isDamaged || this.counters.messages > given) this.#reportDamage();
  }

  /** A header that announces more than the stream has may itself be the damage, and messages lie behind it. */
  #giveWhatFollows(): void {
    for (;;) {
      const rest = this.#end - this.#start;
      if (rest < IPFIX_HEADER_OCTETS) return;
      const octets = this.#messageOctetsAt(this.#start);
      if (octets === 0 || octets > rest) this.#skipToHeader();
      else this.#give(octets);
    }
  }

  #give(octets: number): void {
    this.#reportDamage();
    const message = this.#bytes.subarray(this.#start, this.#start + octets);
    const offset = this.#offset;
    this.#advance(octets);
    this.counters.messages++;
    this.#sink.message(message, offset);
  }

  /** The length that a header at this index announces; 0 when it cannot be a header. */
  #messageOctetsAt(at: number): number {
    const bytes = this.#bytes;
    if (bytes[at] !== 0 || bytes[at + 1] !== VERSION_IPFIX) return 0;
    const octets = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
    const isPossible = octets >= IPFIX_HEADER_OCTETS && octets <= this.#messageOctetsMax;
    return isPossible && this.#setFitsAt(at + IPFIX_HEADER_OCTETS, at + octets) ? octets : 0;
  }

  /**
   * While resynchronizing, a version and a length are weak evidence; the first Set Header must be there and
   * fit too, or the message be empty. In an undamaged stream a bad Set is the decoder's business.
   */
  #setFitsAt(at: number, end: number): boolean {
    if (this.#damagedFrom < 0 || at === end) return true;
    if (at + 4 > this.#end) return true;
    const setId = ((this.#bytes[at] as number) << 8) | (this.#bytes[at + 1] as number);
    const octets = ((this.#bytes[at + 2] as number) << 8) | (this.#bytes[at + 3] as number);
    return (setId === 2 || setId === 3 || setId > 255) && octets >= 4 && at + octets <= end;
  }

  /** Skips at least one octet, then all that cannot begin a header. */
  #skipToHeader(): void {
    if (this.#damagedFrom < 0) this.#damagedFrom = this.#offset;
    let at = this.#start + 1;
    const last = this.#end - IPFIX_HEADER_OCTETS;
    while (at <= last && this.#messageOctetsAt(at) === 0) at++;
    this.#skip(at - this.#start);
  }

  #skip(octets: number): void {
    this.counters.octetsSkipped += octets;
    this.#advance(octets);
  }

  #reportDamage(): void {
    if (this.#damagedFrom < 0) return;
    const skipped = this.#offset - this.#damagedFrom;
    this.#sink.problem(decodeProblem('stream_damaged', this.#damagedFrom, `(${skipped} octets skipped)`));
    this.counters.damages++;
    this.#damagedFrom = -1;
  }

  #advance(octets: number): void {
    this.#start += octets;
    this.#offset += octets;
    if (this.#start === this.#end) {
      this.#start = 0;
      this.#end = 0;
    }
  }

  #keep(chunk: Uint8Array): void {
    const kept = this.#end - this.#start;
    if (this.#end + chunk.length > this.#bytes.length) {
      const needed = kept + chunk.length;
      const roomy =
        needed <= this.#bytes.length && this.#start > this.#bytes.length / 2
          ? this.#bytes
          : new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      roomy.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = roomy;
      this.#start = 0;
      this.#end = kept;
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }
}
