import type { MeasureName } from '../api/contract.ts';
import { type GroupBy, isGroupBy } from '../flows/dimension.ts';
import type { ViewCodec } from '../view-state.ts';

export interface OverviewView {
  /** Dimension of the chart. */
  by: GroupBy;
  /** Dimension of the top talkers. */
  top: GroupBy;
  measure: MeasureName;
}

const DEFAULTS: OverviewView = { by: 'protocol', top: 'srcAddr', measure: 'octets' };
const MEASURES: readonly MeasureName[] = ['octets', 'packets', 'flows'];

export const OVERVIEW_VIEW: ViewCodec<OverviewView> = {
  parse(parameters) {
    const by = parameters.get('by') ?? '';
    const top = parameters.get('top') ?? '';
    return {
      by: isGroupBy(by) ? by : DEFAULTS.by,
      top: isGroupBy(top) ? top : DEFAULTS.top,
      measure: MEASURES.find((name) => name === parameters.get('measure')) ?? DEFAULTS.measure,
    };
  },
  write(own, parameters) {
    for (const name of ['by', 'top', 'measure'] as const) {
      if (own[name] !== DEFAULTS[name]) parameters.set(name, own[name]);
    }
  },
};
