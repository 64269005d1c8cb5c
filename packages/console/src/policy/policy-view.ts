/** The part of the address bar that is the policy page's own. */
import type { Outcome } from '@weir/analysis';
import type { ViewCodec } from '../view-state.ts';
import { CELL_STATES, type CellState } from './outcome-look.tsx';

export interface PolicyView {
  tab: 'matrix' | 'rules' | 'edit';
  /** Only cells that have it. */
  state: CellState | undefined;
  /** The cell that is open; empty: none. */
  source: string;
  destination: string;
  outcome: Outcome | undefined;
  service: string | undefined;
}

const stateNamed = (name: string | null): CellState | undefined =>
  CELL_STATES.find((state) => state === name);

export const POLICY_VIEW: ViewCodec<PolicyView> = {
  parse: (parameters) => {
    const tab = parameters.get('tab');
    const outcome = stateNamed(parameters.get('outcome'));
    return {
      tab: tab === 'rules' || tab === 'edit' ? tab : 'matrix',
      state: stateNamed(parameters.get('state')),
      source: parameters.get('source') ?? '',
      destination: parameters.get('destination') ?? '',
      outcome: outcome === 'missing' ? undefined : outcome,
      service: parameters.get('service') ?? undefined,
    };
  },
  write: ({ tab, state, source, destination, outcome, service }, parameters) => {
    if (tab !== 'matrix') parameters.set('tab', tab);
    if (state !== undefined) parameters.set('state', state);
    if (source !== '') parameters.set('source', source);
    if (destination !== '') parameters.set('destination', destination);
    if (outcome !== undefined) parameters.set('outcome', outcome);
    if (service !== undefined) parameters.set('service', service);
  },
};
