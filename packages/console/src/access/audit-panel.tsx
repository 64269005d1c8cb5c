import { useDeferredValue, useState } from 'react';
import { useApi } from '../api/use-api.ts';
import { formatMoment } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { type DataColumn, DataTable } from '../widgets/data-table.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import type { AuditEntry } from './access-contract.ts';

const ROWS = 200;

const COLUMNS: readonly DataColumn<AuditEntry>[] = [
  {
    id: 'at',
    header: 'When',
    cell: ({ at }) => (
      <span className="figures whitespace-nowrap">{formatMoment(Date.parse(at), Date.now())}</span>
    ),
    className: 'pl-3.5',
  },
  {
    id: 'by',
    header: 'Who',
    cell: ({ by, kind }) => (kind === 'nobody' && by !== 'nobody' ? `${by} (not let in)` : by),
  },
  { id: 'from', header: 'From', cell: ({ from }) => <span className="wire">{from}</span> },
  { id: 'action', header: 'What', cell: ({ action }) => <span className="wire break-all">{action}</span> },
  {
    id: 'outcome',
    header: 'Outcome',
    cell: ({ outcome }) => (
      <span className={outcome === 'done' ? 'text-ink-soft' : 'font-medium text-drop'}>{outcome}</span>
    ),
  },
  {
    id: 'detail',
    header: 'Detail',
    cell: ({ detail }) => <span className="break-all text-ink-soft text-xs">{detailText(detail)}</span>,
    className: 'pr-3.5',
  },
];

/** Who changed what, and who was refused; the newest first. */
export function AuditPanel() {
  const [text, setText] = useState('');
  const asked = useDeferredValue(text);
  const { data, error } = useApi<{ entries: AuditEntry[] }>(['access/audit', { limit: ROWS, text: asked }]);
  const entries = data?.entries ?? [];
  return (
    <Panel
      title="Audit log"
      note={entries.length === ROWS ? `the newest ${ROWS}` : entries.length}
      controls={
        <input
          type="search"
          aria-label="Find in the audit log"
          placeholder="Find"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-7 w-40 rounded-md border border-line bg-surface px-2 text-xs focus:border-accent focus:outline-none"
        />
      }
    >
      {error !== null && <ProblemNote problem={error} className="m-3" />}
      {entries.length === 0 && error === null ? (
        <p className="px-4 py-5 text-ink-soft">Nothing was changed yet, and nobody was refused.</p>
      ) : (
        <ScrollRegion label="Entries" className="max-h-[32rem]">
          <DataTable
            label="Audit log"
            columns={COLUMNS}
            rows={entries}
            rowIds={entries.map(({ at }, index) => `${at} ${index}`)}
          />
        </ScrollRegion>
      )}
    </Panel>
  );
}

function detailText(detail: unknown): string {
  if (detail === undefined) return '';
  return typeof detail === 'string' ? detail : JSON.stringify(detail);
}
