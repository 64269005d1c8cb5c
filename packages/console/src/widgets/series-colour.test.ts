import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignColours, OTHER_COLOUR, SERIES_COLOURS } from './series-colour.ts';

const FIXED = { tcp: '--series-blue', udp: '--series-amber' };

describe('colours of lines', () => {
  test('a fixed key has its colour, whoever came before', () => {
    const previous = new Map([['gre', '--series-blue']]);
    const colours = assignColours(['gre', 'tcp'], previous, FIXED);
    expect(colours.get('tcp')).toBe('--series-blue');
    expect(colours.get('gre')).not.toBe('--series-blue');
  });

  test('no two lines share a colour, and lines that stay keep theirs', () => {
    const keys = fc.uniqueArray(fc.constantFrom(...'abcdefghijkl'), { maxLength: SERIES_COLOURS.length });
    fc.assert(
      fc.property(keys, keys, (first, second) => {
        const before = assignColours(first, new Map());
        const after = assignColours(second, before);
        expect(new Set(after.values()).size).toBe(second.length);
        for (const key of second) if (before.has(key)) expect(after.get(key)).toBe(before.get(key));
      }),
    );
  });

  test('more lines than colours share the colour of all others', () => {
    const colours = assignColours([...'abcdefghij'], new Map());
    expect([colours.get('i'), colours.get('j')]).toEqual([OTHER_COLOUR, OTHER_COLOUR]);
  });
});
