import type { ReactNode } from 'react';
import type { FlowRecord, FlowsResponse } from '../api/contract.ts';
import { FLOW_COLUMNS, isDropped } from '../flows/flow-columns.tsx';
import { DataTable } from '../widgets/data-table.tsx';
import { Panel } from '../widgets/panel.tsx';
import { useHeld } from '../widgets/use-held.ts';

interface FlowsPanelProps {
  flows: FlowsResponse | undefined;
  live: boolean;
  /** Shown instead of the table when there is no record. */
  empty: ReactNode;
  className?: string;
}

/** The newest records, newest first; stands still while it is pointed at. */
export function FlowsPanel({ flows, live, empty, className }: FlowsPanelProps) {
  const held = useHeld(flows);
  const rows = held.value?.flows ?? NO_FLOWS;
  const note = held.behind ? 'held while you point' : live ? 'as they arrive' : undefined;
  return (
    <Panel title="Newest flows" note={note} className={className ?? ''}>
      {flows !== undefined && flows.flows.length === 0 ? (
        empty
      ) : (
        <div {...held.handlers} className="@container overflow-x-auto">
          <DataTable
            label="Newest flows"
            columns={FLOW_COLUMNS}
            rows={rows}
            rowId={rowId}
            rowClassName={rowClassName}
          />
        </div>
      )}
    </Panel>
  );
}

const NO_FLOWS: FlowRecord[] = [];

/** Records have no identity of their own; two equal ones beside each other differ by their place. */
const rowId = (flow: FlowRecord, index: number): string =>
  `${flow['receivedAt']} ${flow['flowEnd']} ${flow['srcAddr']} ${flow['srcPort']} ${flow['dstAddr']} ${flow['dstPort']} ${index}`;

const rowClassName = (flow: FlowRecord): string => (isDropped(flow) ? 'bg-drop-soft' : '');
