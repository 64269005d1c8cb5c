/** A history with its forecast as a chart, and as words. */
import { formatQuantity } from '../format/quantity.ts';
import type { TrendModel } from '../widgets/trend-engine.ts';
import type { CapacityDetail, CapacitySummary, Outlook, WayHistory } from './capacity-contract.ts';

export const rateText = (mbit: number | null): string =>
  mbit === null ? '–' : formatQuantity(mbit * 1e6, 'b/s');
export const shareText = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(0)} %`;

/** Behind the last day as far ahead as is shown: half of what is behind, so that the past stays readable. */
const AHEAD_MIN = 30;

export function trendModel(detail: CapacityDetail, history: WayHistory): TrendModel {
  const ahead = history.forecast.slice(0, Math.max(AHEAD_MIN, Math.ceil(history.days.length / 2)));
  const days = [...history.days.map(({ day }) => day), ...ahead.map(({ day }) => day)];
  const by = <Row extends { day: string }>(rows: readonly Row[], value: (row: Row) => number | null) => {
    const known = new Map(rows.map((row) => [row.day, value(row)]));
    return days.map((day) => known.get(day) ?? null);
  };
  const line = [...history.fitted, ...ahead];
  const { speedMbit, thresholdPercent } = detail;
  return {
    times: days.map((day) => Date.parse(day)),
    lines: [
      {
        name: '95th percentile of the day',
        colour: '--series-blue',
        values: by(history.days, (row) => (row.complete ? row.p95 : null)),
      },
      {
        name: 'Expected',
        colour: '--series-indigo',
        values: by(line, ({ expected }) => expected),
        dashed: true,
      },
    ],
    band:
      ahead.length === 0
        ? undefined
        : {
            name: `${Math.round(detail.bandShare * 100)} % of days`,
            colour: '--series-indigo',
            lower: by(ahead, ({ lower }) => lower),
            upper: by(ahead, ({ upper }) => upper),
          },
    limits:
      speedMbit === null
        ? []
        : [
            {
              name: `${thresholdPercent} % of the speed`,
              value: (speedMbit * thresholdPercent) / 100,
              colour: '--warn',
            },
            { name: 'Speed', value: speedMbit, colour: '--drop' },
          ],
    formatValue: (value) => formatQuantity(value * 1e6, 'b/s'),
  };
}

/** When it is full, in a few words. */
export function outlookText(outlook: Outlook): string {
  const { state, crossing, daysUsed, daysNeeded, horizonDays } = outlook;
  if (state === 'short') return `not enough history: ${daysUsed} days, needs ${daysNeeded}`;
  if (state === 'noSpeed' || crossing === null) return 'no speed is set';
  return crossing.expected ?? `not within ${horizonDays} days`;
}

/** The earlier of both directions; what is missing when neither is known. */
export function subjectOutlook({ in: into, out }: CapacitySummary): string {
  const days = [into, out]
    .map(({ outlook }) => outlook.crossing?.expected ?? null)
    .filter((day) => day !== null);
  return days.sort()[0] ?? outlookText(into.outlook);
}

/** A sentence or two of what a forecast says. */
export function forecastSentence(outlook: Outlook, thresholdPercent: number): string {
  if (outlook.state === 'short') {
    return `Not enough history: ${outlook.daysUsed} whole days, needs ${outlook.daysNeeded}. Every day adds one.`;
  }
  const { growthPerDay, growthLower, growthUpper, crossing, horizonDays, daysUsed, weekly } = outlook;
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${formatQuantity(Math.abs(value) * 1e6, 'b/s')}`;
  const growth = `Grows by ${signed(growthPerDay)} a day (${signed(growthLower)} to ${signed(growthUpper)}), from ${daysUsed} days${weekly ? ', days of the week told apart' : ''}.`;
  if (crossing === null) return `${growth} Set its speed to see when it is full.`;
  if (crossing.expected === null) {
    const worst = crossing.earliest === null ? '' : `, at the upper end of the band on ${crossing.earliest}`;
    return `${growth} Does not reach ${thresholdPercent} % in the next ${horizonDays} days${worst}.`;
  }
  const from = crossing.earliest ?? crossing.expected;
  const to = crossing.latest === null ? `not within ${horizonDays} days` : crossing.latest;
  return `${growth} Reaches ${thresholdPercent} % on ${crossing.expected} (earliest ${from}, latest ${to}).`;
}
