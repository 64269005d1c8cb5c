import { existsSync } from 'node:fs';
import process from 'node:process';
import { createStderrLogger, UserError } from '@weir/base';
import { type EmbeddedStore, openStore } from '@weir/storage';
import { parseMomentMs } from '../moment.ts';
import { withProgressLine } from '../progress-line.ts';
import { scaledText } from '../quantity-text.ts';
import { stopSignal } from '../stop-signal.ts';

interface StoreFolder {
  data: string;
}

/** `weir store check`: reads every file; exit code 1 when one is damaged and was not set aside. */
export async function check(options: StoreFolder & { repair?: true; json?: true }): Promise<void> {
  const repair = options.repair === true;
  const signal = stopSignal();
  const report = await withStore(options, 'reading every file', (store) => store.check(repair, { signal }));
  if (options.json) print(JSON.stringify(report));
  else {
    for (const { path, problem, setAside } of report.damaged) {
      print(`${path}: ${problem}${setAside === undefined ? '' : `; moved to ${setAside}`}`);
    }
    const { files, rows, octets, damaged } = report;
    print(`${files} files, ${rows} records, ${scaledText(octets)}B: ${damaged.length} damaged`);
  }
  if (report.damaged.length > 0 && !repair) process.exitCode = 1;
}

/** `weir store compact`: merges small files and sums up what is not yet, without waiting for the hour to end. */
export async function compact(options: StoreFolder): Promise<void> {
  const { filesMerged } = await withStore(options, 'merging and summing up', async (store) => {
    await store.seal();
    return store.compact();
  });
  print(`${filesMerged} files merged`);
}

/** `weir store export`: records of a time range as Parquet files in a folder. */
export async function exportTo(
  folder: string,
  options: StoreFolder & { from?: string; to?: string },
): Promise<void> {
  const nowMs = Date.now();
  const range = {
    fromMs: options.from === undefined ? 0 : parseMomentMs(options.from, '--from', nowMs),
    toMs: options.to === undefined ? nowMs : parseMomentMs(options.to, '--to', nowMs),
  };
  const report = await withStore(options, 'exporting', (store) => store.exportRecords(range, folder));
  print(`${report.rows} records in ${report.files} files in ${folder}`);
}

/** `weir store import`: what `weir store export` wrote, from one store into another, once. */
export async function importFrom(paths: readonly string[], options: StoreFolder): Promise<void> {
  const report = await withStore(options, 'importing', (store) => store.importRecords(paths), true);
  const known = report.known === 0 ? '' : `; ${report.known} files had been imported before`;
  print(`${report.rows} records from ${report.files} files${known}`);
}

async function withStore<Result>(
  { data }: StoreFolder,
  title: string,
  work: (store: EmbeddedStore) => Promise<Result>,
  mayCreate = false,
): Promise<Result> {
  if (!mayCreate && !existsSync(data)) {
    throw new UserError('store_missing', `${data}: there is no store (--data says where one is)`);
  }
  const store = await openStore({ dataDirectory: data, logger: createStderrLogger('store', 'warn') });
  try {
    return await withProgressLine(title, work(store));
  } finally {
    await store.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
