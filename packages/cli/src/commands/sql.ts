import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { AnswerRow, TimeRange } from '@weir/analysis';
import { EXIT_USAGE, UserError } from '@weir/base';
import { parseMomentMs } from '../moment.ts';
import { withProgressLine } from '../progress-line.ts';
import { parseDurationMs } from '../quantity.ts';
import { openAskedStore } from '../query-store.ts';
import { csvText, sqlAnswerTable } from '../sql-answer.ts';
import { stopSignal } from '../stop-signal.ts';

interface SqlCommandOptions {
  readonly data: string;
  readonly last?: string;
  readonly from?: string;
  readonly to?: string;
  readonly json?: true;
  readonly csv?: true;
}

/** `weir sql STATEMENT`: one SELECT over the records; `-` reads it from standard input. */
export async function sql(words: readonly string[], options: SqlCommandOptions): Promise<void> {
  const text = words.join(' ') === '-' ? readFileSync(0, 'utf8') : words.join(' ');
  const range = rangeOf(options, Date.now());
  const store = await openAskedStore(options.data);
  try {
    const answer = await withProgressLine('asking', store.sql(text, range, stopSignal()));
    process.stdout.write(textOf(answer.columns, answer.rows, options));
    if (answer.truncated) {
      process.stderr.write(
        `weir: there are more rows than the ${answer.rows.length} shown; LIMIT says how many\n`,
      );
    }
  } finally {
    await store.close();
  }
}

function rangeOf({ last, from, to }: SqlCommandOptions, nowMs: number): TimeRange | undefined {
  if (last === undefined && from === undefined && to === undefined) return undefined;
  const toMs = to === undefined ? nowMs : parseMomentMs(to, '--to', nowMs);
  if (from !== undefined) return { fromMs: parseMomentMs(from, '--from', nowMs), toMs };
  if (last === undefined) {
    throw new UserError(
      'usage_sql',
      '--to needs --from or --last, which say where the time begins',
      EXIT_USAGE,
    );
  }
  return { fromMs: Math.round(toMs - parseDurationMs(last, '--last')), toMs };
}

function textOf(columns: readonly string[], rows: readonly AnswerRow[], options: SqlCommandOptions): string {
  if (options.json) return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  if (options.csv) return csvText(columns, rows);
  return sqlAnswerTable(columns, rows);
}
