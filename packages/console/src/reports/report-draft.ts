/** A report while it is edited, and in words. */
import type { ReportRequest, ReportRun, ReportSection } from './report-contract.ts';

export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

export const SECTION_TITLES: Readonly<Record<ReportSection['kind'], string>> = {
  talkers: 'Top talkers',
  traffic: 'Traffic over time',
  drops: 'Drops by rule',
  alerts: 'Alerts',
  policy: 'Policy summary',
  billing: 'Billing statement',
  capacity: 'Capacity',
};

export function newSection(kind: ReportSection['kind']): ReportSection {
  switch (kind) {
    case 'talkers':
      return { kind, by: ['srcAddr'], filter: '', orderBy: 'octets', limit: 10 };
    case 'traffic':
      return { kind, by: [], filter: '', limit: 5 };
    case 'drops':
      return { kind, filter: '', limit: 10 };
    case 'billing':
      return { kind, account: '' };
    default:
      return { kind };
  }
}

export function newReport(timeZone: string): ReportRequest {
  return {
    name: '',
    enabled: true,
    schedule: { every: 'weekly', weekday: 1, day: 1, minute: 420, timeZone },
    sections: [newSection('traffic'), newSection('talkers'), newSection('drops'), newSection('alerts')],
    formats: ['pdf'],
    sendTo: [],
    keep: 12,
  };
}

/** `07:00` as minutes; undefined when it is no time of day. */
export function minuteOf(text: string): number | undefined {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim());
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2]);
}

export const timeText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** `every Monday at 07:00 (Europe/Vienna)`. */
export function scheduleText({ enabled, schedule }: Pick<ReportRequest, 'enabled' | 'schedule'>): string {
  if (!enabled) return 'by hand only';
  const { every, weekday, day, minute, timeZone } = schedule;
  const when =
    every === 'daily'
      ? 'every day'
      : every === 'weekly'
        ? `every ${WEEKDAYS[weekday]}`
        : `on day ${day} of every month`;
  return `${when} at ${timeText(minute)} (${timeZone})`;
}

/** What became of a run's mail. */
export function deliveryText({ state, delivery }: ReportRun): string {
  if (state === 'failed') return 'not made';
  switch (delivery.state) {
    case 'none':
      return 'kept';
    case 'sent':
      return `sent to ${delivery.to.join(', ')}`;
    case 'waiting':
      return `not sent yet (attempt ${delivery.attempts}): ${delivery.error}`;
    case 'givenUp':
      return `given up after ${delivery.attempts} attempts: ${delivery.error}`;
  }
}
