import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { BillingBins } from '@weir/analysis';
import { createStderrLogger, EXIT_USAGE, systemClock, UserError } from '@weir/base';
import {
  type ApiClient,
  ApiError,
  createAnalysisQueue,
  createBilling,
  pdfDocument,
  type Statement,
  statementCsv,
  statementDocument,
} from '@weir/server';
import { openStore } from '@weir/storage';
import { connectService } from '../service-client.ts';
import { formatRow, type TableColumn } from '../text-table.ts';

interface BillOptions {
  readonly data: string;
  readonly period?: string;
  readonly json?: true;
  readonly csv?: true;
  readonly pdf?: string;
}

interface AskedStatement {
  readonly statement: Statement;
  readonly bins: BillingBins;
}

/** Who knows of accounts: the process that owns the data folder, or the folder. */
interface AskedBilling {
  /** The current statement of each account that has one. */
  all(): Promise<readonly Statement[]>;
  statement(account: string, period: string): Promise<AskedStatement>;
  close(): Promise<void>;
}

/** `weir bill`: all accounts in a table, or one statement. */
export async function bill(account: string | undefined, options: BillOptions): Promise<void> {
  const { period = 'current' } = options;
  if (account === undefined && (options.pdf !== undefined || options.period !== undefined)) {
    throw new UserError('usage_account', 'bill: --pdf and --period need an account', EXIT_USAGE);
  }
  const billing = await openBilling(options.data);
  try {
    if (account === undefined) printAll(await billing.all(), options);
    else await printOne(await billing.statement(account, period), options);
  } finally {
    await billing.close();
  }
}

async function openBilling(data: string): Promise<AskedBilling> {
  const service = await connectService(data);
  if (service !== undefined) return asked(service);
  if (!existsSync(data)) {
    throw new UserError('store_missing', `${data}: there is no store (--data says where one is)`);
  }
  const logger = createStderrLogger('bill', 'warn');
  const store = await openStore({ dataDirectory: data, logger });
  const queue = createAnalysisQueue({ store, clock: systemClock, logger });
  const billing = createBilling({ queue, dataDirectory: data, clock: systemClock, logger });
  const close = () => billing.stop().finally(() => store.close());
  await billing.catchUp().catch((error: unknown) => close().then(() => Promise.reject(error)));
  return {
    all: async () => billing.accounts().map(({ id }) => billing.statement(id).statement),
    statement: async (account, period) =>
      billing.statement(account, period === 'current' ? undefined : period),
    close,
  };
}

function asked(service: ApiClient): AskedBilling {
  const ask = <Answer>(path: string) =>
    service.ask<Answer>('GET', path).catch((error: unknown) => {
      if (error instanceof ApiError) throw new UserError(error.problem.code, error.message);
      throw error;
    });
  return {
    async all() {
      const { accounts } = await ask<{ accounts: { statement: Statement | null }[] }>('billing/accounts');
      return accounts.map(({ statement }) => statement).filter((statement) => statement !== null);
    },
    async statement(account, period) {
      const path = `billing/accounts/${encodeURIComponent(account)}/statements/${encodeURIComponent(period)}`;
      const { bins, ...statement } = await ask<Statement & { bins: BillingBins }>(path);
      return { statement, bins };
    },
    close: async () => {},
  };
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const COLUMNS: readonly TableColumn<Statement>[] = [
  { title: 'account', width: 24, value: ({ account }) => account.name },
  { title: 'period', width: 7, value: ({ period }) => period.name },
  { title: 'billed', width: 18, right: true, value: ({ charge }) => `${charge.billed} ${charge.unit}` },
  { title: 'total', width: 14, right: true, value: ({ total, charge }) => `${total} ${charge.currency}` },
  { title: 'state', width: 8, value: ({ state }) => state },
  { title: 'commit', width: 10, value: ({ distance }) => distance?.state ?? '' },
];

function printAll(statements: readonly Statement[], { json, csv }: BillOptions): void {
  if (json) for (const statement of statements) print(JSON.stringify(statement));
  else if (csv) {
    const [first = '', ...rest] = statements.map(statementCsv);
    process.stdout.write(first + rest.map((text) => text.slice(text.indexOf('\n') + 1)).join(''));
  } else if (statements.length === 0)
    print('there are no accounts: the page Billing of the console adds them');
  else for (const row of [undefined, ...statements]) print(formatRow(COLUMNS, row));
}

async function printOne({ statement, bins }: AskedStatement, options: BillOptions): Promise<void> {
  if (options.pdf !== undefined) {
    await writeFile(options.pdf, await pdfDocument(statementDocument(statement, bins, Date.now())));
    return;
  }
  if (options.json) print(JSON.stringify(statement));
  else if (options.csv) process.stdout.write(statementCsv(statement));
  else for (const line of linesOf(statement)) print(line);
}

function linesOf(statement: Statement): string[] {
  const { account, period, charge, corrections, total, distance, percentileMbit, notes } = statement;
  const at = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ');
  const charges = charge.lines.map(
    ({ label, quantity, rate, amount }) => `  ${label.padEnd(10)} ${quantity} × ${rate} = ${amount}`,
  );
  return [
    `${account.name}, ${period.name} (${at(period.fromMs)} to ${at(period.toMs)} UTC), ${statement.state}`,
    `billed ${charge.billed} ${charge.unit}; ${account.plan.percentile}th percentile in ${percentileMbit.in.toFixed(3)}, out ${percentileMbit.out.toFixed(3)} Mbit/s`,
    ...charges,
    ...corrections.map(({ period: of, amount }) => `  correction of ${of}: ${amount}`),
    `total ${total} ${charge.currency}`,
    ...(distance === null ? [] : [distanceText(statement, distance)]),
    '',
    ...notes,
  ];
}

/** What may be used until the end of the period, in a sentence. */
function distanceText({ charge }: Statement, distance: NonNullable<Statement['distance']>): string {
  const { binsLeft, mayUseMbit, commit, allowedAbove, binsAbove, state } = distance;
  const target = `the commit of ${commit} ${charge.unit}`;
  if (state === 'exceeded') return `${target} is exceeded; nothing that comes can change that`;
  const use = mayUseMbit === null ? 'as much as you like' : `${mayUseMbit.toFixed(3)} Mbit/s`;
  const free =
    allowedAbove === undefined
      ? ''
      : `, and anything in ${Math.max(0, allowedAbove - (binsAbove ?? 0))} of them`;
  const warning = state === 'expected' ? '; as it goes on, it will be exceeded' : '';
  return `within ${target}: you may use ${use} in the ${binsLeft} bins that are left${free}${warning}`;
}
