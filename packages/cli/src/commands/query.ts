import path from 'node:path';
import process from 'node:process';
import {
  csvLine,
  type PlanSource,
  planNotes,
  type QueryPlan,
  type QueryResult,
  renderSql,
} from '@weir/analysis';
import { createListFolder } from '@weir/server';
import { writeAnswerAsParquet } from '@weir/storage';
import { createLineWriter } from '../line-writer.ts';
import { withProgressLine } from '../progress-line.ts';
import { durationText, scaledText } from '../quantity-text.ts';
import { planOfOptions, type QueryPlanOptions } from '../query-plan-options.ts';
import { type AskedStore, openAskedStore } from '../query-store.ts';
import { tableOfAnswer } from '../query-table.ts';
import { stopSignal } from '../stop-signal.ts';

interface QueryOptions extends QueryPlanOptions {
  data: string;
  json?: true;
  csv?: true;
  parquet?: string;
  sql?: true;
  explain?: true;
}

/** `weir query`: the largest groups with `--by`, else the newest records; series and sessions. */
export async function query(words: readonly string[], options: QueryOptions): Promise<void> {
  const lists = createListFolder(path.join(options.data, 'lists'));
  const plan = planOfOptions(words.join(' '), options, lists.read, Date.now());
  if (options.sql) {
    process.stdout.write(`${renderSql(plan).sql}\n`);
    return;
  }
  const stop = stopSignal();
  const store = await openAskedStore(options.data);
  try {
    const source = await store.estimate(plan);
    if (options.explain) {
      process.stdout.write(`${explanation(plan, source).join('\n')}\n`);
      return;
    }
    const answer = await withProgressLine(`reading ${amountOf(source)}`, store.ask(plan, stop));
    if (options.parquet !== undefined) await writeAnswerAsParquet(answer, options.parquet);
    else await print(await linesOf(plan, answer, options, store, stop));
  } finally {
    await store.close();
  }
}

/** Where an answer would come from and what it would cost; the SQL below. */
function explanation(plan: QueryPlan, source: PlanSource): string[] {
  return [`${source.why}; ${amountOf(source)}`, planNotes(plan).join('; '), '', renderSql(plan).sql];
}

function amountOf({ source, rows, octets }: PlanSource): string {
  const what = source === 'raw' ? 'records' : 'rows of the roll-up';
  return `about ${scaledText(rows)} ${what}, ${scaledText(octets, 'B')}`;
}

async function print(lines: readonly string[]): Promise<void> {
  const writer = createLineWriter();
  for (const line of lines) {
    writer.write(line);
    await writer.room();
  }
  await writer.end();
}

async function linesOf(
  plan: QueryPlan,
  answer: QueryResult,
  options: QueryOptions,
  store: AskedStore,
  stop: AbortSignal,
): Promise<string[]> {
  if (options.json) return answer.rows.map((row) => JSON.stringify(row));
  if (options.csv) return csvLines(answer);
  const total = plan.kind === 'groups' ? await totalOf(plan, store, stop) : undefined;
  const { isTTY, columns } = process.stdout;
  const table = tableOfAnswer(plan, answer, {
    width: isTTY ? columns : undefined,
    colours: isTTY === true,
    total,
  });
  return [...table, '', ...summaryOf(plan, answer, total)];
}

async function totalOf(plan: Extract<QueryPlan, { kind: 'groups' }>, store: AskedStore, stop: AbortSignal) {
  const { measures: _, stepMs: __, previous: ___, ...rest } = plan;
  const { rows } = await store.ask({ ...rest, groupBy: [], orderBy: 'octets', limit: 1 }, stop);
  return rows[0];
}

/** What was summed up, from where, in what time, and what counts. */
function summaryOf(
  plan: QueryPlan,
  answer: QueryResult,
  total: QueryResult['rows'][number] | undefined,
): string[] {
  const sums =
    total === undefined
      ? []
      : [
          `total ${scaledText(Number(total['octets']), 'B')}, ${scaledText(Number(total['packets']))} packets, ${Number(total['flows']).toLocaleString('en')} flows`,
        ];
  const facts = [...sums, answer.source.why, durationText(answer.elapsedMs)].join('; ');
  return [facts, planNotes(plan).join('; ')];
}

function csvLines(answer: QueryResult): string[] {
  const names = answer.columns.map(({ name }) => name);
  return [csvLine(names), ...answer.rows.map((row) => csvLine(names.map((name) => row[name])))];
}
