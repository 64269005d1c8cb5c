import { existsSync } from 'node:fs';
import {
  type AnswerRow,
  type AnswerValue,
  FilterError,
  MEASURES,
  parseQueryPlan,
  type QueryPlan,
  type QueryResult,
  renderSql,
} from '@weir/analysis';
import { createStderrLogger, EXIT_USAGE, UserError } from '@weir/base';
import { openStore } from '@weir/storage';
import { createLineWriter } from '../line-writer.ts';
import { parseDurationMs, parseTimeMs, parseWholeNumber } from '../quantity.ts';
import { readServiceAddress } from '../service-address.ts';
import { formatRow } from '../text-table.ts';

interface QueryOptions {
  by?: string;
  top: string;
  last: string;
  from?: string;
  to?: string;
  orderBy: string;
  data: string;
  json?: true;
  csv?: true;
  sql?: true;
}

type Answer = Pick<QueryResult, 'columns' | 'rows'>;

/** `weir query`: the largest groups with `--by`, else the newest records. */
export async function query(words: readonly string[], options: QueryOptions): Promise<void> {
  const plan = planOf(words.join(' '), options);
  if (options.sql) {
    process.stdout.write(`${renderSql(plan).sql}\n`);
    return;
  }
  const answer = (await askOwner(options.data, plan)) ?? (await askFolder(options.data, plan));
  const writer = createLineWriter();
  for (const line of linesOf(answer, options)) {
    writer.write(line);
    await writer.room();
  }
  await writer.end();
}

function planOf(filter: string, options: QueryOptions): QueryPlan {
  const toMs = options.to === undefined ? Date.now() : parseTimeMs(options.to, '--to');
  const fromMs =
    options.from === undefined
      ? toMs - parseDurationMs(options.last, '--last')
      : parseTimeMs(options.from, '--from');
  const limit = parseWholeNumber(options.top, '--top', 1, 100_000);
  const question = {
    timeRange: { fromMs: Math.round(fromMs), toMs: Math.round(toMs) },
    limit,
    ...(filter === '' ? {} : { filter }),
  };
  try {
    if (options.by === undefined) return parseQueryPlan({ kind: 'records', ...question });
    const groupBy = options.by.split(',').map((name) => name.trim());
    return parseQueryPlan({
      kind: 'groups',
      ...question,
      groupBy,
      orderBy: options.orderBy,
      descending: true,
    });
  } catch (error) {
    if (error instanceof FilterError) throw filterFailure(filter, error);
    if (error instanceof UserError) throw new UserError(error.code, error.message, EXIT_USAGE);
    throw error;
  }
}

/** The filter, and under it where it went wrong. */
function filterFailure(filter: string, { position, message, expected }: FilterError): UserError {
  const allowed = expected.length === 0 ? '' : ` (allowed: ${expected.join('; ')})`;
  return new UserError(
    'filter_invalid',
    `filter: ${message}${allowed}\n  ${filter}\n  ${' '.repeat(position)}^`,
    EXIT_USAGE,
  );
}

/** Asks the process that owns the folder; undefined when none does. */
async function askOwner(dataDirectory: string, plan: QueryPlan): Promise<Answer | undefined> {
  const owner = readServiceAddress(dataDirectory);
  if (owner === undefined) return undefined;
  let response: Response;
  try {
    response = await fetch(new URL('/api/v1/query', owner.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(plan),
    });
  } catch {
    return undefined; // the owner died without taking its note away
  }
  if (!response.ok) throw new UserError('query_failed', `${owner.url}: ${await response.text()}`);
  return (await response.json()) as Answer;
}

async function askFolder(dataDirectory: string, plan: QueryPlan): Promise<Answer> {
  if (!existsSync(dataDirectory)) {
    throw new UserError('store_missing', `${dataDirectory}: there is no store (--data says where one is)`);
  }
  const store = await openStore({ dataDirectory, logger: createStderrLogger('query', 'warn') });
  try {
    return await store.query(plan);
  } finally {
    await store.close();
  }
}

function linesOf(answer: Answer, { json, csv }: QueryOptions): string[] {
  if (json) return answer.rows.map((row) => JSON.stringify(row));
  const names = answer.columns.map(({ name }) => name);
  if (csv)
    return [names.join(','), ...answer.rows.map((row) => names.map((name) => csvCell(row[name])).join(','))];
  return tableLines(names, answer.rows);
}

/** RFC 4180. A text that a spreadsheet would run as a formula is quoted with an apostrophe. */
function csvCell(value: AnswerValue | undefined): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function tableLines(names: readonly string[], rows: readonly AnswerRow[]): string[] {
  const columns = names
    .filter((name) => rows.length === 0 || rows.some((row) => row[name] !== null && row[name] !== undefined))
    .map((name) => ({
      title: name,
      width: Math.max(name.length, ...rows.map((row) => cell(row[name], name).length)),
      right: rows.some((row) => typeof row[name] === 'number'),
      value: (row: AnswerRow) => cell(row[name], name),
    }));
  if (rows.length === 0) return ['no flows in this time range'];
  return [formatRow(columns, undefined), ...rows.map((row) => formatRow(columns, row))];
}

/** Measures are grouped by thousands; a port or a protocol is a name made of digits. */
function cell(value: AnswerValue | undefined, column: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && MEASURES.some((measure) => measure === column)) {
    return value.toLocaleString('en');
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
