import { existsSync, readFileSync } from 'node:fs';
import process from 'node:process';
import {
  formatPolicyProblem,
  importNftables,
  importPolicyCsv,
  type MatrixCell,
  type PolicyImport,
  parsePolicyText,
} from '@weir/analysis';
import { createStderrLogger, EXIT_USAGE, systemClock, UserError } from '@weir/base';
import {
  ApiError,
  auditCsv,
  createAnalysisQueue,
  createPolicyAnalysis,
  type MatrixAnswer,
} from '@weir/server';
import { openStore } from '@weir/storage';
import { parseMomentMs } from '../moment.ts';
import { withProgressLine } from '../progress-line.ts';
import { parseDurationMs } from '../quantity.ts';
import { scaledText } from '../quantity-text.ts';
import { connectService } from '../service-client.ts';
import { stopSignal } from '../stop-signal.ts';
import { formatRow, type TableColumn } from '../text-table.ts';

/** `weir policy check`: exit code 2 when the file is no policy. */
export function check(file: string, options: { json?: true }): void {
  const { document, problems } = parsePolicyText(readText(file));
  if (options.json) print(JSON.stringify({ valid: document !== undefined, problems }));
  else for (const problem of problems) print(formatPolicyProblem(problem, file));
  if (document === undefined) process.exitCode = EXIT_USAGE;
  else if (!options.json) {
    const { groups, services, rules } = document;
    print(`${file}: ${groups.length} groups, ${services.length} services, ${rules.length} rules`);
  }
}

/** `weir policy import`: the policy on stdout, what it does not say on stderr. */
export function importFrom(
  file: string,
  options: { from: string; self: readonly string[]; interface: readonly string[] },
): void {
  const text = readText(file);
  const imported = options.from === 'csv' ? importPolicyCsv(text) : importRuleset(text, options, file);
  print(JSON.stringify(imported.document, null, 2));
  for (const note of imported.notes) process.stderr.write(`note: ${note}\n`);
  for (const { what, reason } of imported.notMapped) process.stderr.write(`left out: ${what}: ${reason}\n`);
}

function importRuleset(
  text: string,
  options: { self: readonly string[]; interface: readonly string[] },
  file: string,
): PolicyImport {
  const interfaces = Object.fromEntries(options.interface.map(interfaceNetworks));
  try {
    return importNftables(text, { self: options.self.flatMap(commaList), interfaces });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError('ruleset_invalid', `${file}: no JSON: ${error.message}`, EXIT_USAGE);
  }
}

const commaList = (text: string) => text.split(',').map((each) => each.trim());

function interfaceNetworks(text: string): [string, string[]] {
  const [name = '', networks] = text.split('=', 2);
  if (networks !== undefined && name !== '') return [name, commaList(networks)];
  throw new UserError(
    'usage_interface',
    `--interface: '${text}' (allowed: wg0=10.0.0.0/8,fd00::/8)`,
    EXIT_USAGE,
  );
}

interface MatrixOptions {
  readonly data: string;
  readonly last: string;
  readonly from?: string;
  readonly to?: string;
  readonly filter: string;
  readonly json?: true;
  readonly csv?: true;
}

/** `weir policy matrix`: asks the process that owns the store, else opens it. */
export async function matrix(options: MatrixOptions): Promise<void> {
  const nowMs = Date.now();
  const toMs = options.to === undefined ? nowMs : parseMomentMs(options.to, '--to', nowMs);
  const fromMs =
    options.from === undefined
      ? toMs - parseDurationMs(options.last, '--last')
      : parseMomentMs(options.from, '--from', nowMs);
  if (fromMs >= toMs) throw new UserError('usage_time', '--from: it has to be before --to', EXIT_USAGE);
  const question = { fromMs: Math.round(fromMs), toMs: Math.round(toMs), filter: options.filter };
  const answer = await withProgressLine('judging', ask(options.data, question));
  if (options.json) print(JSON.stringify(answer));
  else if (options.csv) process.stdout.write(auditCsv(answer));
  else printMatrix(answer);
}

async function ask(
  data: string,
  question: { fromMs: number; toMs: number; filter: string },
): Promise<MatrixAnswer> {
  const { fromMs, toMs, filter } = question;
  const service = await connectService(data);
  if (service !== undefined) {
    const asked = { from: String(fromMs), to: String(toMs), filter };
    return service.get('policy/matrix', asked).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error;
      throw new UserError(error.problem.code, error.message);
    });
  }
  if (!existsSync(data))
    throw new UserError('store_missing', `${data}: there is no store (--data says where one is)`);
  const logger = createStderrLogger('policy', 'warn');
  const store = await openStore({ dataDirectory: data, logger });
  try {
    const queue = createAnalysisQueue({ store, clock: systemClock, logger });
    const alerts = { raise: () => 'grouped' as const };
    const policy = createPolicyAnalysis({ queue, alerts, dataDirectory: data, clock: systemClock, logger });
    const { policy: current, ...answer } = await policy.matrix(question, stopSignal());
    return { ...answer, version: current.version };
  } finally {
    await store.close();
  }
}

const figure = (connections: number) => (connections === 0 ? '' : scaledText(connections));
const COLUMNS: readonly TableColumn<MatrixCell>[] = [
  { title: 'from', width: 18, value: ({ from }) => from },
  { title: 'to', width: 18, value: ({ to }) => to },
  { title: 'allowed', width: 9, right: true, value: ({ allowed }) => figure(allowed.connections) },
  { title: 'dropped', width: 9, right: true, value: ({ dropped }) => figure(dropped.connections) },
  { title: 'ALTHOUGH DENIED', width: 15, right: true, value: (cell) => figure(cell.violation.connections) },
  { title: 'unexplained', width: 11, right: true, value: (cell) => figure(cell.unexplained.connections) },
  { title: 'never seen', width: 10, value: ({ missing }) => missing.join(', ') },
];

function printMatrix({ matrix: found, version, records, notes }: MatrixAnswer): void {
  for (const row of [undefined, ...found.cells]) print(formatRow(COLUMNS, row));
  const never = found.rules.filter(({ neverHit }) => neverHit).map(({ name }) => name);
  if (never.length > 0) print(`rules never hit: ${never.join(', ')}`);
  if (found.firewallNeverHit.length > 0)
    print(`rules of the firewall that dropped nothing: ${found.firewallNeverHit.join(', ')}`);
  print(
    `${found.connections} connections of ${records} records, by version ${version.version} of the policy`,
  );
  for (const note of [...notes, ...found.notes]) process.stderr.write(`note: ${note}\n`);
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new UserError('file_unreadable', `${file}: ${(error as Error).message}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
