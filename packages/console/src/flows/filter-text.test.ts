import { matchesFilter, parseFilter } from '@weir/analysis';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkFilter } from './filter-check.ts';
import { filterTerm, withTerm } from './filter-text.ts';

describe('filter text', () => {
  test.each([
    ['srcAddr', '10.0.0.1', 'srcAddr = 10.0.0.1'],
    ['dstAddr', '2001:db8::1', 'dstAddr = 2001:db8::1'],
    ['dstPort', 443, 'dstPort = 443'],
    ['protocol', 6, 'protocol = 6'],
    ['exporter', 'local', 'exporter = "local"'],
    ['direction', 1, 'direction = 1'],
  ])('a click on %s %s says %s, which can be read', (dimension, value, term) => {
    expect(filterTerm(dimension, value)).toBe(term);
    expect(checkFilter(term)).toBeUndefined();
  });

  test('what a record did not have cannot be asked for', () => {
    expect(filterTerm('dstPort', null)).toBeUndefined();
  });

  test('is not repeated', () => {
    const once = withTerm('tcp', 'dstPort = 443');
    expect(once).toBe('tcp and dstPort = 443');
    expect(withTerm(once, 'dstPort = 443')).toBe(once);
  });

  test('holds together with what was there before, alternatives included', () => {
    const filters = fc.constantFrom(
      '',
      'tcp',
      'port 1 or port 2',
      '(port 1) or (port 2)',
      'not (udp or tcp)',
      'host 10.0.0.1',
    );
    const records = fc.record({
      srcPort: fc.integer({ min: 1, max: 3 }),
      dstPort: fc.integer({ min: 1, max: 3 }),
      protocol: fc.constantFrom(6, 17),
      srcAddr: fc.constantFrom('10.0.0.1', '10.0.0.2'),
      dstAddr: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    });
    fc.assert(
      fc.property(filters, fc.boolean(), records, (filter, exclude, record) => {
        const term = filterTerm('dstPort', 2, exclude) ?? '';
        const both = matchesFilter(parseFilter(withTerm(filter, term)), record);
        const each = matchesFilter(parseFilter(filter), record) && (record.dstPort === 2) !== exclude;
        expect(both).toBe(each);
      }),
    );
  });

  test('a mistake has its place and what was expected', () => {
    expect(checkFilter('port = x')).toEqual({
      position: 7,
      message: expect.stringMatching(/position 8.*a number/),
    });
  });
});
