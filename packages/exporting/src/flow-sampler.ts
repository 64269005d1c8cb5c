/** Which flow records of a stream are exported: one in so many (RFC 5475 sections 5.1 and 5.2.2.1). */
import type { Sampling } from './profile-collector.ts';

export interface FlowSampler {
  readonly sampling: Sampling;
  /** Flow records that were asked about, and those that were selected. */
  readonly observed: number;
  readonly selected: number;
  /** Whether the next flow record is exported. */
  select(): boolean;
}

/** `random` gives from 0 to less than 1. */
export function createFlowSampler(sampling: Sampling, random: () => number): FlowSampler {
  const { kind, interval } = sampling;
  let observed = 0;
  let selected = 0;
  return {
    sampling,
    get observed() {
      return observed;
    },
    get selected() {
      return selected;
    },
    select() {
      const isSelected = kind === 'random' ? random() * interval < 1 : observed % interval === 0;
      observed += 1;
      if (isSelected) selected += 1;
      return isSelected;
    },
  };
}
