/**
 * A batch without what tells who a person is: addresses mapped (RFC 6235 section 4.1), MAC addresses and
 * flowId left out, and of the fields without a column those that are texts, addresses or unknown.
 *
 * Hot file: `!` on typed-array reads at rows below `rowCount`.
 */
import { readFileSync } from 'node:fs';
import { EXIT_USAGE, UserError } from '@weir/base';
import {
  type AbstractDataType,
  type ExtraField,
  type ExtraLayout,
  elementById,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  VARIABLE_LENGTH,
} from '@weir/ipfix';
import {
  type AddressMapping,
  CRYPTO_PAN_KEY_OCTETS,
  createCryptoPan,
  createTruncation,
} from './crypto-pan.ts';
import type { Anonymisation } from './profile-collector.ts';

/** The batch that others see; the one that was given stays as it is. */
export type Anonymiser = (batch: FlowBatch) => FlowBatch;

/** High word of the low half of an IPv4-mapped address. */
const IPV4_MAPPED = 0x0000ffff;
/** Addresses whose mapping is remembered: some 10 MiB. A mapping costs 32 or 128 blocks of AES. */
const REMEMBERED_MAX = 65_536;
const LEFT_OUT: readonly FlowColumnName[] = ['srcMac', 'dstMac', 'flowId'];
const ADDRESSES = [
  ['srcAddrHi', 'srcAddrLo'],
  ['dstAddrHi', 'dstAddrLo'],
  ['nextHopHi', 'nextHopLo'],
] as const;
/** What may hold an address or a name, and structures of these. */
const TELLING_TYPES: ReadonlySet<AbstractDataType> = new Set([
  'octetArray',
  'string',
  'macAddress',
  'ipv4Address',
  'ipv6Address',
  'basicList',
  'subTemplateList',
  'subTemplateMultiList',
]);
/** A rule is the operator's, not a person's. */
const TEXTS_KEPT: readonly string[] = ['ruleName'];

/** Throws a UserError `key_unreadable` (exit code 2) when there is a key file and it holds no key. */
export function createAnonymiser(anonymisation: Anonymisation): Anonymiser {
  const mapping = remembering(
    anonymisation.kind === 'cryptoPan'
      ? createCryptoPan(readKey(anonymisation.keyFile))
      : createTruncation(anonymisation.ipv4Bits, anonymisation.ipv6Bits),
  );
  return (batch) => {
    const columns = { ...batch.columns };
    const validity = [...batch.validity];
    for (const [high, low] of ADDRESSES) {
      columns[high] = batch.columns[high].slice();
      columns[low] = batch.columns[low].slice();
      mapAddresses(columns[high], columns[low], batch.rowCount, mapping);
    }
    for (const name of LEFT_OUT) {
      const index = FLOW_COLUMN_INDEX[name];
      Object.assign(columns, { [name]: new Uint32Array(batch.capacity * 2) });
      validity[index] = new Uint8Array(batch.capacity / 8);
    }
    return withoutTellingExtra({ ...batch, columns, validity });
  };
}

/** 32 octets, or as many as hexadecimal digits. */
function readKey(path: string): Uint8Array {
  let octets: Uint8Array;
  try {
    octets = readFileSync(path);
  } catch (error) {
    throw new UserError('key_unreadable', `${path}: ${(error as Error).message}`, EXIT_USAGE);
  }
  const digits = /^\s*(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(new TextDecoder().decode(octets))?.[1];
  if (digits !== undefined) return Uint8Array.from(Buffer.from(digits, 'hex'));
  if (octets.length === CRYPTO_PAN_KEY_OCTETS) return octets;
  const allowed = `${CRYPTO_PAN_KEY_OCTETS} octets, or ${CRYPTO_PAN_KEY_OCTETS * 2} hexadecimal digits`;
  throw new UserError(
    'key_unreadable',
    `${path}: found ${octets.length} octets, allowed: ${allowed}`,
    EXIT_USAGE,
  );
}

/** A mapping of four words, most significant first; IPv4-mapped addresses stay that. */
type WordMapping = (words: readonly [number, number, number, number]) => readonly number[];

function remembering(mapping: AddressMapping): WordMapping {
  const known = new Map<string, readonly number[]>();
  return (words) => {
    const key = words.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= REMEMBERED_MAX) known.clear();
    const mapped = mapWords(words, mapping);
    known.set(key, mapped);
    return mapped;
  };
}

function mapWords(
  [a, b, c, d]: readonly [number, number, number, number],
  mapping: AddressMapping,
): readonly number[] {
  const isIpv4 = a === 0 && b === 0 && c === IPV4_MAPPED;
  const view = new DataView(new ArrayBuffer(isIpv4 ? 4 : 16));
  if (isIpv4) view.setUint32(0, d);
  else [a, b, c, d].forEach((word, index) => void view.setUint32(index * 4, word));
  const mapped = mapping(new Uint8Array(view.buffer));
  const result = new DataView(mapped.buffer, mapped.byteOffset);
  if (isIpv4) return [0, 0, IPV4_MAPPED, result.getUint32(0)];
  return [0, 4, 8, 12].map((offset) => result.getUint32(offset));
}

function mapAddresses(high: Uint32Array, low: Uint32Array, rowCount: number, mapping: WordMapping): void {
  for (let word = 0; word < rowCount * 2; word += 2) {
    const words = [high[word + 1]!, high[word]!, low[word + 1]!, low[word]!] as const;
    // No address at all stays none.
    if ((words[0] | words[1] | words[2] | words[3]) === 0) continue;
    const mapped = mapping(words);
    high[word + 1] = mapped[0]!;
    high[word] = mapped[1]!;
    low[word + 1] = mapped[2]!;
    low[word] = mapped[3]!;
  }
}

function isTelling({ enterpriseNumber, elementId }: ExtraField): boolean {
  const element = elementById(enterpriseNumber, elementId);
  if (element === undefined) return true;
  return TELLING_TYPES.has(element.dataType) && !TEXTS_KEPT.includes(element.name);
}

function withoutTellingExtra(batch: FlowBatch): FlowBatch {
  if (!batch.layouts.some((layout) => layout.some(isTelling))) return batch;
  const layouts: ExtraLayout[] = batch.layouts.map((layout) => layout.filter((field) => !isTelling(field)));
  const extra = new Uint8Array(batch.extra.length);
  const extraEnd = new Uint32Array(batch.capacity);
  const index = FLOW_COLUMN_INDEX.extraLayout;
  const present = batch.validity[index]!.slice();
  let end = 0;
  for (let row = 0; row < batch.rowCount; row += 1) {
    const layout = batch.layouts[batch.columns.extraLayout[row]!];
    if ((present[row >> 3]! & (1 << (row & 7))) !== 0 && layout !== undefined) {
      const before = end;
      end = copyKept(batch, row, layout, extra, end);
      if (end === before) present[row >> 3]! &= ~(1 << (row & 7));
    }
    extraEnd[row] = end;
  }
  const validity = batch.validity.map((bitmap, position) => (position === index ? present : bitmap));
  return { ...batch, layouts, extra, extraEnd, validity };
}

/** Copies the fields of a row that tell nothing; gives where they end. */
function copyKept(
  batch: FlowBatch,
  row: number,
  layout: ExtraLayout,
  into: Uint8Array,
  start: number,
): number {
  let from = row === 0 ? 0 : batch.extraEnd[row - 1]!;
  const limit = batch.extraEnd[row]!;
  let end = start;
  for (const field of layout) {
    const octets = octetsOf(field, batch.extra, from);
    if (from + octets > limit) break;
    if (!isTelling(field)) {
      into.set(batch.extra.subarray(from, from + octets), end);
      end += octets;
    }
    from += octets;
  }
  return end;
}

/** RFC 7011 section 7: of a field of varying length, its length is in the octets. */
function octetsOf({ length }: ExtraField, octets: Uint8Array, at: number): number {
  if (length !== VARIABLE_LENGTH) return length;
  const short = octets[at] ?? 0;
  return short < 255 ? 1 + short : 3 + ((octets[at + 1] ?? 0) << 8) + (octets[at + 2] ?? 0);
}
