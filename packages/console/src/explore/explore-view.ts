import { formatDimension, parseDimension } from '@weir/analysis';
import type { MeasureName } from '../api/contract.ts';
import type { ViewCodec } from '../view-state.ts';

export const CHART_KINDS = ['stacked', 'lines', 'grid', 'sankey', 'heatmap', 'table'] as const;
export type ExploreChart = (typeof CHART_KINDS)[number];

export const UNITS = ['bps', 'pps', 'fps', 'share'] as const;
export type ExploreUnit = (typeof UNITS)[number];

export const LIMITS = [5, 10, 20, 50] as const;

export interface ExploreView {
  /** Dimensions, in order. At least one. */
  by: readonly string[];
  chart: ExploreChart;
  unit: ExploreUnit;
  limit: number;
  /** The total of the period before lies over the chart. */
  previous: boolean;
  /** The other direction is drawn downwards. */
  both: boolean;
}

const DEFAULTS: ExploreView = {
  by: ['srcAddr'],
  chart: 'stacked',
  unit: 'bps',
  limit: 10,
  previous: false,
  both: false,
};
export const DIMENSIONS_MAX = 6;

export const EXPLORE_VIEW: ViewCodec<ExploreView> = {
  parse(parameters) {
    const limit = Number(parameters.get('top'));
    return {
      by: parseDimensions(parameters.get('by') ?? ''),
      chart: CHART_KINDS.find((kind) => kind === parameters.get('chart')) ?? DEFAULTS.chart,
      unit: UNITS.find((unit) => unit === parameters.get('unit')) ?? DEFAULTS.unit,
      limit: LIMITS.find((each) => each === limit) ?? DEFAULTS.limit,
      previous: parameters.get('before') === '1',
      both: parameters.get('both') === '1',
    };
  },
  write(own, parameters) {
    if (own.by.join() !== DEFAULTS.by.join()) parameters.set('by', own.by.join(','));
    if (own.chart !== DEFAULTS.chart) parameters.set('chart', own.chart);
    if (own.unit !== DEFAULTS.unit) parameters.set('unit', own.unit);
    if (own.limit !== DEFAULTS.limit) parameters.set('top', String(own.limit));
    if (own.previous) parameters.set('before', '1');
    if (own.both) parameters.set('both', '1');
  },
};

/** Dimensions that the language knows, each once, in their canonical spelling. */
function parseDimensions(text: string): readonly string[] {
  const known = text.split(',').flatMap((part) => {
    const dimension = parseDimension(part);
    return dimension === undefined ? [] : [formatDimension(dimension)];
  });
  const distinct = [...new Set(known)].slice(0, DIMENSIONS_MAX);
  return distinct.length === 0 ? DEFAULTS.by : distinct;
}

/** The list with the entry at `from` put to `to`. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const next = [...list];
  const [entry] = next.splice(from, 1);
  if (entry !== undefined) next.splice(Math.max(0, Math.min(to, next.length)), 0, entry);
  return next;
}

/** What ranks the groups for a unit. */
export const measureOf = (unit: ExploreUnit): MeasureName =>
  unit === 'pps' ? 'packets' : unit === 'fps' ? 'flows' : 'octets';
