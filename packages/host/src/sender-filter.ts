/**
 * Whose datagrams are heard: a list of networks, compared on the sender's address as the kernel wrote it, before
 * anything is looked up or made.
 *
 * A hot file: `allowsIPv4` runs once a datagram. Words of addresses are in memory order, octets as on the wire; so
 * are the masks they are compared with.
 */

import { BlockList, isIP, isIPv4 } from 'node:net';
import { assert } from '@weir/base';
import { MAPPED_PREFIX_WORD } from './socket-address.ts';

export interface SenderFilter {
  /** An IPv4 address, given as its word in memory order. */
  allowsIPv4(word: number): boolean;
  /** The address whose four words are at `words[at]`; IPv4-mapped ones are IPv4. */
  allowsIPv6(words: Uint32Array, at: number): boolean;
  /** An address as text. */
  allows(address: string): boolean;
}

interface Prefixes4 {
  readonly mask: number;
  readonly networks: Set<number>;
}

interface Prefix6 {
  readonly masks: Uint32Array;
  readonly words: Uint32Array;
}

/** `networks` are `address/length` or addresses, checked before. */
export function createSenderFilter(networks: readonly string[]): SenderFilter {
  const byMask = new Map<number, Set<number>>();
  const prefixes6: Prefix6[] = [];
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', lengthText] = network.split('/');
    assert(isIP(address) !== 0, 'a network begins with an address');
    const bits = isIPv4(address) ? 32 : 128;
    const length = lengthText === undefined ? bits : Number(lengthText);
    list.addSubnet(address, length, bits === 32 ? 'ipv4' : 'ipv6');
    const masks = maskWords(length, bits);
    const words = wordsOf(address).map((word, index) => word & (masks[index] ?? 0));
    if (bits === 128) prefixes6.push({ masks, words });
    else addIPv4(byMask, masks[0] ?? 0, words[0] ?? 0);
  }
  const prefixes4: Prefixes4[] = Array.from(byMask, ([mask, found]) => ({ mask, networks: found }));
  /** Datagrams come in runs of one sender. */
  let latestAllowed = -1;

  function allowsIPv4(word: number): boolean {
    if (word === latestAllowed) return true;
    for (let index = 0; index < prefixes4.length; index += 1) {
      const { mask, networks: known } = prefixes4[index]!;
      if (known.has(word & mask)) {
        latestAllowed = word;
        return true;
      }
    }
    return false;
  }

  return {
    allowsIPv4,
    allowsIPv6(words, at) {
      if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED_PREFIX_WORD) {
        return allowsIPv4(words[at + 3]!);
      }
      for (let index = 0; index < prefixes6.length; index += 1) {
        const { masks, words: network } = prefixes6[index]!;
        if (
          (words[at]! & masks[0]!) >>> 0 === network[0] &&
          (words[at + 1]! & masks[1]!) >>> 0 === network[1] &&
          (words[at + 2]! & masks[2]!) >>> 0 === network[2] &&
          (words[at + 3]! & masks[3]!) >>> 0 === network[3]
        ) {
          return true;
        }
      }
      return false;
    },
    allows(address) {
      const [plain = address] = address.replace(/^::ffff:(?=\d+\.)/i, '').split('%');
      return list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
    },
  };
}

function addIPv4(byMask: Map<number, Set<number>>, mask: number, network: number): void {
  const known = byMask.get(mask) ?? new Set<number>();
  // As a signed word: V8 keeps those without an object each.
  known.add(network | 0);
  byMask.set(mask, known);
}

/** The upper `length` of `bits` bits, as words in memory order. */
function maskWords(length: number, bits: number): Uint32Array {
  const octets = new Uint8Array(bits / 8);
  for (let index = 0; index < octets.length; index += 1) {
    const left = Math.min(8, Math.max(0, length - index * 8));
    octets[index] = (0xff00 >> left) & 0xff;
  }
  return new Uint32Array(octets.buffer);
}

function wordsOf(address: string): Uint32Array {
  if (isIPv4(address)) return new Uint32Array(Uint8Array.from(address.split('.'), Number).buffer);
  const octets = new Uint8Array(16);
  const [head = '', tail] = expandDotted(address).split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const view = new DataView(octets.buffer);
  for (const [index, group] of before.entries()) view.setUint16(index * 2, group);
  for (const [index, group] of after.entries()) view.setUint16(16 - (after.length - index) * 2, group);
  return new Uint32Array(octets.buffer);
}

/** `::ffff:192.0.2.1` with its last 32 bits as two groups. */
function expandDotted(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const group = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
}
