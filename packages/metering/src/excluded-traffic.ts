/**
 * Traffic that the meter must not report: what this process itself sends to its collectors, else every record
 * would make another, and what it exchanges with the console. A flow is looked at once, when its record is
 * written, so packets pay nothing for it. ICMP errors about such a packet belong to it; their flow does not say
 * what they quote, so each of them is looked at.
 */
import { RECORD_WORDS, WORD_DESTINATION_PREFIX, WORD_SOURCE_PREFIX } from './flow-record.ts';
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE } from './packet-burst.ts';
import { readQuotedPacket } from './quoted-packet.ts';

/** One end of a socket of ours and, where known, the other. What is left out matches anything. */
export interface ExcludedSocket {
  /** IANA protocol number: 6, 17, 132. */
  protocol: number;
  localPort?: number;
  remotePort?: number;
  /** Addresses as 16 octets, IPv4 mapped (::ffff:a.b.c.d). */
  localAddress?: Uint8Array;
  remoteAddress?: Uint8Array;
}

interface Endpoint {
  readonly port: number | undefined;
  readonly words: readonly number[] | undefined;
}

interface Exclusion {
  readonly protocol: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

export class ExcludedTraffic {
  #exclusions: readonly Exclusion[] = [];
  readonly #quoted = new Int32Array(RECORD_WORDS);

  /** Replaces the sockets that are excluded, from now on. */
  replace(sockets: readonly ExcludedSocket[]): void {
    this.#exclusions = sockets.map((socket) => ({
      protocol: socket.protocol,
      local: endpoint(socket.localPort, socket.localAddress),
      remote: endpoint(socket.remotePort, socket.remoteAddress),
    }));
  }

  /**
   * Whether the flow whose record begins at `base` of `words` is that of an excluded socket, either
   * direction.
   */
  includes(words: Int32Array, base: number): boolean {
    if (this.#exclusions.length === 0) return false;
    const protocol = words[base + KEY_KIND]! & 0xff;
    for (const { protocol: excluded, local, remote } of this.#exclusions) {
      if (excluded !== protocol) continue;
      if (isSource(local, words, base) && isDestination(remote, words, base)) return true;
      if (isDestination(local, words, base) && isSource(remote, words, base)) return true;
    }
    return false;
  }

  /** Whether the ICMP message of `protocol` from `offset` to `end` is an error about a packet of an excluded socket. */
  includesQuoted(view: DataView, offset: number, end: number, protocol: number): boolean {
    if (this.#exclusions.length === 0) return false;
    return readQuotedPacket(view, offset, end, protocol, this.#quoted) && this.includes(this.#quoted, 0);
  }
}

function endpoint(port: number | undefined, address: Uint8Array | undefined): Endpoint {
  if (address === undefined) return { port, words: undefined };
  const view = new DataView(address.buffer, address.byteOffset, 16);
  return { port, words: [0, 4, 8, 12].map((offset) => view.getInt32(offset)) };
}

function isSource(end: Endpoint, words: Int32Array, base: number): boolean {
  return matches(end, words[base + KEY_PORTS]! >>> 16, words, base + WORD_SOURCE_PREFIX, base + KEY_SOURCE);
}

function isDestination(end: Endpoint, words: Int32Array, base: number): boolean {
  return matches(
    end,
    words[base + KEY_PORTS]! & 0xffff,
    words,
    base + WORD_DESTINATION_PREFIX,
    base + KEY_DESTINATION,
  );
}

function matches(end: Endpoint, port: number, words: Int32Array, prefixAt: number, lastAt: number): boolean {
  if (end.port !== undefined && end.port !== port) return false;
  return (
    end.words === undefined ||
    end.words.every((word, index) => word === words[index === 3 ? lastAt : prefixAt + index])
  );
}
