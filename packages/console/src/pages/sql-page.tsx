import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { type ApiError, apiSend } from '../api/client.ts';
import { fileLine, saveFile } from '../records/record-export.ts';
import { useViewState } from '../use-view-state.ts';
import type { TimeRange, ViewCodec } from '../view-state.ts';
import { PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { ProblemNote } from './problem-note.tsx';

type Cell = string | number | boolean | null | object;

interface SqlAnswer {
  columns: readonly string[];
  rows: readonly Readonly<Record<string, Cell>>[];
  truncated: boolean;
  tookMs: number;
}

/** More rows than anybody reads; a file has all that were answered. */
const ROWS_SHOWN_MAX = 1000;

const EXAMPLE = `SELECT "srcAddr", count(DISTINCT "dstPort") AS ports, sum(octets) AS octets
FROM flows
GROUP BY "srcAddr"
ORDER BY ports DESC
LIMIT 20`;

const SQL_VIEW: ViewCodec<{ sql: string }> = {
  parse: (parameters) => ({ sql: parameters.get('sql') ?? '' }),
  write: ({ sql }, parameters) => {
    if (sql !== '') parameters.set('sql', sql);
  },
};

/** One SELECT over the records of the time that is chosen; the statement is in the address. */
export function SqlPage() {
  const [view, change] = useViewState(SQL_VIEW);
  const [text, setText] = useState(view.sql === '' ? EXAMPLE : view.sql);
  const stop = useRef<AbortController>(undefined);
  const ask = useMutation<SqlAnswer, ApiError | Error>({
    mutationFn: () => {
      stop.current = new AbortController();
      const body = { sql: text, ...timeOf(view.range) };
      return apiSend<SqlAnswer>('POST', 'sql', body, stop.current.signal);
    },
  });
  const run = (): void => {
    change({ sql: text }, { replace: true });
    ask.mutate();
  };
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      <Panel
        title="SQL"
        note="of DuckDB; flows, exporters and extra_layouts can be read, nothing can be changed"
      >
        <form
          className="space-y-2.5 p-3.5"
          onSubmit={(event) => {
            event.preventDefault();
            run();
          }}
        >
          <textarea
            aria-label="SQL"
            value={text}
            rows={Math.max(6, Math.min(20, text.split('\n').length + 1))}
            spellCheck={false}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
              event.preventDefault();
              run();
            }}
            className="w-full rounded-md border border-line bg-surface px-2.5 py-2 font-mono text-[0.8125rem] leading-5 focus:border-accent focus:outline-none"
          />
          <div className="flex flex-wrap items-center gap-3">
            <button type="submit" className={PRIMARY_BUTTON} disabled={ask.isPending || text.trim() === ''}>
              Run
            </button>
            {ask.isPending && (
              <button type="button" className={SMALL_BUTTON} onClick={() => stop.current?.abort()}>
                Stop
              </button>
            )}
            <span className="text-ink-faint text-xs">
              Ctrl-Enter. Only records that ended in the time at the top are read.
            </span>
          </div>
        </form>
      </Panel>
      {ask.error !== null && ask.error.name !== 'AbortError' && <ProblemNote problem={ask.error} />}
      {ask.data !== undefined && <Answer answer={ask.data} />}
    </div>
  );
}

function timeOf(range: TimeRange): { last: string } | { from: string; to: string } {
  if (range.kind === 'last') return { last: range.last };
  return { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
}

function Answer({ answer }: { answer: SqlAnswer }) {
  const { columns, rows, truncated, tookMs } = answer;
  const shown = rows.slice(0, ROWS_SHOWN_MAX);
  const more = truncated ? ', and more: LIMIT says how many' : '';
  return (
    <Panel
      title="Answer"
      note={`${rows.length.toLocaleString('en-US')} rows in ${Math.round(tookMs)} ms${more}`}
      controls={
        rows.length > 0 && (
          <button type="button" className={SMALL_BUTTON} onClick={() => saveCsv(columns, rows)}>
            CSV
          </button>
        )
      }
    >
      {rows.length === 0 ? (
        <p className="px-4 py-6 text-ink-soft">No rows. The time at the top may be too short.</p>
      ) : (
        <ScrollRegion label="Rows" className="max-h-[65dvh]">
          <table aria-label="Answer" className="w-full border-collapse text-left text-[0.8125rem]">
            <thead className="sticky top-0 bg-surface text-ink-faint text-xs">
              <tr>
                {columns.map((name) => (
                  <th key={name} scope="col" className="border-line border-b px-3 py-1.5 font-medium">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((row, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: rows of SQL have no name.
                <tr key={index} className="border-line border-b last:border-b-0 hover:bg-hover">
                  {columns.map((name) => (
                    <td
                      key={name}
                      className={`px-3 py-1 align-top [overflow-wrap:anywhere] ${typeof row[name] === 'number' ? 'figures text-right' : 'wire'}`}
                    >
                      {cellText(row[name])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollRegion>
      )}
      {rows.length > shown.length && (
        <p className="border-line border-t px-4 py-2 text-ink-soft text-xs">
          The first {ROWS_SHOWN_MAX.toLocaleString('en-US')} of {rows.length.toLocaleString('en-US')}; CSV has
          all.
        </p>
      )}
    </Panel>
  );
}

function cellText(value: Cell | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function saveCsv(columns: readonly string[], rows: SqlAnswer['rows']): void {
  const lines = rows.map((row) => fileLine(columns.map((name) => row[name])));
  saveFile('answer.csv', [fileLine(columns), ...lines], 'text/csv;charset=utf-8');
}
