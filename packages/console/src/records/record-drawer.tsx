import { FIELDS, fieldNamed } from '@weir/analysis';
import { useEffect } from 'react';
import type { FlowRecord } from '../api/contract.ts';
import { dimensionTitle } from '../flows/dimension.ts';
import { isDropped } from '../flows/flow-columns.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { RecordCell } from './record-cell.tsx';
import { allColumns, recordColumn, recordValue } from './record-column.ts';

const ORDER = new Map(FIELDS.map(({ name }, index) => [name, index]));

/** Every field of one record, in the order of the language, with its name there. */
export function RecordDrawer({ record, onClose }: { record: FlowRecord; onClose: () => void }) {
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (event.key === 'Escape') onClose();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [onClose]);
  const names = allColumns([record])
    .filter((name) => recordValue(record, name) !== null)
    .sort((one, other) => (ORDER.get(one) ?? ORDER.size) - (ORDER.get(other) ?? ORDER.size));
  const now = Date.now();
  return (
    <aside
      aria-label="Details of the record"
      className="fixed inset-y-0 right-0 z-50 flex w-[26rem] max-w-full flex-col border-line-strong border-l bg-surface shadow-2xl max-md:bottom-14 max-md:w-full"
    >
      <header className="flex items-center gap-2 border-line border-b px-4 py-2.5">
        <h2 className="font-semibold">Record</h2>
        {isDropped(record) && (
          <span className="rounded-sm border border-drop px-1 font-semibold text-[0.6875rem] text-drop leading-4">
            dropped
          </span>
        )}
        <span className="text-ink-faint text-xs">{names.length} fields</span>
        <button
          type="button"
          onClick={onClose}
          className="ml-auto rounded-md border border-line px-2 py-0.5 text-xs hover:border-line-strong"
        >
          Close
        </button>
      </header>
      <ScrollRegion label="Fields" className="min-h-0 flex-1">
        <dl className="divide-y divide-line">
          {names.map((name) => (
            <div key={name} className="grid grid-cols-[9.5rem_minmax(0,1fr)] gap-x-3 px-4 py-1.5">
              <dt className="min-w-0" title={fieldNamed(name)?.description}>
                <span className="block truncate text-ink-soft">{dimensionTitle(name)}</span>
                <span className="wire block truncate text-[0.68rem] text-ink-faint">{name}</span>
              </dt>
              <dd className="figures min-w-0 self-center [overflow-wrap:anywhere]">
                <RecordCell record={record} column={recordColumn(name)} now={now} />
              </dd>
            </div>
          ))}
        </dl>
      </ScrollRegion>
    </aside>
  );
}
