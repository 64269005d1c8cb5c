import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBothWays, hostileDatagrams } from './fuzz-datagram.test-support.ts';

describe('fuzzed datagrams', () => {
  test('both readers survive, agree on rows and problems, and make no row out of nothing', () => {
    fc.assert(
      fc.property(hostileDatagrams, (datagrams) => {
        const result = decodeBothWays(datagrams);
        expect(result.rowCount).toBe(result.recordCount);
        expect(result.rowProblems).toEqual(result.recordProblems);
        expect(result.rowCount).toBeLessThanOrEqual(result.octets);
      }),
      { numRuns: 3000 },
    );
  });

  test('octets without any structure', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(1, 5, 7, 9, 10, 0), (bytes, version) => {
        if (bytes.length >= 2) bytes.set([0, version]);
        const result = decodeBothWays([bytes]);
        expect(result.rowCount).toBeLessThanOrEqual(result.octets);
      }),
      { numRuns: 3000 },
    );
  });
});
