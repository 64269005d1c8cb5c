import { Link } from 'wouter';
import type { ExportersResponse, QueryResponse } from '../api/contract.ts';
import { type ApiOptions, useApi } from '../api/use-api.ts';
import { displayValue } from '../flows/dimension.ts';
import { withTerm } from '../flows/filter-text.ts';
import { Value } from '../flows/value.tsx';
import { formatCount, formatShare } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import { pageAddress } from '../use-view-state.ts';
import type { SharedView } from '../view-state.ts';
import { type Bar, BarList } from '../widgets/bar-list.tsx';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';

const RULES_SHOWN = 6;

interface DropsPanelProps {
  view: SharedView;
  asking: ApiOptions;
  exporters: ExportersResponse | undefined;
  className?: string;
}

/** What policies refused, by the rule that did; why there is nothing when there is nothing. */
export function DropsPanel({ view, asking, exporters, className }: DropsPanelProps) {
  const { range } = view;
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const filter = withTerm(view.filter, 'dropped');
  const question = { ...time, filter, by: 'rule,dropReason', top: RULES_SHOWN, orderBy: 'packets' };
  const { data } = useApi<QueryResponse>(['query', question], asking);
  const total = data?.total.packets ?? 0;
  const nothing = data !== undefined && data.rows.length === 0;
  return (
    <Panel
      title="Dropped"
      note={data === undefined || nothing ? undefined : `${formatCount(total)} packets, by rule`}
      className={className ?? ''}
      controls={
        !nothing && (
          <>
            <QueryText sql={data?.sql} />
            <Link href={pageAddress('/flows', { ...view, filter })} className={SMALL_BUTTON}>
              Its flows
            </Link>
          </>
        )
      }
    >
      {data !== undefined && !nothing && (
        <BarList label="Dropped packets by rule" bars={barsOf(data, total)} />
      )}
      {nothing && <NoDrops span={rangeInWords(range, Date.now())} exporters={exporters} />}
    </Panel>
  );
}

function barsOf(answer: QueryResponse, total: number): Bar[] {
  return answer.rows.map((row): Bar => {
    const packets = Number(row['packets'] ?? 0);
    const rule = row['rule'] ?? null;
    const reason = row['dropReason'] ?? null;
    return {
      id: JSON.stringify([rule, reason]),
      label: (
        <span className="flex min-w-0 flex-wrap items-baseline gap-x-1.5">
          {rule === null ? (
            <span className="text-ink-soft">no rule is told</span>
          ) : (
            <Value dimension="rule" value={rule} className="font-medium" />
          )}
          {reason !== null && (
            <span className="text-ink-faint text-xs">{displayValue('dropReason', reason).text}</span>
          )}
        </span>
      ),
      share: total === 0 ? 0 : packets / total,
      colour: '--drop',
      figure: formatCount(packets),
      note: formatShare(packets, total),
    };
  });
}

/** Nothing dropped, or nobody who would tell. */
function NoDrops({ span, exporters }: { span: string; exporters: ExportersResponse | undefined }) {
  const templates = exporters?.exporters.flatMap((exporter) => exporter.templates) ?? [];
  const ofFlows = templates.filter(({ options }) => !options);
  const mute = ofFlows.length > 0 && ofFlows.every(({ missing }) => (missing['policy']?.length ?? 0) > 0);
  return (
    <div className="space-y-1.5 px-3.5 py-4 text-ink-soft">
      <p>No packet was reported as dropped {span}.</p>
      {mute && (
        <p className="text-xs">
          No template of any exporter has all the fields that tell of drops (forwardingStatus, firewallEvent,
          ruleName):{' '}
          <Link href="/exporters" className="text-accent underline underline-offset-2">
            see what each lacks
          </Link>
          .
        </p>
      )}
    </div>
  );
}
