/** What a history says: utilisation, growth, forecast, and when a threshold is reached. */
import {
  BAND_SHARE,
  crossingOf,
  DAYS_NEEDED,
  type Forecast,
  forecastOf,
  hourOfWeekProfile,
  type ShortHistory,
} from '@weir/analysis';
import { BINS_OF_WHOLE_DAY, DAY_MS } from './capacity-history.ts';
import type {
  CapacityDetail,
  CapacitySettings,
  CapacitySubject,
  CapacitySummary,
} from './capacity-schema.ts';

type Way = 'in' | 'out';
type Outlook = CapacitySummary['in']['outlook'];

/** A day costs some milliseconds of forecasting: kept until there is a new one. */
const forecasts = new WeakMap<CapacitySubject['days'], Partial<Record<Way, Forecast | ShortHistory>>>();

function forecastFor({ days }: CapacitySubject, way: Way): Forecast | ShortHistory {
  const known = forecasts.get(days) ?? {};
  forecasts.set(days, known);
  known[way] ??= forecastOf(
    days.map((each) => ({ day: each.day, value: each.bins >= BINS_OF_WHOLE_DAY ? each[way].p95 : null })),
  );
  return known[way];
}

const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);
const dayTextOrNull = (day: number | null): string | null => (day === null ? null : dayText(day));

/** The speed that the user gave: of a link without one, the sum of its interfaces when all have one. */
export function speedOf(
  subject: Pick<CapacitySubject, 'kind' | 'key' | 'exporter' | 'ifIndex'>,
  settings: CapacitySettings,
): number | null {
  const ofInterface = (exporter: string, ifIndex: number | null): number | null =>
    settings.interfaces.find((each) => each.exporter === exporter && each.ifIndex === ifIndex)?.speedMbit ??
    null;
  if (subject.kind === 'interface') return ofInterface(subject.exporter, subject.ifIndex);
  if (subject.kind === 'exporter') {
    return settings.exporters.find(({ exporter }) => exporter === subject.exporter)?.speedMbit ?? null;
  }
  const link = settings.links.find(({ id }) => `link:${id}` === subject.key);
  if (link === undefined) return null;
  if (link.speedMbit !== undefined) return link.speedMbit;
  const speeds = link.members.map(({ exporter, ifIndex }) => ofInterface(exporter, ifIndex));
  return speeds.some((speed) => speed === null)
    ? null
    : speeds.reduce<number>((sum, speed) => sum + (speed ?? 0), 0);
}

export function summaryOf(subject: CapacitySubject, settings: CapacitySettings): CapacitySummary {
  const speedMbit = speedOf(subject, settings);
  const last = subject.days.at(-1);
  const way = (name: Way): CapacitySummary['in'] => {
    const figures = last?.[name];
    return {
      p95: figures?.p95 ?? null,
      max: figures?.max ?? null,
      mean: figures?.mean ?? null,
      utilisation: figures === undefined || speedMbit === null ? null : figures.p95 / speedMbit,
      outlook: outlookOf(forecastFor(subject, name), speedMbit, settings.thresholdPercent),
    };
  };
  return {
    key: subject.key,
    kind: subject.kind,
    name: nameOf(subject, settings),
    exporter: subject.exporter,
    ifIndex: subject.ifIndex,
    speedMbit,
    days: subject.days.length,
    lastDay: last === undefined ? null : dayText(last.day),
    in: way('in'),
    out: way('out'),
    filter: filterOf(subject, settings),
  };
}

function nameOf(subject: CapacitySubject, { interfaces, links }: CapacitySettings): string {
  const link = links.find(({ id }) => `link:${id}` === subject.key);
  if (link !== undefined) return link.name;
  const given = interfaces.find(
    ({ exporter, ifIndex }) => exporter === subject.exporter && ifIndex === subject.ifIndex,
  );
  if (given !== undefined && given.name !== '') return given.name;
  if (subject.name !== '') return subject.name;
  return subject.kind === 'exporter' ? subject.exporter : `interface ${subject.ifIndex}`;
}

function filterOf(subject: CapacitySubject, { links }: CapacitySettings): string {
  const of = (exporter: string, ifIndex: number | null) =>
    `exporter = ${exporter} and (inIf = ${ifIndex} or outIf = ${ifIndex})`;
  if (subject.kind === 'interface') return of(subject.exporter, subject.ifIndex);
  if (subject.kind === 'exporter') return `exporter = ${subject.exporter}`;
  const members = links.find(({ id }) => `link:${id}` === subject.key)?.members ?? [];
  return members.map(({ exporter, ifIndex }) => `(${of(exporter, ifIndex)})`).join(' or ');
}

function outlookOf(found: Forecast | ShortHistory, speed: number | null, thresholdPercent: number): Outlook {
  const none = {
    weekly: false,
    growthPerDay: 0,
    growthLower: 0,
    growthUpper: 0,
    crossing: null,
    horizonDays: 0,
  };
  if (found.kind === 'short') {
    return { ...none, state: 'short', daysUsed: found.days, daysNeeded: found.needed };
  }
  const crossing = speed === null ? null : crossingOf(found, (speed * thresholdPercent) / 100);
  return {
    state: speed === null ? 'noSpeed' : 'forecast',
    daysUsed: found.daysUsed,
    daysNeeded: DAYS_NEEDED,
    weekly: found.weekly,
    growthPerDay: found.growthPerDay,
    growthLower: found.growthLower,
    growthUpper: found.growthUpper,
    crossing:
      crossing === null
        ? null
        : {
            expected: dayTextOrNull(crossing.expected),
            earliest: dayTextOrNull(crossing.earliest),
            latest: dayTextOrNull(crossing.latest),
          },
    horizonDays: found.days.length,
  };
}

export function detailOf(subject: CapacitySubject, settings: CapacitySettings): CapacityDetail {
  const way = (name: Way): CapacityDetail['series']['in'] => {
    const found = forecastFor(subject, name);
    const asText = (list: Forecast['days']) => list.map((each) => ({ ...each, day: dayText(each.day) }));
    return {
      days: subject.days.map((each) => ({
        day: dayText(each.day),
        ...each[name],
        complete: each.bins >= BINS_OF_WHOLE_DAY,
      })),
      fitted: found.kind === 'short' ? [] : asText(found.fitted),
      forecast: found.kind === 'short' ? [] : asText(found.days),
      profile: hourOfWeekProfile(subject.hours.firstHour, subject.hours[name]),
      weekdayEffects: found.kind === 'short' ? [] : [...found.weekdayEffects],
    };
  };
  return {
    ...summaryOf(subject, settings),
    thresholdPercent: settings.thresholdPercent,
    bandShare: BAND_SHARE,
    series: { in: way('in'), out: way('out') },
  };
}
