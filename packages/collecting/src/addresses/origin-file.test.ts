import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readEmbeddedOrigins } from '../enrichment/embedded-origins.ts';
import { parsePrefix, rangesOfPrefixes } from './address-ranges.ts';
import { findV4, findV6 } from './address-table.ts';
import { countryNumber } from './country-code.ts';
import { decodeOrigins, encodeOrigins } from './origin-file.ts';
import { asNameOf, createAsNames, createOriginTable, NO_RANGES } from './origin-table.ts';
import { packWords, unpackWords } from './word-planes.ts';

function rangesOf(entries: Record<string, number>) {
  return rangesOfPrefixes(Object.entries(entries).flatMap(([text, value]) => parsePrefix(text, value) ?? []));
}

describe('file of origins', () => {
  test('packs words and gets them back', () => {
    const items = fc.tuple(fc.constantFrom(1, 4), fc.array(fc.integer({ min: 0, max: 0xffffffff })));
    fc.assert(
      fc.property(items, ([stride, made]) => {
        const words = Uint32Array.from(made.slice(0, made.length - (made.length % stride)));
        const back = new Uint32Array(words.length);
        unpackWords(packWords(words, stride), stride, back);
        expect(back).toEqual(words);
      }),
    );
  });

  test('is read as it was written', () => {
    const data = {
      description: { date: '2026-06-17', attribution: 'nobody' },
      countries: rangesOf({ '192.0.2.0/24': 17477, '2001:db8::/32': 17237 }),
      systems: rangesOf({ '192.0.2.0/25': 64_500, '192.0.2.128/25': 4_200_000_000 }),
      asNumbers: Uint32Array.of(64_500, 4_200_000_000),
      asNames: new TextEncoder().encode('Süd GmbH\nOther\n'),
    };
    const back = decodeOrigins(encodeOrigins(data));
    expect(back.description).toEqual(data.description);
    expect(back.countries).toEqual(data.countries);
    expect(back.systems).toEqual(data.systems);
    const names = createAsNames(back.asNumbers, back.asNames);
    expect([64_500, 4_200_000_000, 1, 64_501].map((number) => asNameOf(names, number))).toEqual([
      'Süd GmbH',
      'Other',
      undefined,
      undefined,
    ]);
  });

  test('the table cuts countries and systems at each other', () => {
    const countries = rangesOf({ '192.0.2.0/24': 1, '2001:db8::/32': 2 });
    const systems = rangesOf({ '192.0.2.128/25': 64_500, '2001:db8:8000::/33': 64_501 });
    const { table, countries: byPosition } = createOriginTable(countries, systems);
    const at = (position: number) => [byPosition[position], table.values[position]];
    expect(at(findV4(table, 0xc0000201))).toEqual([1, 0]);
    expect(at(findV4(table, 0xc00002ff))).toEqual([1, 64_500]);
    expect(at(findV4(table, 0xc0000300))).toEqual([0, 0]);
    expect(at(findV6(table, 0x20010db8, 0, 0, 1))).toEqual([2, 0]);
    expect(at(findV6(table, 0x20010db8, 0x80000000, 0, 1))).toEqual([2, 64_501]);
    const empty = createOriginTable(NO_RANGES, NO_RANGES);
    expect(empty.table.values).toEqual(Uint32Array.of(0, 0));
  });

  test('the embedded one knows well-known addresses and none that are reserved', () => {
    const data = readEmbeddedOrigins();
    const { table, countries } = createOriginTable(data.countries, data.systems);
    const systemOf = (address: number) => table.values[findV4(table, address)];
    const countryOf = (address: number) => countries[findV4(table, address)];
    expect(systemOf(0x08080808)).toBe(15_169);
    expect(countryOf(0xc1006401)).not.toBe(0);
    // ripe.net
    expect(countryOf(0xc1000616)).toBe(countryNumber('NL'));
    expect(table.values[findV6(table, 0x20014860, 0x48600000, 0, 0x8888)]).toBe(15_169);
    for (const reserved of [0x0a000001, 0xac1f0001, 0xc0a80101, 0x7f000001, 0x64400001, 0xe0000001]) {
      expect([systemOf(reserved), countryOf(reserved)]).toEqual([0, 0]);
    }
    expect(countries[findV6(table, 0x20010db8, 0, 0, 1)]).toBe(0);
    const names = createAsNames(data.asNumbers, data.asNames);
    expect(asNameOf(names, 15_169)).toMatch(/Google/);
    expect(data.description.attribution).toMatch(/https:\/\/db-ip\.com/);
  });
});
