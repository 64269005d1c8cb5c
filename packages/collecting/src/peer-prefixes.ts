/** Who is behind an address: the longest of the prefixes that peers told. Addresses are four 32-bit words. */
import ipaddr from 'ipaddr.js';

export interface KnownPeer {
  readonly name: string;
  readonly user: string | undefined;
}

interface Prefix {
  readonly words: readonly number[];
  /** Of 128 bits: IPv4 is taken as IPv4-mapped. */
  readonly length: number;
}

export interface PeerPrefixes {
  /** The latest word on a prefix holds. */
  put(prefix: string, peer: KnownPeer): void;
  /** By the four words of an address, the most significant first; IPv4 as IPv4-mapped (RFC 4291). */
  find(word0: number, word1: number, word2: number, word3: number): KnownPeer | undefined;
}

export function createPeerPrefixes(): PeerPrefixes {
  /** Longest first. */
  let lengths: number[] = [];
  const byLength = new Map<number, Map<string, KnownPeer>>();

  return {
    put(text, peer) {
      const prefix = parsePrefix(text);
      if (prefix === undefined) return;
      const { words, length } = prefix;
      let peers = byLength.get(length);
      if (peers === undefined) {
        peers = new Map();
        byLength.set(length, peers);
        lengths = [...byLength.keys()].sort((one, other) => other - one);
      }
      peers.set(keyOf(words, length), peer);
    },
    find(word0, word1, word2, word3) {
      const words = [word0, word1, word2, word3];
      for (const length of lengths) {
        const peer = byLength.get(length)?.get(keyOf(words, length));
        if (peer !== undefined) return peer;
      }
      return undefined;
    },
  };
}

/** The four words of an address, IPv4 as IPv4-mapped; undefined when the text is none. */
export function addressWords(address: string): [number, number, number, number] | undefined {
  const [word0, word1, word2, word3] = parsePrefix(address)?.words ?? [];
  if (word0 === undefined || word1 === undefined || word2 === undefined || word3 === undefined)
    return undefined;
  return [word0, word1, word2, word3];
}

/** `address/length` or an address alone; undefined for what is neither. */
function parsePrefix(text: string): Prefix | undefined {
  const [address = '', lengthText] = text.split('/');
  if (!ipaddr.isValid(address)) return undefined;
  const parsed = ipaddr.parse(address);
  const bits = parsed.kind() === 'ipv4' ? 32 : 128;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (!Number.isInteger(length) || length < 0 || length > bits) return undefined;
  const octets = parsed.toByteArray();
  if (bits === 128) return { words: wordsOf(octets), length };
  return { words: [0, 0, 0xffff, wordsOf(octets)[0] ?? 0], length: length + 96 };
}

function wordsOf(octets: readonly number[]): number[] {
  const view = new DataView(Uint8Array.from(octets).buffer);
  return Array.from({ length: octets.length / 4 }, (_, index) => view.getUint32(index * 4));
}

function keyOf(words: readonly number[], length: number): string {
  return words.map((word, index) => (word & maskOf(length - index * 32)) >>> 0).join('.');
}

/** The upper `bits` bits of a word. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}
