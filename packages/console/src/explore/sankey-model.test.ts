import { expect, test } from 'vitest';
import { sankeyOf } from './sankey-model.ts';

test('a value on both sides is two nodes, equal pairs are one link, nothing is no link', () => {
  const rows = [
    { a: '10.0.0.1', b: '10.0.0.1', c: 6, octets: 5 },
    { a: '10.0.0.1', b: '10.0.0.1', c: 17, octets: 2 },
    { a: null, b: '10.0.0.1', c: 6, octets: 1 },
    { a: '10.0.0.9', b: '10.0.0.9', c: 6, octets: 0 },
  ];
  const { nodes, links } = sankeyOf(['a', 'b', 'c'], rows, (row) => Number(row['octets']));
  expect(nodes.map(({ column, value }) => [column, value])).toEqual([
    [0, '10.0.0.1'],
    [1, '10.0.0.1'],
    [2, 6],
    [2, 17],
    [0, null],
  ]);
  expect(links.map(({ value }) => value)).toEqual([7, 6, 2, 1]);
});
