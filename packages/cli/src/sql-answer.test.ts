import { expect, test } from 'vitest';
import { csvText, sqlAnswerTable } from './sql-answer.ts';

test('numbers are at the right, texts at the left, under their names', () => {
  const rows = [
    { host: '10.0.0.1', octets: 5, more: null },
    { host: '::1', octets: 12345, more: { a: 1 } },
  ];
  expect(sqlAnswerTable(['host', 'octets', 'more'], rows)).toBe(
    'host      octets  more\n10.0.0.1       5\n::1        12345  {"a":1}\n',
  );
  expect(sqlAnswerTable(['a'], [])).toBe('no rows\n');
});

test('a spreadsheet runs no cell', () => {
  const rows = [{ a: '=1+1', b: -5, c: 'x,"y"' }];
  expect(csvText(['a', 'b', 'c'], rows)).toBe(`a,b,c\n'=1+1,-5,"x,""y"""\n`);
});
