import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDimension, parseDimension } from './dimension.ts';
import { renderSql } from './duckdb-dialect.ts';
import { FIELDS, fieldNamed, formatFieldValue } from './field.ts';
import { FilterError } from './filter-expression.ts';
import { automaticStepMs, formatCursor, parseCursor, parseQueryPlan } from './query-plan.ts';

const RANGE = { fromMs: 1000, toMs: 61_000 };

describe('dimensions', () => {
  test('a name is one field', () => {
    const names = FIELDS.flatMap((field) => [field.name, ...field.aliases]).map((name) => name.toLowerCase());
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test.each([
    ['srcAddr', { name: 'srcAddr' }],
    ['SRCIP/24', { name: 'srcAddr', prefixLength: 24, prefixLength6: 48 }],
    ['dstAddr/48', { name: 'dstAddr', prefixLength: 32, prefixLength6: 48 }],
    ['nextHop/16/40', { name: 'nextHop', prefixLength: 16, prefixLength6: 40 }],
    ['proto', { name: 'protocol' }],
  ])('%s', (text, dimension) => expect(parseDimension(text)).toEqual(dimension));

  test.each([
    'octets',
    'srcPort/8',
    'srcAddr/129',
    'srcAddr/40/50',
    'srcAddr/a',
    'nope',
    'srcAddr/1/2/3',
    '',
  ])('%s is none', (text) => expect(parseDimension(text)).toBeUndefined());

  test('text and dimension are inverse', () => {
    const length = fc.integer({ min: 0, max: 32 });
    fc.assert(
      fc.property(length, fc.integer({ min: 0, max: 128 }), (prefixLength, prefixLength6) => {
        const dimension = { name: 'srcAddr', prefixLength, prefixLength6 };
        expect(parseDimension(formatDimension(dimension))).toEqual(dimension);
      }),
    );
  });

  test('values read well', () => {
    expect(formatFieldValue(fieldNamed('protocol')!, 6)).toBe('tcp');
    expect(formatFieldValue(fieldNamed('protocol')!, 253)).toBe('253');
    expect(formatFieldValue(fieldNamed('tcpFlags')!, 0x1b)).toBe('...AP.SF');
    expect(formatFieldValue(fieldNamed('endReason')!, 2)).toBe('activeTimeout');
    expect(formatFieldValue(fieldNamed('srcPort')!, null)).toBe('');
  });
});

describe('parseQueryPlan', () => {
  test('fills in defaults', () => {
    expect(parseQueryPlan({ kind: 'groups', timeRange: RANGE, groupBy: ['srcAddr/24'] })).toEqual({
      kind: 'groups',
      timeRange: RANGE,
      groupBy: [{ name: 'srcAddr', prefixLength: 24, prefixLength6: 48 }],
      orderBy: 'octets',
      descending: true,
      limit: 10,
    });
  });

  test('a parsed plan parses to itself', () => {
    const plan = parseQueryPlan({ kind: 'series', timeRange: RANGE, groupBy: ['protocol', 'dstAddr/48'] });
    expect(parseQueryPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  test.each([
    [null, 'the plan is null'],
    [{ kind: 'x', timeRange: RANGE }, 'kind is "x"'],
    [{ kind: 'groups' }, 'timeRange is missing'],
    [
      { kind: 'groups', timeRange: { fromMs: 2, toMs: 1 } },
      'ends (1970-01-01T00:00:00.001Z) before it begins',
    ],
    [{ kind: 'groups', timeRange: { fromMs: '2', toMs: 1 } }, 'timeRange.fromMs is "2"'],
    [
      { kind: 'groups', timeRange: RANGE, groupBy: ['foo'] },
      'no dimension "foo" (allowed: srcAddr, dstAddr, ',
    ],
    [{ kind: 'groups', timeRange: RANGE, groupBy: ['octets'] }, 'cannot be grouped by'],
    [{ kind: 'groups', timeRange: RANGE, groupBy: ['srcAddr', 'srcip'] }, 'twice'],
    [{ kind: 'groups', timeRange: RANGE, limit: 0 }, 'limit is 0'],
    [{ kind: 'groups', timeRange: RANGE, orderBy: 'x' }, 'a measure such as octets, packets, flows'],
    [{ kind: 'series', timeRange: { fromMs: 0, toMs: 1e9 }, stepMs: 1 }, 'steps'],
    [{ kind: 'records', timeRange: RANGE, cursor: 'x' }, 'cursor is "x"'],
    [{ kind: 'records', timeRange: RANGE, filter: 3 }, 'filter is 3'],
  ])('%j: %s', (input, message) => {
    expect(() => parseQueryPlan(input)).toThrow(message);
  });

  test('a wrong filter is a FilterError', () => {
    expect(() => parseQueryPlan({ kind: 'records', timeRange: RANGE, filter: 'foo' })).toThrow(FilterError);
  });

  test('steps are round and of about the wanted number', () => {
    expect(automaticStepMs({ fromMs: 0, toMs: 3_600_000 })).toBe(30_000);
    expect(automaticStepMs({ fromMs: 0, toMs: 60_000 })).toBe(1000);
    expect(automaticStepMs({ fromMs: 0, toMs: 30 * 86_400_000 })).toBe(21_600_000);
  });

  test('cursor', () => {
    expect(parseCursor(formatCursor({ beforeMs: 5, skip: 3 }))).toEqual({ beforeMs: 5, skip: 3 });
    expect(parseCursor("1.2; DROP TABLE x'")).toBeUndefined();
  });
});

describe('renderSql', () => {
  test('texts of a filter stay inside their quotes', () => {
    const text = "x' OR '1'='1";
    const { sql } = renderSql(
      parseQueryPlan({ kind: 'records', timeRange: RANGE, filter: `source = "${text}"` }),
    );
    expect(sql).toContain("'x'' OR ''1''=''1'");
  });

  test('no join without a dimension of the exporter', () => {
    const plan = { kind: 'groups', timeRange: RANGE, filter: 'exporter 192.0.2.1', groupBy: ['srcAddr'] };
    expect(renderSql(parseQueryPlan(plan)).sql).not.toContain('JOIN');
    expect(renderSql(parseQueryPlan({ ...plan, groupBy: ['source'] })).sql).toContain('JOIN exporters');
  });
});
