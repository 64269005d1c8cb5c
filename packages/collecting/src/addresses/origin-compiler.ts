/**
 * Makes one small file (origin-file.ts) of the lists of ip-location-db: two npm packages whose CSV has 50 MB of what is
 * read here. A second or two, once an installation: what reads the file afterwards takes a third of a second.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type AddressRanges, parsePrefix, type Ranges, RangesBuilder } from './address-ranges.ts';
import { countryNumber } from './country-code.ts';
import { encodeOrigins } from './origin-file.ts';

const ATTRIBUTION =
  'Countries and autonomous systems of IP addresses: NRO (nro.net), RouteViews (routeviews.org) and ' +
  'IP Geolocation by DB-IP (https://db-ip.com), compiled by ip-location-db ' +
  '(github.com/sapics/ip-location-db), CC BY 4.0; changed: ranges merged, reserved addresses left out.';
/** Special-purpose addresses (RFC 6890, RFC 9637) and multicast: nobody's country. */
const RESERVED: readonly Span[] = [
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
].map(spanOf);

const LINE_FEED = 10;

interface Span {
  readonly isV4: boolean;
  readonly first: bigint;
  readonly last: bigint;
}

/** `FIRST,LAST,FIELD[,REST]`: addresses as decimal numbers. */
interface Line {
  readonly first: bigint;
  readonly last: bigint;
  readonly field: string;
  /** What follows the field: of systems the name, in quotes where it has a comma. */
  readonly rest: string;
}

/** The octets of the file. Throws when a package lacks a list. */
export function compileOrigins(asnFolder: string, countryFolder: string): Uint8Array {
  const names = new Map<number, string>();
  const systemOf = ({ field, rest }: Line) => {
    const name = nameOf(rest);
    if (name !== '') names.set(Number(field), name);
    return Number(field);
  };
  const systems = readRanges(path.join(asnFolder, 'asn'), systemOf);
  const countries = readRanges(path.join(countryFolder, 'geo-whois-asn-country'), ({ field }) =>
    countryNumber(field),
  );
  const sorted = [...names].sort(([a], [b]) => a - b);
  return encodeOrigins({
    description: { date: dateOf(asnFolder), attribution: ATTRIBUTION },
    countries,
    systems,
    asNumbers: Uint32Array.from(sorted, ([number]) => number),
    asNames: new TextEncoder().encode(sorted.map(([, name]) => `${name}\n`).join('')),
  });
}

/** The day is in the package's version. */
function dateOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    version: string;
  };
  const [year, month, day] = /(\d{4})(\d{2})(\d{2})\d{2}$/.exec(version)?.slice(1) ?? [];
  return `${year}-${month}-${day}`;
}

/** The lists of both families, whose names begin with `prefix`. */
function readRanges(prefix: string, numberOf: (line: Line) => number): AddressRanges {
  return {
    v4: rangesOf(readLines(`${prefix}-ipv4-num.csv`), 1, numberOf),
    v6: rangesOf(readLines(`${prefix}-ipv6-num.csv`), 4, numberOf),
  };
}

/** One line at a time: the lists have a million lines, which need not be objects all at once. */
function* readLines(file: string): Generator<Line> {
  const list = readFileSync(file);
  for (let start = 0; start < list.length; ) {
    const end = list.indexOf(LINE_FEED, start);
    const text = list.toString('utf8', start, end < 0 ? list.length : end);
    start = end < 0 ? list.length : end + 1;
    const firstEnd = text.indexOf(',');
    const lastEnd = text.indexOf(',', firstEnd + 1);
    if (firstEnd < 0 || lastEnd < 0) continue;
    const fieldEnd = text.indexOf(',', lastEnd + 1);
    yield {
      first: BigInt(text.slice(0, firstEnd)),
      last: BigInt(text.slice(firstEnd + 1, lastEnd)),
      field: text.slice(lastEnd + 1, fieldEnd < 0 ? undefined : fieldEnd),
      rest: fieldEnd < 0 ? '' : text.slice(fieldEnd + 1),
    };
  }
}

function nameOf(text: string): string {
  return text.replace(/^"|"$/g, '').replaceAll('""', '"').trim();
}

/** Some lines overlap: what an earlier one said of an address holds. */
function rangesOf(lines: Iterable<Line>, words: 1 | 4, numberOf: (line: Line) => number): Ranges {
  const reserved = RESERVED.filter(({ isV4 }) => isV4 === (words === 1));
  const builder = new RangesBuilder(words);
  let next = 0n;
  for (const line of lines) {
    const value = numberOf(line);
    for (const { first, last } of withoutReserved(line, reserved)) {
      if (last < next) continue;
      if (first > next) builder.add(next, 0);
      builder.add(first > next ? first : next, value);
      next = last + 1n;
    }
  }
  if (next < 1n << BigInt(words * 32)) builder.add(next, 0);
  return builder.build();
}

/** The parts of a line that lie in no reserved range; nearly always the line itself. */
function withoutReserved(
  line: Pick<Line, 'first' | 'last'>,
  reserved: readonly Span[],
): Pick<Line, 'first' | 'last'>[] {
  const cut = reserved.find(({ first, last }) => line.first <= last && line.last >= first);
  if (cut === undefined) return [line];
  const parts = [
    { first: line.first, last: cut.first - 1n },
    { first: cut.last + 1n, last: line.last },
  ];
  return parts.filter(({ first, last }) => first <= last).flatMap((part) => withoutReserved(part, reserved));
}

function spanOf(text: string): Span {
  const prefix = parsePrefix(text, 0);
  if (prefix === undefined) throw new Error(`no prefix: ${text}`);
  const { isV4, first, length } = prefix;
  return { isV4, first, last: first + (1n << BigInt((isV4 ? 32 : 128) - length)) - 1n };
}
