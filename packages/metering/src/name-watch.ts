/**
 * Names seen on the wire: DNS answers, which later flows to their addresses are called by, and the server
 * names of TLS and QUIC clients. Everything is bounded: what is kept, and, by budgets for each second of the
 * packets' own time, what is looked at.
 *
 * A DNS name belongs to the client that asked and the address it was told. A client that asks over IPv4 for an
 * IPv6 address, or through a resolver on another interface, is another client; for those the newest name that
 * anybody was told for the address is taken.
 */
import {
  isClientHelloRecord,
  octetsOfHello,
  octetsOfRecord,
  serverNameOfHello,
  serverNameOfRecord,
} from './client-hello.ts';
import { DnsNameCache } from './dns-name-cache.ts';
import { readDnsAddresses } from './dns-response.ts';
import type { FlowCache } from './flow-cache.ts';
import { WORD_DESTINATION_PREFIX, WORD_SOURCE_PREFIX } from './flow-record.ts';
import { HelloAssembler, PartialHello } from './hello-assembler.ts';
import { NamePool, nameText } from './name-pool.ts';
import {
  KEY_DESTINATION,
  KEY_DESTINATION_PREFIX,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KIND_IPV6,
} from './packet-burst.ts';
import type { TransportPlace } from './packet-dissector.ts';
import { isQuicInitial, readInitial } from './quic-initial.ts';
import { checkTcpWindow, PROTOCOL_TCP, tcpHeaderOctets, tcpSequenceNumber } from './tcp.ts';
import { PROTOCOL_UDP, UDP_HEADER_OCTETS } from './udp.ts';

const PORT_DNS = 53;
/** Some 2 µs each: 4 % of a core at the most. */
const RESPONSES_PER_SECOND_MAX = 20_000;
const HELLOS_PER_SECOND_MAX = 20_000;
/** Some 50 µs of cryptography each: 2.5 % of a core at the most. */
const INITIALS_PER_SECOND_MAX = 500;
/**
 * Above an Ethernet frame, and above a ClientHello with a key share of ML-KEM and ECH (some 2100 octets), which
 * leaves a machine whose network card cuts segments in one packet.
 */
export const NAMES_SNAP_LENGTH = 2400;
/** The length before a DNS message over TCP, RFC 1035 section 4.2.2. */
const DNS_LENGTH_OCTETS = 2;

const IPV4_MAPPED = 0xffff;
/** No client: the newest answer to anyone. */
const ANYONE = 0;

export interface NameOptions {
  /** Names of addresses, from DNS answers over UDP and those over TCP that fit a segment. */
  dns?: boolean;
  /** Server names of TLS and QUIC. */
  tls?: boolean;
}

export interface NameWatchCounters {
  dnsResponses: number;
  dnsAddresses: number;
  tlsHellos: number;
  quicInitials: number;
  /** Hellos whose name was not in the packet that they began in, while there was more to come. */
  hellosSplit: number;
  serverNames: number;
  /** Not looked at because the budget of that second was spent. */
  overBudget: number;
}

/** So many of something in each second. */
class Budget {
  readonly #perSecond: number;
  #second = Number.NaN;
  #left = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  take(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#left = this.#perSecond;
    }
    this.#left -= 1;
    return this.#left >= 0;
  }
}

export class NameWatch {
  readonly counters: NameWatchCounters = {
    dnsResponses: 0,
    dnsAddresses: 0,
    tlsHellos: 0,
    quicInitials: 0,
    hellosSplit: 0,
    serverNames: 0,
    overBudget: 0,
  };
  readonly #options: NameOptions;
  readonly #pool = new NamePool();
  readonly #names = new DnsNameCache();
  readonly #hellosSplit = new HelloAssembler();
  readonly #responses = new Budget(RESPONSES_PER_SECOND_MAX);
  readonly #hellos = new Budget(HELLOS_PER_SECOND_MAX);
  readonly #initials = new Budget(INITIALS_PER_SECOND_MAX);
  /** The newest time of a packet looked at. */
  #nowMs = 0;

  constructor(options: NameOptions) {
    this.#options = options;
  }

  /**
   * Looks at the packet whose row begins at `row` and whose transport header is at `place`. Returns the
   * server name that it asks for, as a variable-length field. Keeps nothing of the octets.
   */
  look(
    words: Int32Array,
    row: number,
    place: TransportPlace,
    timestampMs: number,
    cache: FlowCache,
  ): Uint8Array | undefined {
    this.#nowMs = timestampMs;
    const protocol = words[row + KEY_KIND]! & 0xff;
    if (place.offset < 0) return undefined;
    if (protocol === PROTOCOL_TCP) return this.#lookAtTcp(words, row, place);
    if (protocol !== PROTOCOL_UDP) return undefined;
    if (words[row + KEY_PORTS]! >>> 16 === PORT_DNS) {
      if (this.#options.dns === true) {
        this.#lookAtDns(words, row, place.view, place.offset + UDP_HEADER_OCTETS, place.end);
      }
      return undefined;
    }
    return this.#options.tls === true ? this.#lookAtQuic(words, row, place, cache) : undefined;
  }

  /** The name of the address that a flow goes to or comes from, whichever its other end has asked for. */
  remoteName(words: Int32Array, base: number): Uint8Array | undefined {
    if (this.#options.dns !== true) return undefined;
    const source = base + WORD_SOURCE_PREFIX;
    const destination = base + WORD_DESTINATION_PREFIX;
    return (
      this.#nameFor(words, source, base + KEY_SOURCE, destination, base + KEY_DESTINATION) ??
      this.#nameFor(words, destination, base + KEY_DESTINATION, source, base + KEY_SOURCE) ??
      this.#nameFor(words, ANYONE, ANYONE, destination, base + KEY_DESTINATION) ??
      this.#nameFor(words, ANYONE, ANYONE, source, base + KEY_SOURCE)
    );
  }

  /** Of an address for a client, each given as where its first three words and its last one are. */
  #nameFor(
    words: Int32Array,
    clientPrefix: number,
    clientLast: number,
    prefix: number,
    last: number,
  ): Uint8Array | undefined {
    if (!this.#names.mayKnow(words[prefix + 2]!, words[last]!)) return undefined;
    const { key } = this.#names;
    for (let index = 0; index < 3; index += 1) {
      key[index] = clientPrefix === ANYONE ? 0 : words[clientPrefix + index]!;
      key[4 + index] = words[prefix + index]!;
    }
    key[3] = clientPrefix === ANYONE ? 0 : words[clientLast]!;
    key[7] = words[last]!;
    return this.#names.find(this.#nowMs);
  }

  #lookAtDns(words: Int32Array, row: number, view: DataView, start: number, end: number): void {
    if (start >= end) return;
    if (!this.#responses.take(this.#nowMs)) {
      this.counters.overBudget += 1;
      return;
    }
    const { key } = this.#names;
    const isResponse = readDnsAddresses(view, start, end, (name, at, octets, ttlSeconds) => {
      const field = this.#pool.intern(name);
      writeAddress(key, view, at, octets);
      key.fill(0, 0, 4);
      this.#names.put(field, ttlSeconds, this.#nowMs);
      writeClient(key, words, row);
      this.#names.put(field, ttlSeconds, this.#nowMs);
      this.counters.dnsAddresses += 1;
    });
    if (isResponse) this.counters.dnsResponses += 1;
  }

  #lookAtTcp(words: Int32Array, row: number, place: TransportPlace): Uint8Array | undefined {
    const { view, offset, end } = place;
    if (!checkTcpWindow(offset, end)) return undefined;
    const at = offset + tcpHeaderOctets(view, offset);
    if (words[row + KEY_PORTS]! >>> 16 === PORT_DNS) {
      if (this.#options.dns === true) this.#lookAtDnsSegment(words, row, view, at, end);
      return undefined;
    }
    if (this.#options.tls !== true || at >= end) return undefined;
    const sequence = tcpSequenceNumber(view, offset);
    if (!isClientHelloRecord(view, at, end)) return this.#continueHello(words, row, sequence, view, at, end);
    if (!this.#hellos.take(this.#nowMs)) return this.#refuse();
    this.counters.tlsHellos += 1;
    const name = serverNameOfRecord(view, at, end);
    if (name === undefined && octetsOfRecord(view, at) > end - at) {
      const hello = new PartialHello();
      hello.put(octetsAt(view, at, end), 0);
      this.#awaitMore(words, row, hello, sequence);
    }
    return this.#keep(name);
  }

  /** A segment that may be the next of a hello. */
  #continueHello(
    words: Int32Array,
    row: number,
    sequence: number,
    view: DataView,
    at: number,
    end: number,
  ): Uint8Array | undefined {
    const pending = this.#hellosSplit.find(words, row, this.#nowMs);
    if (pending === undefined) return undefined;
    const offset = (sequence - pending.sequence) | 0;
    if (offset < 0) return undefined;
    const { hello } = pending;
    hello.put(octetsAt(view, at, end), offset);
    const name = serverNameOfRecord(hello.view, 0, hello.length);
    if (name !== undefined || hello.length >= octetsOfRecord(hello.view, 0))
      this.#hellosSplit.end(words, row);
    return this.#keep(name);
  }

  #awaitMore(words: Int32Array, row: number, hello: PartialHello, sequence: number): void {
    this.counters.hellosSplit += 1;
    this.#hellosSplit.begin(words, row, { hello, sequence, sinceMs: this.#nowMs });
  }

  /** An answer over TCP that is whole in its segment; others are passed over. */
  #lookAtDnsSegment(words: Int32Array, row: number, view: DataView, at: number, end: number): void {
    const start = at + DNS_LENGTH_OCTETS;
    if (start >= end) return;
    const endOfMessage = start + view.getUint16(at);
    if (endOfMessage <= end) this.#lookAtDns(words, row, view, start, endOfMessage);
  }

  /** The first packet of a flow, and those after it while its hello is not whole. */
  #lookAtQuic(
    words: Int32Array,
    row: number,
    { view, offset, end }: TransportPlace,
    cache: FlowCache,
  ): Uint8Array | undefined {
    const at = offset + UDP_HEADER_OCTETS;
    if (!isQuicInitial(view, at, end)) return undefined;
    const pending = this.#hellosSplit.find(words, row, this.#nowMs);
    if (pending === undefined && cache.holds(words, row)) return undefined;
    if (!this.#initials.take(this.#nowMs)) return this.#refuse();
    this.counters.quicInitials += 1;
    const hello = pending?.hello ?? new PartialHello();
    if (!readInitial(view, at, end, hello)) return undefined;
    const name = serverNameOfHello(hello.view, 0, hello.length);
    const isOver = name !== undefined || (hello.length >= 4 && hello.length >= octetsOfHello(hello.view, 0));
    if (isOver) this.#hellosSplit.end(words, row);
    else if (pending === undefined) this.#awaitMore(words, row, hello, 0);
    return this.#keep(name);
  }

  #refuse(): undefined {
    this.counters.overBudget += 1;
    return undefined;
  }

  #keep(octets: Uint8Array | undefined): Uint8Array | undefined {
    if (octets === undefined) return undefined;
    this.counters.serverNames += 1;
    return this.#pool.intern(nameText(octets));
  }
}

function octetsAt(view: DataView, at: number, end: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, end - at);
}

/** The address in an answer into words 4–7 of a key; IPv4 mapped. */
function writeAddress(key: Int32Array, view: DataView, at: number, octets: number): void {
  if (octets === 4) {
    key[4] = 0;
    key[5] = 0;
    key[6] = IPV4_MAPPED;
    key[7] = view.getInt32(at);
    return;
  }
  for (let index = 0; index < 4; index += 1) key[4 + index] = view.getInt32(at + index * 4);
}

/** The packet's destination, who is told the answer, into words 0–3 of a key. */
function writeClient(key: Int32Array, words: Int32Array, row: number): void {
  const isIpv6 = (words[row + KEY_KIND]! & KIND_IPV6) !== 0;
  key[0] = isIpv6 ? words[row + KEY_DESTINATION_PREFIX]! : 0;
  key[1] = isIpv6 ? words[row + KEY_DESTINATION_PREFIX + 1]! : 0;
  key[2] = isIpv6 ? words[row + KEY_DESTINATION_PREFIX + 2]! : IPV4_MAPPED;
  key[3] = words[row + KEY_DESTINATION]!;
}
