import { useMemo } from 'react';
import { useApi } from '../api/use-api.ts';
import { formatQuantity } from '../format/quantity.ts';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { Panel } from '../widgets/panel.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';
import type { BaselineResponse } from './subject-contract.ts';
import type { SubjectKind } from './subject-link.tsx';

const HOUR_MS = 3_600_000;

interface BaselinePanelProps {
  kind: SubjectKind;
  value: string;
  onZoom: (from: number, to: number) => void;
}

/** The last week by the hour against what is usual; says how much is known. */
export function BaselinePanel({ kind, value, onZoom }: BaselinePanelProps) {
  const answer = useApi<BaselineResponse>(['profile/baseline', { kind, key: value }]);
  const { data } = answer;
  const model = useMemo(() => modelOf(data), [data]);
  if (data === undefined || answer.error !== null || data.key !== value) return null;
  const isDrawn = data.hours.some(({ value: octets }) => octets !== null);
  return (
    <Panel title="Against what is usual" note={data.note}>
      {isDrawn ? (
        <>
          <div className="relative h-44">
            <TimeChart
              label={`Traffic of ${value} by the hour, and what is usual`}
              model={model}
              onZoom={onZoom}
            />
          </div>
          <p className="border-line border-t px-3.5 py-2 text-ink-faint text-xs">
            The week up to the last finished hour. Dashed: the median of the same hours before, where they are
            known.
          </p>
        </>
      ) : (
        <p className="px-3.5 py-3 text-ink-soft text-xs">Nothing of it was learned in the last week.</p>
      )}
    </Panel>
  );
}

function modelOf(data: BaselineResponse | undefined): ChartModel {
  const hours = data?.hours ?? [];
  const rate = (octets: number | null) => ((octets ?? 0) * 8000) / HOUR_MS;
  const usual = hours.some(({ median }) => median !== null);
  return {
    times: hours.map(({ hourMs }) => hourMs),
    from: hours[0]?.hourMs ?? 0,
    to: (hours.at(-1)?.hourMs ?? 0) + HOUR_MS,
    stepMs: HOUR_MS,
    kind: 'bars',
    lines: [
      {
        id: 'value',
        name: 'Carried',
        colour: '--series-blue',
        values: hours.map(({ value }) => rate(value)),
      },
    ],
    ...(usual ? { overlay: { name: 'Usual', values: hours.map(({ median }) => rate(median)) } } : {}),
    formatValue: (value) => formatQuantity(value, 'b/s'),
    highlighted: undefined,
  };
}
