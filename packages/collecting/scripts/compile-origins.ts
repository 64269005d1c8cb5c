/**
 * Makes data/origins.bin: node packages/collecting/scripts/compile-origins.ts ASN_FOLDER COUNTRY_FOLDER
 *
 * The folders are the unpacked packages @ip-location-db/asn and @ip-location-db/geo-whois-asn-country
 * (`npm pack` fetches them). They are no dependencies, because unpacked they have 113 MB; see
 * docs/decisions/0009-origins-in-a-file-of-our-own.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseIPv4, parseIPv6 } from '@weir/ipfix';
import {
  type AddressRanges,
  bigintOf,
  parsePrefix,
  type Ranges,
  RangesBuilder,
} from '../src/addresses/address-ranges.ts';
import { countryNumber } from '../src/addresses/country-code.ts';
import { encodeOrigins } from '../src/addresses/origin-file.ts';

const ATTRIBUTION =
  'Countries and autonomous systems of IP addresses: NRO (nro.net), RouteViews (routeviews.org) and ' +
  'IP Geolocation by DB-IP (https://db-ip.com), compiled by ip-location-db ' +
  '(github.com/sapics/ip-location-db), CC BY 4.0; changed: ranges merged, reserved addresses left out.';
const OUTPUT = path.resolve(import.meta.dirname, '../data/origins.bin');
/** Special-purpose addresses (RFC 6890, RFC 9637) and multicast: nobody's country. */
const RESERVED: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/3',
  '2001:db8::/32',
  '3fff::/20',
  'fc00::/6',
];

interface Line {
  first: bigint;
  last: bigint;
  fields: readonly string[];
}

function readLines(file: string): Line[] {
  const parse = file.includes('ipv4') ? parseIPv4 : parseIPv6;
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [first = '', last = '', ...fields] = line.split(',');
      return { first: addressOf(parse, first), last: addressOf(parse, last), fields };
    });
}

function addressOf(parse: typeof parseIPv4, text: string): bigint {
  const octets = parse(text);
  if (octets === undefined) throw new Error(`no address: ${text}`);
  return bigintOf(octets);
}

/** Some lines overlap: what an earlier one said of an address holds. */
function rangesOf(lines: readonly Line[], words: 1 | 4, numberOf: (line: Line) => number): Ranges {
  const builder = new RangesBuilder(words);
  const bits = words * 32;
  let next = 0n;
  for (const line of lines) {
    if (line.last < next) continue;
    if (line.first > next) builder.add(next, 0);
    builder.add(line.first > next ? line.first : next, numberOf(line));
    next = line.last + 1n;
  }
  if (next < 1n << BigInt(bits)) builder.add(next, 0);
  return builder.build();
}

/** Lines without what lies in reserved ranges: a line that spans one becomes two. */
function withoutReserved(lines: readonly Line[], words: 1 | 4): Line[] {
  const prefixes = RESERVED.flatMap((text) => parsePrefix(text, 1) ?? []);
  return prefixes
    .filter(({ isV4 }) => isV4 === (words === 1))
    .reduce<Line[]>(
      (kept, { first, length }) => {
        const last = first + (1n << BigInt(words * 32 - length)) - 1n;
        return kept.flatMap((line) => {
          if (line.last < first || line.first > last) return [line];
          const parts = [
            { ...line, last: first - 1n },
            { ...line, first: last + 1n },
          ];
          return parts.filter((part) => part.first <= part.last);
        });
      },
      [...lines],
    );
}

function addressRanges(folder: string, name: string, numberOf: (line: Line) => number): AddressRanges {
  const ranges = (family: string, words: 1 | 4) =>
    rangesOf(withoutReserved(readLines(path.join(folder, `${name}-${family}.csv`)), words), words, numberOf);
  return { v4: ranges('ipv4', 1), v6: ranges('ipv6', 4) };
}

function asNames(folder: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const family of ['ipv4', 'ipv6']) {
    for (const { fields } of readLines(path.join(folder, `asn-${family}.csv`))) {
      const name = fields.slice(1).join(',').replace(/^"|"$/g, '').replaceAll('""', '"').trim();
      if (name !== '') names.set(Number(fields[0]), name);
    }
  }
  return new Map([...names].sort(([a], [b]) => a - b));
}

const [asnFolder, countryFolder] = process.argv.slice(2);
if (asnFolder === undefined || countryFolder === undefined)
  throw new Error('usage: ASN_FOLDER COUNTRY_FOLDER');
const { version } = JSON.parse(readFileSync(path.join(asnFolder, 'package.json'), 'utf8'));
const [year, month, day] = /(\d{4})(\d{2})(\d{2})\d{2}$/.exec(version)?.slice(1) ?? [];
const names = asNames(asnFolder);
const file = encodeOrigins({
  description: { date: `${year}-${month}-${day}`, attribution: ATTRIBUTION },
  countries: addressRanges(countryFolder, 'geo-whois-asn-country', ({ fields }) =>
    countryNumber(fields[0] ?? ''),
  ),
  systems: addressRanges(asnFolder, 'asn', ({ fields }) => Number(fields[0])),
  asNumbers: Uint32Array.from(names.keys()),
  asNames: new TextEncoder().encode([...names.values()].map((name) => `${name}\n`).join('')),
});
writeFileSync(OUTPUT, file);
console.log(`${OUTPUT}: ${file.length} octets`);
