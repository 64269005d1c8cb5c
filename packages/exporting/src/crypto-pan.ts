/**
 * Prefix-preserving anonymisation, "Prefix-Preserving IP Address Anonymization" of J. Xu, J. Fan, M. Ammar and
 * S. Moon (ICNP 2002): two addresses that share their first n bits share them afterwards. IPv6 by the same
 * rule over 128 bits.
 */
import { createCipheriv } from 'node:crypto';

export const CRYPTO_PAN_KEY_OCTETS = 32;
const BLOCK_OCTETS = 16;

/** Octets in network order in, as many out. 4 or 16 octets. */
export type AddressMapping = (address: Uint8Array) => Uint8Array;

/** The key is an AES key of 128 bits and as many of padding. */
export function createCryptoPan(key: Uint8Array): AddressMapping {
  const cipher = createCipheriv('aes-128-ecb', key.subarray(0, BLOCK_OCTETS), null);
  cipher.setAutoPadding(false);
  const pad = new Uint8Array(cipher.update(key.subarray(BLOCK_OCTETS, CRYPTO_PAN_KEY_OCTETS)));

  return (address) => {
    const bitCount = address.length * 8;
    // Bit n of the result depends on the first n bits of the address, padded: one block for each bit.
    const blocks = new Uint8Array(bitCount * BLOCK_OCTETS);
    const block = pad.slice();
    for (let bit = 0; bit < bitCount; bit += 1) {
      blocks.set(block, bit * BLOCK_OCTETS);
      const mask = 0x80 >> (bit & 7);
      const octet = bit >> 3;
      block[octet] = ((block[octet] ?? 0) & ~mask) | ((address[octet] ?? 0) & mask);
    }
    const encrypted = cipher.update(blocks);
    const mapped = address.slice();
    for (let bit = 0; bit < bitCount; bit += 1) {
      const flip = (encrypted[bit * BLOCK_OCTETS] ?? 0) >> 7;
      const octet = bit >> 3;
      mapped[octet] = (mapped[octet] ?? 0) ^ (flip << (7 - (bit & 7)));
    }
    return mapped;
  };
}

/** Keeps the leading bits of an address and clears the others. */
export function createTruncation(ipv4Bits: number, ipv6Bits: number): AddressMapping {
  return (address) => {
    const kept = address.length === 4 ? ipv4Bits : ipv6Bits;
    return address.map((octet, index) => octet & ~(0xff >> Math.min(8, Math.max(0, kept - index * 8))));
  };
}
