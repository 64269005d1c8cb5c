/**
 * Up to RECORDS_AT_ONCE records in the form in which the table of sessions takes them: one array a value, all of
 * them signed 32-bit, which the engine keeps without boxes. One object a stage, so that a record costs none.
 *
 * Hot file: typed-array reads are asserted (`!`); rows are below the batch's capacity, records below
 * RECORDS_AT_ONCE.
 */
import { FLOW_COLUMN_INDEX, type FlowBatch, type FlowColumnName } from '@weir/ipfix';

export const RECORDS_AT_ONCE = 256;
/**
 * Lower end's address, higher end's address, four words each as they stand in the columns (Lo, then Hi), ports,
 * protocol. Which end is lower is a matter of its hash: any order will do that is the same for both directions.
 */
export const KEY_WORDS = 10;
export const KEY_PORTS = 8;
export const KEY_PROTOCOL = 9;
/** In the word of the protocol: both addresses are IPv4, only their lowest words count. */
export const KEY_IS_V4 = 1 << 27;

export const FLAG_HAS_KEY = 1;
/** The exporter saw the end of the connection. */
export const FLAG_ENDED = 2;
/** The record tells of both directions. */
export const FLAG_BIFLOW = 4;

const MAPPED_PREFIX = 0xffff;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;

export class SessionRecords {
  readonly keys = new Int32Array(RECORDS_AT_ONCE * KEY_WORDS);
  readonly hashes = new Int32Array(RECORDS_AT_ONCE);
  /** 0 from the lower end, 1 from the higher. */
  readonly directions = new Uint8Array(RECORDS_AT_ONCE);
  readonly flags = new Uint8Array(RECORDS_AT_ONCE);
  readonly exporters = new Int32Array(RECORDS_AT_ONCE);
  /** Observation points; 0 for one that has no number. */
  readonly points = new Int32Array(RECORDS_AT_ONCE);
  /** Ticks of the table: when received, first and last packet. */
  readonly received = new Int32Array(RECORDS_AT_ONCE);
  readonly starts = new Int32Array(RECORDS_AT_ONCE);
  readonly ends = new Int32Array(RECORDS_AT_ONCE);
  /** Ticks within which the session's next record must come. */
  readonly allowances = new Int32Array(RECORDS_AT_ONCE);
  // What the table answers.
  readonly identifiersLow = new Int32Array(RECORDS_AT_ONCE);
  readonly identifiersHigh = new Int32Array(RECORDS_AT_ONCE);
  /** In the lowest bit the direction that the initiator sends in, the rule that decided above it. */
  readonly decided = new Uint8Array(RECORDS_AT_ONCE);
  readonly duplicates = new Uint8Array(RECORDS_AT_ONCE);

  /** Keys, hashes, directions and flags of rows `from` (inclusive) to `to` (exclusive). */
  readKeys({ columns, validity }: FlowBatch, from: number, to: number, seed: number): void {
    const { srcAddrHi, srcAddrLo, dstAddrHi, dstAddrLo, srcPort, dstPort, protocol } = columns;
    const hasSource = bitmapOf(validity, 'srcAddrLo');
    const hasDestination = bitmapOf(validity, 'dstAddrLo');
    const hasProtocol = bitmapOf(validity, 'protocol');
    const hasReverseOctets = bitmapOf(validity, 'reverseOctets');
    const hasReversePackets = bitmapOf(validity, 'reversePackets');
    const { keys, hashes, directions, flags } = this;
    for (let row = from; row < to; row += 1) {
      const index = row - from;
      const at = row * 2;
      const byte = row >> 3;
      const bit = 1 << (row & 7);
      const isKey = (hasSource[byte]! & hasDestination[byte]! & hasProtocol[byte]! & bit) !== 0;
      const isBiflow = ((hasReverseOctets[byte]! | hasReversePackets[byte]!) & bit) !== 0;
      flags[index] = (isKey ? FLAG_HAS_KEY : 0) | (isBiflow ? FLAG_BIFLOW : 0);
      const kind = protocol[row]!;
      const portMask = kind === PROTOCOL_ICMP || kind === PROTOCOL_ICMPV6 ? 0 : 0xffff;
      const source = srcPort[row]! & portMask;
      const destination = dstPort[row]! & portMask;
      const s0 = srcAddrLo[at]! | 0;
      const s1 = srcAddrLo[at + 1]! | 0;
      const s2 = srcAddrHi[at]! | 0;
      const s3 = srcAddrHi[at + 1]! | 0;
      const d0 = dstAddrLo[at]! | 0;
      const d1 = dstAddrLo[at + 1]! | 0;
      const d2 = dstAddrHi[at]! | 0;
      const d3 = dstAddrHi[at + 1]! | 0;
      const isV4 = s1 === MAPPED_PREFIX && d1 === MAPPED_PREFIX && (s2 | s3 | d2 | d3) === 0;
      const sourceHash = isV4 ? endHashV4(seed, s0, source) : endHash(seed, s0, s1, s2, s3, source);
      const destinationHash = isV4
        ? endHashV4(seed, d0, destination)
        : endHash(seed, d0, d1, d2, d3, destination);
      // The sign of the difference of two 31-bit numbers, no branch: which direction comes is a coin toss.
      let swap = ((sourceHash >>> 1) - (destinationHash >>> 1)) >>> 31;
      if (sourceHash >>> 1 === destinationHash >>> 1) {
        swap = isBelow(d0, d1, d2, d3, destination, s0, s1, s2, s3, source) ? 1 : 0;
      }
      directions[index] = swap;
      const key = index * KEY_WORDS;
      const sourceAt = key + swap * 4;
      const destinationAt = key + 4 - swap * 4;
      keys[sourceAt] = s0;
      keys[destinationAt] = d0;
      if (!isV4) {
        keys[sourceAt + 1] = s1;
        keys[sourceAt + 2] = s2;
        keys[sourceAt + 3] = s3;
        keys[destinationAt + 1] = d1;
        keys[destinationAt + 2] = d2;
        keys[destinationAt + 3] = d3;
      }
      keys[key + KEY_PORTS] = (source << (16 - swap * 16)) | (destination << (swap * 16));
      keys[key + KEY_PROTOCOL] = isV4 ? kind | KEY_IS_V4 : kind;
      hashes[index] = finish(seed ^ kind ^ (sourceHash + destinationHash));
    }
  }
}

/** The validity bitmap of a column. */
export function bitmapOf(validity: readonly Uint8Array[], name: FlowColumnName): Uint8Array {
  return validity[FLOW_COLUMN_INDEX[name]]!;
}

/** Whether the first address with its port comes before the second; asked only where their hashes are equal. */
function isBelow(
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  portA: number,
  b0: number,
  b1: number,
  b2: number,
  b3: number,
  portB: number,
): boolean {
  if (a0 !== b0) return a0 < b0;
  if (a1 !== b1) return a1 < b1;
  if (a2 !== b2) return a2 < b2;
  return a3 === b3 ? portA < portB : a3 < b3;
}

function endHashV4(seed: number, address: number, port: number): number {
  const low = Math.imul(address ^ seed, 0x85ebca6b);
  const mixed = Math.imul(low ^ (low >>> 13) ^ Math.imul(port, 0x27d4eb2f), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 15);
}

function endHash(seed: number, w0: number, w1: number, w2: number, w3: number, port: number): number {
  const low = Math.imul(w0 ^ seed ^ Math.imul(w1, 0x9e3779b1), 0x85ebca6b);
  const high = Math.imul(w2 ^ Math.imul(w3, 0x9e3779b1) ^ Math.imul(port, 0x27d4eb2f), 0xc2b2ae35);
  const mixed = Math.imul(low ^ (low >>> 13) ^ high, 0x2c1b3c6d);
  return mixed ^ (mixed >>> 15);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
