/**
 * The whole state of the view, kept in the URL so that a copied address shows the same thing.
 *
 * `v=1` names the version of the parameters; a reader of a later version can translate older addresses.
 * What the URL does not say, or says wrongly, takes its default.
 */
import type { MeasureName } from './api/contract.ts';
import { type GroupBy, isGroupBy } from './flows/dimension.ts';

const VERSION = '1';

export const RANGES = ['5m', '15m', '1h', '6h', '24h'] as const;
export type RangeName = (typeof RANGES)[number];

/** A window that ends now and moves, or a fixed one (ms since the epoch, `to` exclusive). */
export type TimeRange = { kind: 'last'; last: RangeName } | { kind: 'fixed'; from: number; to: number };

export interface ViewState {
  range: TimeRange;
  filter: string;
  /** Dimension of the chart. */
  by: GroupBy;
  /** Dimension of the top talkers. */
  top: GroupBy;
  measure: MeasureName;
}

export const DEFAULT_VIEW: ViewState = {
  range: { kind: 'last', last: '15m' },
  filter: '',
  by: 'protocol',
  top: 'srcAddr',
  measure: 'octets',
};

const MEASURES: readonly MeasureName[] = ['octets', 'packets', 'flows'];

export function parseViewState(search: string): ViewState {
  const parameters = new URLSearchParams(search);
  const version = parameters.get('v');
  if (version !== null && version !== VERSION) return DEFAULT_VIEW;
  const by = parameters.get('by') ?? '';
  const top = parameters.get('top') ?? '';
  const measure = MEASURES.find((name) => name === parameters.get('measure'));
  return {
    range: parseRange(parameters),
    filter: parameters.get('filter') ?? '',
    by: isGroupBy(by) ? by : DEFAULT_VIEW.by,
    top: isGroupBy(top) ? top : DEFAULT_VIEW.top,
    measure: measure ?? DEFAULT_VIEW.measure,
  };
}

/** The inverse of `parseViewState`: defaults are left out, the version is always there. */
export function formatViewState(view: ViewState): string {
  const parameters = new URLSearchParams({ v: VERSION });
  if (view.range.kind === 'fixed') {
    parameters.set('from', String(view.range.from));
    parameters.set('to', String(view.range.to));
  } else if (view.range.last !== '15m') {
    parameters.set('last', view.range.last);
  }
  if (view.filter !== '') parameters.set('filter', view.filter);
  for (const name of ['by', 'top', 'measure'] as const) {
    if (view[name] !== DEFAULT_VIEW[name]) parameters.set(name, view[name]);
  }
  return `?${parameters}`;
}

function parseRange(parameters: URLSearchParams): TimeRange {
  const from = Number(parameters.get('from') ?? Number.NaN);
  const to = Number(parameters.get('to') ?? Number.NaN);
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && from < to) {
    return { kind: 'fixed', from, to };
  }
  const last = RANGES.find((name) => name === parameters.get('last'));
  return last === undefined ? DEFAULT_VIEW.range : { kind: 'last', last };
}
