import { expect, test } from 'vitest';
import { HalfSipHash } from './half-siphash.ts';

function hashOf(key: readonly [number, number], words: readonly number[]): string {
  const hash = new HalfSipHash(key[0], key[1]);
  hash.digest(Int32Array.from(words), words.length);
  return `${hash.low >>> 0} ${hash.high >>> 0}`;
}

test('depends on key, words, their order and their number, and on nothing else', () => {
  const seen = new Set([
    hashOf([1, 2], [1, 2, 3]),
    hashOf([1, 3], [1, 2, 3]),
    hashOf([2, 2], [1, 2, 3]),
    hashOf([1, 2], [1, 3, 2]),
    hashOf([1, 2], [1, 2, 3, 0]),
    hashOf([1, 2], []),
  ]);
  expect(seen.size).toBe(6);
  expect(hashOf([1, 2], [1, 2, 3])).toBe(hashOf([1, 2], [1, 2, 3]));
});

test('one bit of input changes half of the output', () => {
  let changed = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    const [a = 0, b = 0] = hashOf([5, 6], [0, 0]).split(' ').map(Number);
    const [c = 0, d = 0] = hashOf([5, 6], [1 << bit, 0])
      .split(' ')
      .map(Number);
    changed += bitsOf(a ^ c) + bitsOf(b ^ d);
  }
  expect(changed / 32).toBeGreaterThan(26);
  expect(changed / 32).toBeLessThan(38);
});

function bitsOf(word: number): number {
  return (word >>> 0).toString(2).replaceAll('0', '').length;
}
