import { useQuery } from '@tanstack/react-query';
import type { ChangeLine, PolicyDocument, SeenSums } from '@weir/analysis';
import { useState } from 'react';
import { apiSend } from '../api/client.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import type { SharedView } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { StatTile } from '../widgets/stat-tile.tsx';
import { EvidenceTable } from './evidence-table.tsx';
import type { ChangeResponse, EvidenceResponse } from './policy-contract.ts';

interface ChangePanelProps {
  document: PolicyDocument;
  view: SharedView;
  onClose: () => void;
}

function windowOf({ range, filter }: SharedView) {
  const time =
    range.kind === 'last' ? { last: range.last } : { from: String(range.from), to: String(range.to) };
  return { ...time, filter };
}

/** What another policy would have done to what was seen: who would be cut off, who let through. */
export function ChangePanel({ document, view, onClose }: ChangePanelProps) {
  const [chosen, setChosen] = useState<ChangeLine>();
  const answer = useQuery({
    queryKey: ['policy/change', document, view],
    queryFn: () => apiSend<ChangeResponse>('POST', 'policy/change', { document, ...windowOf(view) }),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { data } = answer;
  return (
    <Panel
      title="What would this change?"
      note={`by what was seen ${rangeInWords(view.range, Date.now())}`}
      controls={
        <button type="button" className={SMALL_BUTTON} onClick={onClose}>
          Close
        </button>
      }
    >
      {answer.error !== null && <ProblemNote problem={answer.error} className="m-3" />}
      {answer.isPending && <p className="px-4 py-3 text-ink-soft">Holding it against the flows…</p>}
      {data !== undefined && (
        <>
          <dl className="grid grid-cols-1 gap-2 p-3 sm:grid-cols-3">
            <Total label="Newly denied" sums={data.change.newlyDenied} note="passed, and would be cut off" />
            <Total label="Newly allowed" sums={data.change.newlyAllowed} note="dropped, and would pass" />
            <Total label="Made legal" sums={data.change.legalised} note="passed although denied" />
          </dl>
          <RuleHits data={data} />
          <ul aria-label="What changes" className="divide-y divide-line border-line border-t">
            {data.change.lines.map((line) => (
              <li key={keyOf(line)}>
                <ChangeRow
                  line={line}
                  chosen={chosen === line}
                  onChoose={() => setChosen(chosen === line ? undefined : line)}
                />
                {chosen === line && (
                  <ChangeEvidence document={document} line={line} view={view} data={data} />
                )}
              </li>
            ))}
          </ul>
          {data.change.lines.length === 0 && (
            <p className="px-4 py-3 text-ink-soft" data-testid="no-change">
              Nothing that was seen in this time would be judged otherwise.
            </p>
          )}
          {[
            ...data.notes,
            ...(data.change.more > 0 ? [`${data.change.more} more lines are left out.`] : []),
          ].map((note) => (
            <p key={note} className="px-4 py-1 text-ink-faint text-xs">
              {note}
            </p>
          ))}
        </>
      )}
    </Panel>
  );
}

const keyOf = ({ sums, ...what }: ChangeLine) => `${Object.values(what).join(' ')} ${sums.connections}`;

function Total({ label, sums, note }: { label: string; sums: SeenSums; note: string }) {
  return (
    <StatTile
      label={label}
      figure={formatCount(sums.connections)}
      unit={sums.connections === 1 ? 'connection' : 'connections'}
      note={sums.connections === 0 ? note : `${note}: ${formatOctets(sums.octets)}`}
    />
  );
}

/** A rule that is new or changed: all that it would have decided. */
function RuleHits({ data }: { data: ChangeResponse }) {
  const { hits } = data.change;
  if (hits.length === 0) return null;
  return (
    <ul aria-label="Rules that are new" className="space-y-0.5 px-4 pb-3 text-[0.8125rem]">
      {hits.map(({ rule, forwarded, dropped }) => (
        <li key={rule}>
          <b className="font-semibold">{rule}</b> would have hit {formatCount(forwarded.connections)}{' '}
          connections that passed ({formatOctets(forwarded.octets)}) and {formatCount(dropped.connections)}{' '}
          that were dropped.
        </li>
      ))}
    </ul>
  );
}

const STANDS = { allow: 'allowed', deny: 'denied', nothing: 'not spoken of' } as const;

function ChangeRow({ line, chosen, onChoose }: { line: ChangeLine; chosen: boolean; onChoose: () => void }) {
  const { from, to, service, before, after, ruleBefore, ruleAfter, was, sums } = line;
  return (
    <button
      type="button"
      aria-expanded={chosen}
      onClick={onChoose}
      className="block w-full px-4 py-2 text-left hover:bg-hover aria-expanded:bg-accent-soft"
    >
      <span className="flex flex-wrap items-baseline gap-x-3 text-[0.8125rem]">
        <b className="font-semibold">
          {from} → {to} {service}
        </b>
        <span>
          {STANDS[before]} → <b className={after === 'deny' ? 'text-drop' : 'text-good'}>{STANDS[after]}</b>
        </span>
        <span className="figures ml-auto text-ink-soft text-xs">
          {formatCount(sums.connections)} that {was === 'forwarded' ? 'passed' : 'were dropped'} ·{' '}
          {formatOctets(sums.octets)}
        </span>
      </span>
      <span className="text-ink-faint text-xs">
        by {ruleBefore}, now by {ruleAfter}
      </span>
    </button>
  );
}

function ChangeEvidence({
  document,
  line,
  view,
  data,
}: {
  document: PolicyDocument;
  line: ChangeLine;
  view: SharedView;
  data: ChangeResponse;
}) {
  const { from, to, service, was } = line;
  const { fromMs, toMs } = data;
  const body = {
    document,
    line: { from, to, service, was },
    from: String(fromMs),
    to: String(toMs),
    filter: view.filter,
  };
  const answer = useQuery({
    queryKey: ['policy/change/evidence', body],
    queryFn: () => apiSend<EvidenceResponse>('POST', 'policy/change/evidence', body),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (answer.error !== null) return <ProblemNote problem={answer.error} className="m-3" />;
  if (answer.data === undefined) return <p className="px-4 py-2 text-ink-soft">Looking for who it is…</p>;
  return <EvidenceTable evidence={answer.data} view={view} fromMs={fromMs} toMs={toMs} />;
}
