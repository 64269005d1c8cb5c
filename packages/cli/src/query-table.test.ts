import { type AnswerKind, type AnswerRow, parseQueryPlan } from '@weir/analysis';
import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { durationText, scaledText, shareText } from './quantity-text.ts';
import { planOfOptions } from './query-plan-options.ts';
import { tableOfAnswer } from './query-table.ts';

const RANGE = { fromMs: 0, toMs: 3_600_000 };
const PLAIN = { width: undefined, colours: false };
const kinds: Readonly<Record<string, AnswerKind>> = {
  srcAddr: 'address',
  rule: 'text',
  time: 'timeMs',
  other: 'boolean',
};
const answer = (names: readonly string[], ...rows: AnswerRow[]) => ({
  columns: names.map((name) => ({ name, kind: kinds[name] ?? 'number' })),
  rows,
});

describe('tables', () => {
  test('groups: units, shares, names of values', () => {
    const plan = parseQueryPlan({ kind: 'groups', timeRange: RANGE, groupBy: ['srcAddr', 'protocol'] });
    const rows = [
      {
        srcAddr: '10.0.0.1',
        protocol: 6,
        octets: 1_234_567_890,
        packets: 1_000_000,
        flows: 12,
        bps95: 999_600,
      },
      { srcAddr: '2001:db8::1', protocol: 17, octets: 5, packets: 1, flows: 1, bps95: 0 },
    ];
    const total = { octets: 2_469_135_780, packets: 1, flows: 1 };
    const names = ['srcAddr', 'protocol', 'octets', 'packets', 'flows', 'bps95'];
    expect(tableOfAnswer(plan, answer(names, ...rows), { ...PLAIN, total })).toEqual([
      'srcAddr      protocol   octets  packets  flows      bps95   share',
      '10.0.0.1     tcp       1.23 GB   1.00 M     12  1.00 Mb/s  50.0 %',
      '2001:db8::1  udp           5 B        1      1      0 b/s  <0.1 %',
    ]);
  });

  test('a narrow terminal cuts the widest texts first', () => {
    const plan = parseQueryPlan({ kind: 'groups', timeRange: RANGE, groupBy: ['rule'] });
    const rows = [{ rule: 'allow-everything-to-everybody', octets: 1, packets: 1, flows: 1 }];
    const lines = tableOfAnswer(plan, answer(['rule', 'octets', 'packets', 'flows'], ...rows), {
      ...PLAIN,
      width: 40,
    });
    expect(lines.every((line) => line.length <= 40)).toBe(true);
    expect(lines[1]).toMatch(/^allow-every.*… +1 B +1 +1$/);
  });

  test('a series: all others, and bars', () => {
    const plan = parseQueryPlan({ kind: 'series', timeRange: RANGE, groupBy: ['protocol'], stepMs: 60_000 });
    const time = new Date(60_000).toISOString();
    const lines = tableOfAnswer(
      plan,
      answer(
        ['time', 'protocol', 'other', 'octets', 'packets', 'flows'],
        { time, protocol: 6, other: false, octets: 4000, packets: 4, flows: 1 },
        { time, protocol: null, other: true, octets: 1000, packets: 1, flows: 1 },
      ),
      PLAIN,
    );
    expect(lines[1]).toMatch(/ tcp .* 4\.00 kB .*█{24}$/);
    expect(lines[2]).toMatch(/ all others .*█{6}$/);
  });

  test('records and sessions', () => {
    const record = {
      flowStart: '2026-05-03T10:00:00.000Z',
      flowEnd: '2026-05-03T10:00:01.500Z',
      receivedAt: '2026-05-03T10:00:02.000Z',
      srcAddr: '2001:db8::1',
      srcPort: 50_000,
      dstAddr: '10.0.0.2',
      dstPort: 443,
      protocol: 6,
      tcpFlags: 0x1b,
      octets: 1500,
      packets: 3,
      srcUser: 'ada',
      dstUser: null,
    };
    const records = tableOfAnswer(
      parseQueryPlan({ kind: 'records', timeRange: RANGE }),
      answer([], record),
      PLAIN,
    );
    expect(records[0]).toMatch(
      /^start +duration +proto +source +destination +flags +packets +octets +srcUser$/,
    );
    expect(records[1]).toMatch(
      /1\.5 s +tcp +\[2001:db8::1\]:50000 +10\.0\.0\.2:443 +\.\.\.AP\.SF +3 +1\.50 kB +ada$/,
    );
    const none = tableOfAnswer(parseQueryPlan({ kind: 'sessions', timeRange: RANGE }), answer([]), PLAIN);
    expect(none).toEqual(['no sessions in this time range']);
  });

  test('quantities', () => {
    expect([0, 7, 999, 999.6, 1000, 12_345, 1.5e9, 9.999e6, 2e21].map((value) => scaledText(value))).toEqual([
      '0',
      '7',
      '999',
      '1.00 k',
      '1.00 k',
      '12.3 k',
      '1.50 G',
      '10.0 M',
      '2000 E',
    ]);
    expect([3, 59_900, 65_000, 7_380_000, 273_600_000].map(durationText)).toEqual([
      '3 ms',
      '59.9 s',
      '1m 05s',
      '2h 03m',
      '3d 04h',
    ]);
    expect([0, 0.0001, 0.5].map(shareText)).toEqual(['0.0 %', '<0.1 %', '50.0 %']);
  });
});

describe('options', () => {
  const NOW = 1_777_777_777_000;
  const plan = (options: object, filter = '') =>
    planOfOptions(filter, { last: '1h', ...options }, () => undefined, NOW);

  test('what is asked for', () => {
    expect(plan({})).toMatchObject({
      kind: 'records',
      timeRange: { fromMs: NOW - 3_600_000, toMs: NOW },
      limit: 10,
    });
    expect(plan({ by: 'host,dport', order: 'bytes', asc: true })).toMatchObject({
      kind: 'groups',
      groupBy: [{ name: 'host' }, { name: 'dstPort' }],
      orderBy: 'octets',
      descending: false,
    });
    expect(plan({ measures: 'bps95', orderBy: 'flows' })).toMatchObject({
      kind: 'groups',
      groupBy: [],
      orderBy: 'flows',
    });
    expect(plan({ series: true, by: 'protocol', step: '5m', dedup: true })).toMatchObject({
      kind: 'series',
      stepMs: 300_000,
      deduplicated: true,
    });
    expect(plan({ sessions: true, order: 'duration', sampled: true })).toMatchObject({
      kind: 'sessions',
      orderBy: 'duration',
      scaled: true,
    });
    expect(plan({ from: '2h ago', to: '1h ago' }).timeRange).toEqual({
      fromMs: NOW - 7_200_000,
      toMs: NOW - 3_600_000,
    });
  });

  test.each([
    [{ series: true, sessions: true }, /cannot go together/],
    [{ sessions: true, by: 'host' }, /--by does not go with --sessions/],
    [{ by: 'hosst' }, /did you mean "host"/],
    [{ by: 'host', order: 'bp95' }, /did you mean "bps95"/],
    [{ by: 'srcAddr', order: 'octetsSent' }, /either side/],
    [{ previous: true }, /--previous needs/],
    [{ from: 'soon' }, /--from: 'soon' is no time/],
    [{ top: '0' }, /--top/],
    [{ by: 'host', from: '1h ago', to: '2h ago' }, /ends .* before it begins/],
  ])('%j is refused', (options, message) => {
    expect(() => plan(options)).toThrow(message);
    expect(() => plan(options)).toThrow(UserError);
  });

  test('a wrong filter shows where', () => {
    expect(() => plan({}, 'tcp and prot 6')).toThrow(/did you mean.*\n {2}tcp and prot 6\n {10}\^/s);
  });
});
