import process from 'node:process';
import { EXIT_USAGE, UserError } from '@weir/base';
import { generateRecords } from '@weir/collecting';
import { parseUdpDestination } from '../endpoint.ts';
import { writeMonth } from '../month-writer.ts';
import { parseWholeNumber } from '../quantity.ts';
import { scaledText } from '../quantity-text.ts';
import { stopSignal } from '../stop-signal.ts';

interface GenerateOptions {
  to?: string;
  records?: string;
  rate?: string;
  data?: string;
  days: string;
  flows: string;
  exporters: string;
  seed: string;
}

const SEED_MAX = 2 ** 32 - 1;
/** Ten years. */
const DAYS_MAX = 3650;
const PROGRESS_INTERVAL_MS = 200;

/** `weir generate`: prints what a store must show of the records that it sent or wrote. */
export async function generate(options: GenerateOptions): Promise<void> {
  if ((options.to === undefined) === (options.data === undefined)) {
    throw new UserError('usage_generate', 'generate: give either --to or --data', EXIT_USAGE);
  }
  const report =
    options.data === undefined ? await sendRecords(options) : await fillStore(options.data, options);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function sendRecords(options: GenerateOptions): Promise<object> {
  const to = parseUdpDestination(options.to ?? '', '--to');
  if (options.records === undefined) {
    throw new UserError('usage_generate', 'generate: --to needs --records', EXIT_USAGE);
  }
  const rate = options.rate === undefined ? undefined : parseWholeNumber(options.rate, '--rate', 1, 1e8);
  return generateRecords(to, {
    records: parseWholeNumber(options.records, '--records', 1, 1e12),
    seed: parseWholeNumber(options.seed, '--seed', 0, SEED_MAX),
    signal: stopSignal(),
    ...(rate === undefined ? {} : { rate }),
  });
}

async function fillStore(dataDirectory: string, options: GenerateOptions): Promise<object> {
  const flows = parseCount(options.flows, '--flows');
  const progress = progressOf(flows);
  try {
    return await writeMonth({
      dataDirectory,
      hours: parseDays(options.days),
      flows,
      exporters: parseWholeNumber(options.exporters, '--exporters', 1, 250),
      seed: parseWholeNumber(options.seed, '--seed', 0, SEED_MAX),
      signal: stopSignal(),
      wrote: progress.show,
    });
  } finally {
    progress.end();
  }
}

/** Days and parts of days, as hours. */
function parseDays(text: string): number {
  const hours = /^\d+(\.\d+)?$/.test(text) ? Math.round(Number(text) * 24) : Number.NaN;
  if (hours >= 1 && hours <= DAYS_MAX * 24) return hours;
  throw new UserError(
    'usage_number',
    `--days: '${text}' is not allowed (allowed: an hour to ten years)`,
    EXIT_USAGE,
  );
}

/** `100M`, `500k`, `1000`. */
function parseCount(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)$/i.exec(text);
  const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[(match?.[2] ?? '').toLowerCase()] ?? 1;
  const value = Math.round(Number(match?.[1] ?? Number.NaN) * scale);
  if (value >= 1 && value <= 1e11) return value;
  throw new UserError('usage_number', `${option}: '${text}' is not allowed (allowed: 1 to 100G)`, EXIT_USAGE);
}

/** On a terminal, how far it is. */
function progressOf(whole: number): { show(records: number): void; end(): void } {
  const isTerminal = process.stderr.isTTY === true;
  let shownMs = 0;
  return {
    show(records) {
      if (!isTerminal || performance.now() - shownMs < PROGRESS_INTERVAL_MS) return;
      shownMs = performance.now();
      const percent = Math.min(100, Math.round((records / whole) * 100));
      const bar = '='.repeat(Math.floor(percent / 4)).padEnd(25);
      process.stderr.write(`\r[${bar}] ${percent} %  ${scaledText(records)} records\u001b[K`);
    },
    end() {
      if (isTerminal && shownMs > 0) process.stderr.write('\r\u001b[K');
    },
  };
}
