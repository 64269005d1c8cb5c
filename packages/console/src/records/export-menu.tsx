import { useRef, useState } from 'react';
import type { Parameters } from '../api/client.ts';
import { PLAIN_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Popover } from '../widgets/popover.tsx';
import {
  EXPORT_FORMATS,
  EXPORT_RECORDS_MAX,
  type ExportFormat,
  fileOf,
  readRecords,
  saveFile,
} from './record-export.ts';

interface ExportMenuProps {
  /** The question whose answer is exported, with a fixed time. */
  question: () => Parameters;
  columns: readonly string[];
}

const NAMES: Readonly<Record<ExportFormat, { title: string; mediaType: string }>> = {
  csv: { title: 'CSV', mediaType: 'text/csv;charset=utf-8' },
  ndjson: { title: 'NDJSON', mediaType: 'application/x-ndjson' },
  parquet: { title: 'Parquet', mediaType: 'application/vnd.apache.parquet' },
};

/** Saves what is seen: these columns, of all records of the filter and the time. */
export function ExportMenu({ question, columns }: ExportMenuProps) {
  const [state, setState] = useState<string>();
  const running = useRef<AbortController>(undefined);
  const start = async (format: ExportFormat): Promise<void> => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setState('reading…');
    try {
      const tell = (count: number): void => setState(`${count.toLocaleString('en-US')} records…`);
      const { records, complete } = await readRecords(question(), tell, abort.signal);
      saveFile(`flows.${format}`, await fileOf(records, columns, format), NAMES[format].mediaType);
      const rest = complete
        ? ''
        : `, the newest: a file has at most ${EXPORT_RECORDS_MAX.toLocaleString('en-US')}`;
      setState(`${records.length.toLocaleString('en-US')} records saved${rest}.`);
    } catch (error) {
      setState(abort.signal.aborted ? undefined : `It failed: ${(error as Error).message}`);
    } finally {
      running.current = undefined;
    }
  };
  return (
    <Popover label="Export" button="Export" buttonClassName={SMALL_BUTTON} align="right">
      {() => (
        <div className="w-64 space-y-1.5 p-2.5">
          <p className="text-ink-soft text-xs">
            These {columns.length} columns of every record of the filter and the time shown.
          </p>
          {EXPORT_FORMATS.map((format) => (
            <button
              key={format}
              type="button"
              onClick={() => void start(format)}
              className={`${PLAIN_BUTTON} w-full`}
            >
              {NAMES[format].title}
            </button>
          ))}
          <p role="status" className="figures min-h-4 text-xs">
            {state}
          </p>
          {state?.endsWith('…') === true && (
            <button
              type="button"
              onClick={() => running.current?.abort()}
              className={`${SMALL_BUTTON} w-full`}
            >
              Stop
            </button>
          )}
        </div>
      )}
    </Popover>
  );
}
