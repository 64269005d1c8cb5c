import { expect, test } from 'vitest';
import { parseFilter } from './filter-parser.ts';
import { narrowSides } from './narrow-sides.ts';

const fieldsOf = (filter: string) =>
  narrowSides(parseFilter(filter))?.sides.map((side) => ('field' in side ? side.field : side.kind));

test('few addresses in either column are asked for one after the other', () => {
  expect(fieldsOf('host 10.0.0.1')).toEqual(['srcAddr', 'dstAddr']);
  expect(fieldsOf('host 10.0.0.1 and proto tcp and bytes > 5')).toEqual(['srcAddr', 'dstAddr']);
  expect(fieldsOf('net 10.0.0.0/24')).toEqual(['srcAddr', 'dstAddr']);
  expect(fieldsOf('host 2001:db8::1')).toEqual(['srcAddr', 'dstAddr']);
  expect(narrowSides(parseFilter('host 10.0.0.1'))?.rest).toEqual({ kind: 'all' });
  expect(narrowSides(parseFilter('port 80 and host 10.0.0.1'))?.rest).toEqual(parseFilter('port 80'));
});

test('whatever one look answers, or many rows meet, is asked for at once', () => {
  for (const filter of ['', 'src host 10.0.0.1', 'net 10.0.0.0/8', 'port 80', 'not host 10.0.0.1'])
    expect(fieldsOf(filter)).toBeUndefined();
  expect(fieldsOf('host 10.0.0.1 or proto tcp')).toBeUndefined();
  expect(fieldsOf('net 2001:db8::/32')).toBeUndefined();
});
