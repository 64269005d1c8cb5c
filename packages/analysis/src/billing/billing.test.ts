import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BillingAccount, billingScopes, checkBillingAccount } from './billing-account.ts';
import { type BillingPlan, billedOctets, chargeOf, OCTETS_PER_MBIT } from './billing-charge.ts';
import { discardedBins, percentileOf } from './billing-percentile.ts';
import { periodAt, periodBefore, periodNamed } from './billing-period.ts';
import { commitDistance } from './commit-distance.ts';
import {
  addAmounts,
  amountDifference,
  currencyPlaces,
  formatDecimal,
  fractionOf,
  parseDecimal,
  rounded,
  times,
} from './decimal.ts';

const plan: BillingPlan = {
  kind: 'percentile',
  measure: 'greater',
  percentile: 95,
  convention: 'nearest-rank',
  currency: 'EUR',
  commit: '10',
  rate: '1.10',
  fee: '0',
};
const mbits = (...values: number[]): number[] => values.map((value) => value * OCTETS_PER_MBIT);

describe('the percentile', () => {
  test('by hand: of 8,640 bins 432 are left out, and the next one counts', () => {
    const bins = Array.from({ length: 8640 }, (_, index) => index + 1);
    expect(discardedBins(8640, 95, 'nearest-rank')).toBe(432);
    expect(percentileOf(bins.toReversed(), 95)).toBe(8208);
    expect(percentileOf([7, 3, 9, 1], 95)).toBe(9);
    expect(
      percentileOf(
        Array.from({ length: 20 }, (_, index) => index),
        95,
      ),
    ).toBe(18);
    expect(percentileOf([], 95)).toBe(0);
  });

  test('is the first value that at most 5 % of all bins exceed', () => {
    const bins = fc.array(fc.nat(50), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(bins, fc.integer({ min: 50, max: 99 }), (values, percentile) => {
        const found = percentileOf(values, percentile);
        const above = (limit: number) => values.filter((value) => value > limit).length;
        const allowed = (values.length * (100 - percentile)) / 100;
        expect(above(found)).toBeLessThanOrEqual(allowed);
        const lower = values.filter((value) => value < found);
        if (lower.length > 0) expect(above(Math.max(...lower))).toBeGreaterThan(allowed);
      }),
    );
  });

  test('conventions differ by one bin at most, and for whole months of 28, 30 and 31 days not at all', () => {
    for (const days of [28, 30, 31]) {
      expect(discardedBins(days * 288, 95, 'rrdtool')).toBe(discardedBins(days * 288, 95, 'nearest-rank'));
    }
    expect(discardedBins(29 * 288, 95, 'nearest-rank')).toBe(417);
    expect(discardedBins(29 * 288, 95, 'rrdtool')).toBe(418);
    for (let count = 1; count < 9000; count++) {
      const difference = discardedBins(count, 95, 'rrdtool') - discardedBins(count, 95, 'nearest-rank');
      expect(Math.abs(difference)).toBeLessThanOrEqual(1);
    }
  });
});

describe('money', () => {
  test('is exact where binary fractions are not', () => {
    const [tenth, three] = [parseDecimal('0.1', 'rate'), parseDecimal('3', 'rate')];
    expect(formatDecimal(rounded(times(fractionOf(tenth), fractionOf(three)), 2))).toBe('0.30');
    expect(formatDecimal(rounded({ numerator: 5n, denominator: 1000n }, 2))).toBe('0.01');
    expect(formatDecimal(rounded({ numerator: 4999n, denominator: 1_000_000n }, 2))).toBe('0.00');
    expect([currencyPlaces('EUR'), currencyPlaces('JPY'), currencyPlaces('KWD')]).toEqual([2, 0, 3]);
    expect(() => parseDecimal('1,5', 'rate')).toThrow('rate is "1,5"; it must be a number such as 12.50');
    expect(() => currencyPlaces('euro')).toThrow('three capital letters');
  });

  test('reads back what it writes, whatever the places', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.integer({ min: 0, max: 6 }), (units, scale) => {
        const text = formatDecimal({ units, scale });
        expect(formatDecimal({ units: BigInt(text.replace('.', '')), scale })).toBe(text);
        expect(text.split('.')[1]?.length ?? 0).toBe(scale);
      }),
    );
  });

  test('of corrections may be negative', () => {
    expect(amountDifference('12.50', '13.25')).toBe('-0.75');
    expect(addAmounts(['-0.75', '0.75', '1'])).toBe('1.00');
    expect(addAmounts([])).toBe('0');
  });

  test('by hand: commit 10 Mbit/s at 1.10, 12.345679 used', () => {
    const bins = { in: [462_962_962], out: mbits(1) };
    expect(chargeOf(bins, plan)).toEqual({
      unit: 'Mbit/s',
      billed: '12.345679',
      currency: 'EUR',
      lines: [
        { label: 'commit', quantity: '10.000000', rate: '1.10', amount: '11.00' },
        { label: 'overage', quantity: '2.345679', rate: '1.10', amount: '2.58' },
      ],
      total: '13.58',
    });
    const dear = chargeOf(bins, { ...plan, overageRate: '2' });
    expect(dear.lines[1]).toMatchObject({ rate: '2', amount: '4.69' });
    expect(chargeOf({ in: [0], out: [0] }, plan).total).toBe('11.00');
  });

  test('volume is by GB of all octets, flat is a fee and what is above the commit', () => {
    const bins = { in: [2_500_000_000, 0], out: [1_000_000_000, 1_000_000_000] };
    const volume = chargeOf(bins, { ...plan, kind: 'volume', measure: 'merged', commit: '4', rate: '0.25' });
    expect(volume).toMatchObject({ unit: 'GB', billed: '4.500000', total: '1.13' });
    const flat: BillingPlan = {
      ...plan,
      kind: 'flat',
      measure: 'in',
      fee: '49.90',
      commit: '60',
      rate: '0',
      overageRate: '3',
    };
    expect(chargeOf(bins, flat).lines).toEqual([
      { label: 'fee', quantity: '1', rate: '49.90', amount: '49.90' },
      { label: 'overage', quantity: '6.666667', rate: '3', amount: '20.00' },
    ]);
    expect(chargeOf(bins, { ...flat, currency: 'JPY' }).total).toBe('70');
  });
});

describe('measures', () => {
  const bins = { in: mbits(5, 1, 1), out: mbits(1, 4, 4) };
  test.each([
    ['in', 5],
    ['out', 4],
    ['merged', 6],
    ['greater', 5],
  ] as const)('%s', (measure, expected) => {
    expect(billedOctets(bins, { ...plan, measure }) / OCTETS_PER_MBIT).toBe(expected);
  });
});

describe('periods', () => {
  const vienna = { startDay: 1, timeZone: 'Europe/Vienna' };
  test('are months of their zone; a change of the clock makes them an hour shorter or longer', () => {
    const october = periodNamed('2026-10', vienna)!;
    expect((october.toMs - october.fromMs) / 300_000).toBe(31 * 288 + 12);
    expect(periodAt(october.fromMs, vienna)).toEqual(october);
    expect(periodAt(october.fromMs - 1, vienna).name).toBe('2026-09');
    expect(periodBefore(periodNamed('2026-01', vienna)!, vienna).name).toBe('2025-12');
    expect(periodNamed('2026-13', vienna)).toBeUndefined();
  });

  test('follow each other without a gap, and every instant is in its own', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Vienna', 'America/Sao_Paulo', 'Asia/Kathmandu');
    const calendars = fc.record({ startDay: fc.integer({ min: 1, max: 28 }), timeZone: zones });
    fc.assert(
      fc.property(
        calendars,
        fc.integer({ min: Date.UTC(2005, 0, 1), max: Date.UTC(2035, 0, 1) }),
        (calendar, at) => {
          const period = periodAt(at, calendar);
          expect(period.fromMs).toBeLessThanOrEqual(at);
          expect(period.toMs).toBeGreaterThan(at);
          expect(periodNamed(period.name, calendar)).toEqual(period);
          expect(periodBefore(period, calendar).toMs).toBe(period.fromMs);
          expect(period.fromMs % 300_000).toBe(0);
        },
      ),
    );
  });
});

describe('the distance to the commit', () => {
  test('of 100 bins five may be above it', () => {
    const past = { in: mbits(20, 20, 20, 1, 1), out: mbits(0, 0, 0, 0, 0) };
    expect(commitDistance(past, plan, 100)).toMatchObject({
      binsPast: 5,
      binsLeft: 95,
      allowedAbove: 5,
      binsAbove: 3,
      soFar: 20,
      atLeast: 0,
      state: 'within',
      mayUseMbit: 10,
    });
    const six = { in: mbits(20, 20, 20, 20, 20, 20), out: mbits(0, 0, 0, 0, 0, 0) };
    expect(commitDistance(six, plan, 100)).toMatchObject({ atLeast: 20, state: 'exceeded', mayUseMbit: 0 });
    const end = { in: [...mbits(20, 20), ...Array(97).fill(0)], out: Array(99).fill(0) };
    expect(commitDistance(end, plan, 100).mayUseMbit).toBe(Number.POSITIVE_INFINITY);
  });

  test('whoever keeps to it is billed no more than the commit, whoever exceeds it by one bin is', () => {
    const bins = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(bins, fc.integer({ min: 1, max: 60 }), (past, more) => {
        const at = { in: mbits(...past), out: mbits(...past.map(() => 0)) };
        const distance = commitDistance(at, plan, past.length + more);
        const free = Math.max(0, distance.allowedAbove! - distance.binsAbove!);
        const rest = (above: number) =>
          Array.from({ length: more }, (_, index) =>
            index < above ? 25 : Math.min(25, distance.mayUseMbit),
          );
        const billed = (values: number[]) =>
          billedOctets({ in: mbits(...past, ...values), out: mbits(...past, ...values).fill(0) }, plan) /
          OCTETS_PER_MBIT;
        if (distance.state === 'exceeded') expect(billed(rest(0))).toBeGreaterThan(10);
        else expect(billed(rest(Math.min(more, free)))).toBeLessThanOrEqual(10);
        if (distance.state !== 'exceeded' && free < more) expect(billed(rest(free + 1))).toBeGreaterThan(10);
      }),
    );
  });

  test('of a volume, what is left is spread over the bins that are left', () => {
    const volume: BillingPlan = { ...plan, kind: 'volume', measure: 'merged', commit: '4' };
    const past = { in: [1_000_000_000], out: [0] };
    expect(commitDistance(past, volume, 11)).toMatchObject({
      soFar: 1,
      expected: 11,
      mayUseMbit: 8,
      state: 'within',
    });
    const month = { in: Array(864).fill(4_000_000), out: Array(864).fill(0) };
    expect(commitDistance(month, volume, 8640)).toMatchObject({ state: 'expected' });
  });
});

describe('accounts', () => {
  const account: BillingAccount = {
    id: 'acme',
    name: 'Acme',
    filter: '',
    direction: { by: 'networks', networks: ['192.0.2.0/24', '2001:db8::/32'] },
    plan,
    calendar: { startDay: 1, timeZone: 'UTC' },
  };

  test('say by filters what comes in and goes out', () => {
    checkBillingAccount(account);
    const list = '(192.0.2.0/24, 2001:db8::/32)';
    expect(billingScopes(account).in).toEqual({
      filter: `dstAddr in ${list} and not srcAddr in ${list}`,
      deduplicated: true,
    });
    const direction = { by: 'interface', exporter: '192.0.2.1', ifIndex: 3, meters: 'both' } as const;
    checkBillingAccount({ ...account, filter: 'tcp', direction });
    expect(billingScopes({ filter: 'tcp', direction }).out).toEqual({
      filter: '(tcp) and (exporter = 192.0.2.1 and outIf = 3 and direction = egress)',
      deduplicated: false,
    });
  });

  test('are refused with what is allowed', () => {
    const wrong = (change: Partial<BillingAccount>) => () => checkBillingAccount({ ...account, ...change });
    expect(wrong({ direction: { by: 'networks', networks: ['192.0.2.0/40'] } })).toThrow(
      '192.0.2.0/24 would be',
    );
    expect(wrong({ direction: { by: 'networks', networks: [] } })).toThrow('at least one');
    expect(wrong({ filter: 'prot tcp' })).toThrow();
    expect(wrong({ calendar: { startDay: 31, timeZone: 'UTC' } })).toThrow('1 to 28');
    expect(wrong({ calendar: { startDay: 1, timeZone: 'Europe/Wien' } })).toThrow('no time zone');
    expect(wrong({ plan: { ...plan, commit: 'ten' } })).toThrow('commit is "ten"');
    expect(wrong({ plan: { ...plan, currency: 'eur' } })).toThrow('currency');
  });
});
