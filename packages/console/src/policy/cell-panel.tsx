import type { MatrixCell, Outcome } from '@weir/analysis';
import { useEffect, useRef } from 'react';
import { useApi } from '../api/use-api.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatMoment } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import type { SharedView } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { EvidenceTable } from './evidence-table.tsx';
import { CELL_STATES, LOOKS, StateLine } from './outcome-look.tsx';
import type { EvidenceResponse } from './policy-contract.ts';

const OUTCOMES = CELL_STATES.filter((state): state is Outcome => state !== 'missing');

interface CellPanelProps {
  cell: MatrixCell;
  outcome: Outcome | undefined;
  service: string | undefined;
  view: SharedView;
  fromMs: number;
  toMs: number;
  onChoose: (outcome: Outcome | undefined, service: string | undefined) => void;
  onClose: () => void;
}

/** One cell: its services, the rules that decided, and who is behind them. */
export function CellPanel(props: CellPanelProps) {
  const { cell, outcome, service, view, fromMs, toMs, onChoose, onClose } = props;
  const question = {
    source: cell.from,
    destination: cell.to,
    service,
    outcome,
    from: fromMs,
    to: toMs,
    filter: view.filter,
  };
  const evidence = useApi<EvidenceResponse>(['policy/cell', question]);
  const place = useRef<HTMLDivElement>(null);
  // Below the matrix on a narrow window: whoever chose the cell should see it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another cell, not another answer.
  useEffect(() => {
    place.current?.scrollIntoView({ block: 'nearest' });
  }, [cell.from, cell.to]);
  return (
    <div ref={place} className="min-w-0 scroll-mt-28">
      <Panel
        title={`${cell.from} → ${cell.to}`}
        controls={
          <button type="button" className={SMALL_BUTTON} onClick={onClose}>
            Close
          </button>
        }
      >
        {cell.missing.length > 0 && (
          <p className="border-line border-b px-3.5 py-2 text-[0.8125rem]">
            <StateLine state="missing" amount={cell.missing.length} />
            Traffic that the policy expects by {cell.missing.join(', ')} did not come in this time.
          </p>
        )}
        <ServiceList cell={cell} outcome={outcome} service={service} onChoose={onChoose} />
        {evidence.error !== null && <ProblemNote problem={evidence.error} className="m-3" />}
        {evidence.data !== undefined && evidence.data.pairs.length > 0 && (
          <div className={evidence.isPlaceholderData ? 'opacity-60' : ''}>
            <EvidenceTable evidence={evidence.data} view={view} fromMs={fromMs} toMs={toMs} />
          </div>
        )}
        {evidence.data === undefined && evidence.error === null && (
          <p className="px-3.5 py-3 text-ink-soft">Looking for who is behind it…</p>
        )}
      </Panel>
    </div>
  );
}

/** A line for each service and state; a click asks for its pairs alone. */
function ServiceList({
  cell,
  outcome,
  service,
  onChoose,
}: Pick<CellPanelProps, 'cell' | 'outcome' | 'service' | 'onChoose'>) {
  const lines = cell.services.flatMap((line) =>
    OUTCOMES.filter((each) => line[each].connections > 0).map((each) => ({ line, each })),
  );
  lines.sort((left, right) => OUTCOMES.indexOf(left.each) - OUTCOMES.indexOf(right.each));
  return (
    <ul aria-label="Services" className="divide-y divide-line border-line border-b">
      {lines.map(({ line, each }) => {
        const isChosen = outcome === each && service === line.service;
        const { connections, answered, octets, packets, first, last } = line[each];
        return (
          <li key={`${line.service} ${each}`}>
            <RowButton
              open={isChosen}
              onOpen={() => (isChosen ? onChoose(undefined, undefined) : onChoose(each, line.service))}
            >
              <span className="flex flex-wrap items-baseline gap-x-3">
                <b className="font-semibold text-[0.8125rem]">{line.service}</b>
                <StateLine state={each} amount={connections} />
                <span className="figures ml-auto text-ink-soft text-xs">
                  {formatOctets(octets)} · {formatCount(packets)} packets
                </span>
              </span>
              <span className="mt-0.5 block text-ink-faint text-xs [overflow-wrap:anywhere]">
                {LOOKS[each].title} by {line.rules.join(', ')}
                {(each === 'dropped' || each === 'unexplained') &&
                  line.firewall.length > 0 &&
                  `; dropped by ${line.firewall.map(named).join(', ')}`}
                {each === 'violation' && `; ${formatCount(answered)} answered`}
                {first !== null &&
                  last !== null &&
                  `; ${formatMoment(first, Date.now())} to ${formatMoment(last, Date.now())}`}
              </span>
            </RowButton>
          </li>
        );
      })}
    </ul>
  );
}

const named = (rule: string) => (rule === '' ? 'a rule without name' : rule);
