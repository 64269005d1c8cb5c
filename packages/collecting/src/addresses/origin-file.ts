/**
 * The embedded database of countries and autonomous systems: what origin-compiler.ts made of public
 * lists, in a compact file. Brotli around: magic, then sections, each behind its length in octets (32 bits,
 * little-endian): the description as JSON, three for each list of ranges (distinct values, starts, values by
 * their index), two for the names of autonomous systems.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { assert } from '@weir/base';
import { type AddressRanges, type Ranges, V6_WORDS } from './address-ranges.ts';
import { packWords, unpackWords } from './word-planes.ts';

/** `WOR1`. */
const MAGIC = 0x31524f57;
/** 2.8 MB of the lists of 2026-06 in 0.2 CPU s; the highest quality makes 2.4 MB of them in 19. */
const BROTLI_QUALITY = 5;

/** Where the data came from: what its licences want to be told with it. */
export interface OriginDescription {
  /** Day of the data, YYYY-MM-DD. */
  readonly date: string;
  readonly attribution: string;
}

export interface OriginData {
  readonly description: OriginDescription;
  /** Values are country codes as in the columns `srcCountry` and `dstCountry`. */
  readonly countries: AddressRanges;
  /** Values are numbers of autonomous systems. */
  readonly systems: AddressRanges;
  /** Rising. */
  readonly asNumbers: Uint32Array;
  /** Names of `asNumbers`, each followed by a line feed. */
  readonly asNames: Uint8Array;
}

export function encodeOrigins(data: OriginData): Uint8Array {
  const sections = [
    new TextEncoder().encode(JSON.stringify(data.description)),
    ...[data.countries.v4, data.countries.v6, data.systems.v4, data.systems.v6].flatMap(encodeRanges),
    packWords(data.asNumbers, 1),
    data.asNames,
  ];
  const parts = [word(MAGIC), ...sections.flatMap((section) => [word(section.length), section])];
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
  };
  return brotliCompressSync(Buffer.concat(parts), { params });
}

/** Throws when the file is not one that encodeOrigins made. */
export function decodeOrigins(file: Uint8Array): OriginData {
  const octets = brotliDecompressSync(file);
  assert(octets.length >= 4 && octets.readUInt32LE(0) === MAGIC, 'a file of encodeOrigins');
  let at = 4;
  function section(): Uint8Array {
    const end = at + 4 + octets.readUInt32LE(at);
    const found = octets.subarray(at + 4, end);
    at = end;
    return found;
  }
  const description = JSON.parse(new TextDecoder().decode(section())) as OriginDescription;
  const ranges = (words: 1 | 4) => decodeRanges(words, section(), section(), section());
  const countries = { v4: ranges(1), v6: ranges(V6_WORDS) };
  const systems = { v4: ranges(1), v6: ranges(V6_WORDS) };
  return { description, countries, systems, asNumbers: unpacked(section(), 1), asNames: section() };
}

function encodeRanges({ words, starts, values }: Ranges): Uint8Array[] {
  const distinct = Uint32Array.from(new Set(values)).sort();
  const indexOf = new Map([...distinct].map((value, index) => [value, index]));
  const indexes = values.map((value) => indexOf.get(value) ?? 0);
  // Against the item before nothing is gained for values: a stride of their number leaves them as they are.
  return [packWords(distinct, 1), packWords(starts, words), packWords(indexes, indexes.length)];
}

function decodeRanges(words: 1 | 4, distinct: Uint8Array, starts: Uint8Array, indexes: Uint8Array): Ranges {
  const distinctValues = unpacked(distinct, 1);
  const values = unpacked(indexes, indexes.length / 4).map((index) => distinctValues[index] as number);
  return { words, starts: unpacked(starts, words), values };
}

function unpacked(octets: Uint8Array, stride: number): Uint32Array {
  const words = new Uint32Array(octets.length / 4);
  unpackWords(octets, stride, words);
  return words;
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
