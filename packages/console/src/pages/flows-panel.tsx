import { useMemo } from 'react';
import { Link } from 'wouter';
import type { FlowRecord, FlowsResponse } from '../api/contract.ts';
import { FLOW_COLUMNS, isDropped } from '../flows/flow-columns.tsx';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { DataTable } from '../widgets/data-table.tsx';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { useHeld } from '../widgets/use-held.ts';

interface FlowsPanelProps {
  flows: FlowsResponse | undefined;
  /** Names the question that `flows` answers. */
  question: string;
  live: boolean;
  className?: string;
}

/** The newest records, newest first; stands still while it is pointed at. */
export function FlowsPanel({ flows, question, live, className }: FlowsPanelProps) {
  const [shared] = useSharedView();
  const held = useHeld(flows, question);
  const rows = held.value?.flows ?? NO_FLOWS;
  const ids = useMemo(() => rowIds(rows), [rows]);
  const note = held.behind ? 'held while you point' : live ? 'as they arrive' : undefined;
  return (
    <Panel
      title="Newest flows"
      note={note}
      className={className ?? ''}
      controls={
        <Link href={pageAddress('/flows', shared)} className={SMALL_BUTTON}>
          All
        </Link>
      }
    >
      <div {...held.handlers} className="@container overflow-x-auto">
        <DataTable
          label="Newest flows"
          columns={FLOW_COLUMNS}
          rows={rows}
          rowIds={ids}
          rowClassName={rowClassName}
        />
      </div>
    </Panel>
  );
}

const NO_FLOWS: FlowRecord[] = [];

/**
 * Records have no identity of their own: equal ones are numbered, so that a row keeps its id as newer ones
 * come.
 */
function rowIds(flows: readonly FlowRecord[]): string[] {
  const seen = new Map<string, number>();
  const ids = flows.toReversed().map((flow) => {
    const fields = ['receivedAt', 'flowEnd', 'srcAddr', 'srcPort', 'dstAddr', 'dstPort', 'octets'];
    const text = fields.map((name) => flow[name]).join(' ');
    const count = (seen.get(text) ?? 0) + 1;
    seen.set(text, count);
    return `${text} ${count}`;
  });
  return ids.reverse();
}

const rowClassName = (flow: FlowRecord): string => (isDropped(flow) ? 'bg-drop-soft' : '');
