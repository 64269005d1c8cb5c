import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvCell, csvLine } from './csv.ts';

test('what needs quotes is quoted, formulas are disarmed, numbers stay', () => {
  expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', null, -5, true, Number.NaN])).toBe(
    'a,"b,c","d""e","f\ng",,-5,true,',
  );
  expect(csvLine(['=1+1', '+1', '-x', '@SUM(A1)', '\tx', '-1.5'])).toBe("'=1+1,'+1,'-x,'@SUM(A1),'\tx,-1.5");
  expect(csvCell([1, 'a'])).toBe('"[1,""a""]"');
});

test('whatever a name from the wire is, it stays one cell and no formula', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const cell = csvCell(text);
      const content = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
      expect(content.replace(/^'(?=[=+\-@\t\r])/, '')).toBe(text);
      if (!/^-\d+(\.\d+)?$/.test(content)) expect(content).not.toMatch(/^[=+\-@\t\r]/);
    }),
  );
});
