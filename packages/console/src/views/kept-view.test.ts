import { expect, test } from 'vitest';
import { movedTile, proposedTitle, sameAddress, splitAddress, withoutTile } from './kept-view.ts';

const tile = (title: string) => ({ title, address: '/explore', wide: false });
const titles = (tiles: readonly { title: string }[]) => tiles.map(({ title }) => title).join('');

test('an address is split at its first question mark', () => {
  expect(splitAddress('/explore?v=1&filter=a?b')).toMatchObject({ path: '/explore' });
  expect(splitAddress('/')).toEqual({ path: '/', search: '' });
});

test('the order of parameters does not matter, their values do', () => {
  expect(sameAddress('/explore?v=1&by=a&top=5', '/explore?top=5&by=a')).toBe(true);
  expect(sameAddress('/explore?by=a', '/explore?by=b')).toBe(false);
  expect(sameAddress('/explore', '/flows')).toBe(false);
});

test('tiles change places and go', () => {
  const tiles = ['a', 'b', 'c'].map(tile);
  expect(titles(movedTile(tiles, 0, 1))).toBe('bac');
  expect(titles(movedTile(tiles, 0, -1))).toBe('abc');
  expect(titles(movedTile(tiles, 2, 1))).toBe('abc');
  expect(titles(withoutTile(tiles, 1))).toBe('ac');
});

test('a tile is called after what it shows', () => {
  expect(proposedTitle('/explore?v=1&by=srcAddr,dstPort&filter=port%2053')).toBe('srcAddr, dstPort, port 53');
  expect(proposedTitle('/explore')).toBe('srcAddr');
});
