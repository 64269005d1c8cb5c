/**
 * The whole state of a view, kept in the URL so that a copied address shows the same thing.
 *
 * `v=1` names the version of the parameters; a reader of a later version can translate older addresses.
 * What the URL does not say, or says wrongly, takes its default. All pages share the time, the filter and the
 * time zone; each page has parameters of its own, which its codec reads and writes.
 */
const VERSION = '1';

/** Lengths that the time picker offers; an address may hold any other, such as `90s` or `3d`. */
export const RANGES = ['5m', '15m', '1h', '6h', '24h', '7d', '30d'] as const;
const RANGE_DEFAULT = '15m';
const RANGE_FORM = /^([1-9]\d{0,5})([smhd])$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A window that ends now and moves, or a fixed one (ms since the epoch, `to` exclusive). */
export type TimeRange = { kind: 'last'; last: string } | { kind: 'fixed'; from: number; to: number };

export type TimeZone = 'local' | 'utc';

/** What every page has in common. */
export interface SharedView {
  range: TimeRange;
  filter: string;
  zone: TimeZone;
}

/** How a page keeps its own part of the state in the URL. `write` leaves out what `parse` would assume. */
export interface ViewCodec<Own> {
  parse(parameters: URLSearchParams): Own;
  write(own: Own, parameters: URLSearchParams): void;
}

export const DEFAULT_SHARED: SharedView = {
  range: { kind: 'last', last: RANGE_DEFAULT },
  filter: '',
  zone: 'local',
};

/** For pages without a state of their own. */
export const NO_OWN_STATE: ViewCodec<object> = { parse: () => ({}), write: () => {} };

export function parseView<Own extends object>(search: string, codec: ViewCodec<Own>): SharedView & Own {
  const given = new URLSearchParams(search);
  const version = given.get('v');
  const parameters = version === null || version === VERSION ? given : new URLSearchParams();
  return {
    ...codec.parse(parameters),
    range: parseRange(parameters),
    filter: parameters.get('filter') ?? '',
    zone: parameters.get('tz') === 'utc' ? 'utc' : 'local',
  };
}

/** The inverse of `parseView`: defaults are left out, the version is always there. */
export function formatView<Own extends object>(view: SharedView & Own, codec: ViewCodec<Own>): string {
  const parameters = new URLSearchParams({ v: VERSION });
  writeRange(view.range, parameters);
  if (view.filter !== '') parameters.set('filter', view.filter);
  if (view.zone === 'utc') parameters.set('tz', 'utc');
  codec.write(view, parameters);
  return `?${parameters}`;
}

/** How long a range is, in ms. */
export function rangeLengthMs(range: TimeRange): number {
  if (range.kind === 'fixed') return range.to - range.from;
  const [, count = '15', unit = 'm'] = RANGE_FORM.exec(range.last) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? 0);
}

/** The range as [from, to) in ms, seen from `nowMs`. */
export function rangeBounds(range: TimeRange, nowMs: number): { from: number; to: number } {
  return range.kind === 'fixed' ? range : { from: nowMs - rangeLengthMs(range), to: nowMs };
}

/** The range moved by its own length, back (-1) or on (1); one that would end in the future follows now. */
export function shiftedRange(range: TimeRange, direction: -1 | 1, nowMs: number): TimeRange {
  const { from, to } = rangeBounds(range, nowMs);
  const shift = direction * (to - from);
  if (to + shift > nowMs)
    return range.kind === 'last' ? range : (lastRange(to - from) ?? fixedEnding(to - from, nowMs));
  return { kind: 'fixed', from: Math.round(from + shift), to: Math.round(to + shift) };
}

/** The range twice as long around its middle, never beyond now. */
export function widenedRange(range: TimeRange, nowMs: number): TimeRange {
  const { from, to } = rangeBounds(range, nowMs);
  const half = (to - from) / 2;
  if (range.kind === 'last') return lastRange(4 * half) ?? fixedEnding(4 * half, nowMs);
  const end = Math.min(nowMs, to + half);
  return { kind: 'fixed', from: Math.round(Math.max(0, end - 4 * half)), to: Math.round(end) };
}

const fixedEnding = (lengthMs: number, nowMs: number): TimeRange => ({
  kind: 'fixed',
  from: Math.round(Math.max(0, nowMs - lengthMs)),
  to: Math.round(nowMs),
});

/** `last` in the largest unit that is whole; undefined when the length is no whole number of seconds. */
function lastRange(lengthMs: number): TimeRange | undefined {
  for (const unit of ['d', 'h', 'm', 's']) {
    const count = lengthMs / (UNIT_MS[unit] ?? 1);
    if (Number.isInteger(count) && !(unit === 'd' && count === 1)) {
      const last = `${count}${unit}`;
      return RANGE_FORM.test(last) ? { kind: 'last', last } : undefined;
    }
  }
  return undefined;
}

function parseRange(parameters: URLSearchParams): TimeRange {
  const from = Number(parameters.get('from') ?? Number.NaN);
  const to = Number(parameters.get('to') ?? Number.NaN);
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to) {
    return { kind: 'fixed', from, to };
  }
  const last = parameters.get('last') ?? '';
  return RANGE_FORM.test(last) ? { kind: 'last', last } : DEFAULT_SHARED.range;
}

function writeRange(range: TimeRange, parameters: URLSearchParams): void {
  if (range.kind === 'fixed') {
    parameters.set('from', String(range.from));
    parameters.set('to', String(range.to));
  } else if (range.last !== RANGE_DEFAULT) {
    parameters.set('last', range.last);
  }
}
