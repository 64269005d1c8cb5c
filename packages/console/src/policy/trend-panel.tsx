import { useApi } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatAgo } from '../format/time.ts';
import { Panel } from '../widgets/panel.tsx';
import { LOOKS } from './outcome-look.tsx';
import type { PolicyResponse, TrendDay } from './policy-contract.ts';

const LINES = ['violation', 'unexplained', 'dropped'] as const;
const DAYS_SHOWN = 60;

/** What the watch of the policy found each day. */
export function TrendPanel({ watch }: { watch: PolicyResponse['watch'] }) {
  const trend = useApi<{ days: TrendDay[] }>(['policy/trend', { days: DAYS_SHOWN }]);
  const days = trend.data?.days ?? [];
  return (
    <Panel
      title="Day by day"
      note={watch.judgedToMs === null ? undefined : `judged ${formatAgo(watch.judgedToMs, Date.now())}`}
    >
      {watch.lastFailure !== null && <p className="px-3.5 py-2 text-drop">▲ {watch.lastFailure}</p>}
      {days.length === 0 ? (
        <p className="px-3.5 py-3 text-ink-soft">
          Every five minutes what arrived is held against the policy and summed up by day, and violations
          become alerts. The first sums are here soon.
        </p>
      ) : (
        <div className="grid grid-cols-1 gap-x-6 gap-y-3 px-3.5 py-3 md:grid-cols-3">
          {LINES.map((line) => (
            <Bars key={line} days={days} line={line} />
          ))}
        </div>
      )}
    </Panel>
  );
}

function Bars({ days, line }: { days: readonly TrendDay[]; line: (typeof LINES)[number] }) {
  const { title, sign, ink } = LOOKS[line];
  const values = days.map(({ totals }) => totals[line].connections);
  const highest = Math.max(1, ...values);
  const last = values.at(-1) ?? 0;
  return (
    <figure className="min-w-0">
      <figcaption className="flex items-baseline gap-2 text-xs">
        <span aria-hidden="true" className={ink}>
          {sign}
        </span>
        <span className="font-semibold">{title}</span>
        <span className="figures ml-auto text-ink-soft">
          {formatCount(last)} on {days.at(-1)?.day}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${Math.max(days.length, 14) * 10} 40`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title}, connections a day: ${days.map(({ day }, index) => `${day} ${values[index]}`).join(', ')}`}
        className={`mt-1 h-12 w-full ${ink}`}
      >
        {days.map(({ day, version }, index) => {
          const height = ((values[index] ?? 0) / highest) * 36;
          return (
            <rect
              key={day}
              x={index * 10 + 1}
              y={40 - Math.max(height, 0.75)}
              width="8"
              height={Math.max(height, 0.75)}
              fill="currentColor"
            >
              <title>{`${day}: ${formatCount(values[index] ?? 0)} (version ${version} of the policy)`}</title>
            </rect>
          );
        })}
      </svg>
    </figure>
  );
}
