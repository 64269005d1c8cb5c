import { describe, expect, test } from 'vitest';
import { formatView, parseView } from '../view-state.ts';
import { allColumns, COLUMNS_WIDE, recordColumn, recordValue } from './record-column.ts';
import { csvRecord, jsonRecord } from './record-export.ts';
import { RECORDS_VIEW } from './records-view.ts';

const RECORD = {
  flowStart: '2026-05-03T10:00:00.000Z',
  flowEnd: '2026-05-03T10:00:02.000Z',
  srcAddr: '10.0.0.1',
  octets: 1000,
  packets: 10,
  icmpTypeCode: 0x0803,
  forwardingStatus: 0x80,
  '9/12235': 'x',
};

describe('fields of a record', () => {
  test('are as given, or calculated from others', () => {
    const names = [
      'srcAddr',
      'duration',
      'bps',
      'pps',
      'bpp',
      'icmpType',
      'icmpCode',
      'forwardingState',
      'ipVersion',
    ];
    expect(names.map((name) => recordValue(RECORD, name))).toEqual([
      '10.0.0.1',
      2000,
      4000,
      5,
      100,
      8,
      3,
      2,
      4,
    ]);
  });

  test('are null where the record has them not', () => {
    for (const name of [...COLUMNS_WIDE, 'bps', 'icmpType', 'nonsense', '__proto__', 'constructor']) {
      expect(recordValue(Object.create(null), name)).toBeNull();
    }
  });

  test('that nobody foresaw have columns too', () => {
    expect(allColumns([RECORD])).toContain('9/12235');
    expect(recordColumn('9/12235')).toMatchObject({ kind: 'value', title: '9 /12235' });
  });
});

describe('export', () => {
  test('has the columns that are seen', () => {
    expect(csvRecord(RECORD, ['srcAddr', 'dstAddr', 'octets'])).toBe('10.0.0.1,,1000\r\n');
    expect(jsonRecord(RECORD, ['srcAddr', 'dstAddr', 'octets'])).toBe(
      '{"srcAddr":"10.0.0.1","octets":1000}\n',
    );
  });
});

test('columns and tail are kept in the URL', () => {
  const view = parseView('?v=1&cols=srcAddr,9/12235&tail=1', RECORDS_VIEW);
  expect(view).toMatchObject({ columns: ['srcAddr', '9/12235'], tail: true });
  expect(parseView(formatView(view, RECORDS_VIEW), RECORDS_VIEW)).toEqual(view);
  expect(parseView('?cols=', RECORDS_VIEW).columns).toEqual(parseView('', RECORDS_VIEW).columns);
});
