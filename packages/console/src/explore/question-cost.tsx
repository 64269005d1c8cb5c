import { useState } from 'react';
import type { Parameters } from '../api/client.ts';
import type { QueryResponse } from '../api/contract.ts';
import { useApi } from '../api/use-api.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatDuration } from '../format/time.ts';
import { rangeLengthMs, type TimeRange } from '../view-state.ts';
import { PLAIN_BUTTON, PRIMARY_BUTTON } from '../widgets/form.tsx';

/** Shorter questions are answered from memory and a few files: nobody has to be asked. */
const ASKED_FROM_MS = 6 * 3_600_000;
/** Whoever waits longer wants to have been warned. */
const HEAVY_MS = 5_000;

type PlanSource = NonNullable<QueryResponse['source']>;

interface Estimate extends PlanSource {
  expectedMs: number;
}

export interface QuestionCost {
  /** `unknown`: the estimate is on its way; nothing is asked before it is here. */
  state: 'free' | 'unknown' | 'heavy';
  estimate: Estimate | undefined;
  /** Asks the question all the same. */
  run: () => void;
}

/** What a ranking over a long time would cost, before it is asked. */
export function useQuestionCost(asked: Parameters, range: TimeRange, enabled: boolean): QuestionCost {
  const [accepted, setAccepted] = useState<string>();
  const key = JSON.stringify(asked);
  const concerns = enabled && rangeLengthMs(range) >= ASKED_FROM_MS && accepted !== key;
  const answer = useApi<Estimate>(['query/estimate', asked], { enabled: concerns });
  const run = () => setAccepted(key);
  const estimate = answer.data;
  if (!concerns || answer.error !== null) return { state: 'free', estimate, run };
  if (estimate === undefined || answer.isPlaceholderData) return { state: 'unknown', estimate, run };
  return { state: estimate.expectedMs > HEAVY_MS ? 'heavy' : 'free', estimate, run };
}

interface HeavyQuestionProps {
  cost: QuestionCost;
  onNarrow: (range: TimeRange) => void;
}

/** The question is not asked yet: what it would read, and what there is to choose. */
export function HeavyQuestion({ cost, onNarrow }: HeavyQuestionProps) {
  const { estimate } = cost;
  if (estimate === undefined) return null;
  return (
    <div className="space-y-3 px-4 py-6" data-testid="heavy-question">
      <p className="font-semibold text-base">
        This question would read {formatOctets(estimate.octets)}: about {formatDuration(estimate.expectedMs)}.
      </p>
      <p className="text-ink-soft">
        {formatCount(estimate.rows)} rows; {estimate.why}. Fewer dimensions, a shorter time or a filter on
        fields that roll-ups have make it quick. Collecting goes on meanwhile, and leaving the page stops it.
      </p>
      <div className="flex flex-wrap gap-2">
        <button type="button" className={PRIMARY_BUTTON} onClick={cost.run}>
          Run it
        </button>
        {(['24h', '6h', '1h'] as const).map((last) => (
          <button
            key={last}
            type="button"
            className={PLAIN_BUTTON}
            onClick={() => onNarrow({ kind: 'last', last })}
          >
            Last {last}
          </button>
        ))}
      </div>
    </div>
  );
}
