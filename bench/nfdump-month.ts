/** nfcapd's files of a synthetic month, and nfdump's answers from them: what our store is measured beside. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SyntheticMonthOptions } from '@weir/collecting';
import {
  cpuSecondsOf,
  measureCommand,
  type Service,
  sleep,
  startService,
  udpPortIsOpen,
} from './measured-process.ts';
import { type MonthPart, sendMonth } from './month-sender.ts';
import { median } from './table.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RUNS = 3;

export interface NfdumpQuestion {
  readonly rangeMs: number;
  /** nfdump's options; none where it has no such question. */
  readonly nfdump?: readonly string[];
}

export interface NfdumpMonth {
  readonly records: number;
  readonly octets: number;
  /** CPU seconds of all nfcapd processes. */
  readonly cpuSeconds: number;
  /** Median milliseconds of each question, its files read before. */
  readonly times: readonly (number | undefined)[];
}

/** Files of an earlier run in the folder are used as they are. The last day is in a file an hour, what was before in a file a day. */
export async function timeNfdump(
  month: SyntheticMonthOptions,
  folder: string,
  questions: readonly NfdumpQuestion[],
): Promise<NfdumpMonth> {
  const ends = partEnds(month);
  const note = path.join(folder, 'received.json');
  if (!existsSync(note)) writeFileSync(note, JSON.stringify(await receive(month, folder, ends)));
  const received: { records: number; octets: number; cpuSeconds: number } = JSON.parse(
    readFileSync(note, 'utf8'),
  );
  const times = questions.map(({ rangeMs, nfdump }) => {
    if (nfdump === undefined) return undefined;
    const asked = ends
      .filter((endMs) => endMs > month.toMs - rangeMs)
      .flatMap((endMs) => filesOf(folder, endMs));
    const lists = `${folder}-asked`;
    rmSync(lists, { recursive: true, force: true });
    mkdirSync(lists);
    asked.forEach((file, index) => {
      execFileSync('ln', [file, path.join(lists, `nfcapd.20200101${String(index).padStart(4, '0')}`)]);
    });
    const ask = () => measureCommand('nfdump', ['-R', lists, '-n', '10', '-q', ...nfdump]).wallSeconds * 1000;
    const runs = Array.from({ length: RUNS }, ask);
    rmSync(lists, { recursive: true, force: true });
    return median(runs);
  });
  return { ...received, times };
}

function partEnds({ fromMs, toMs }: SyntheticMonthOptions): number[] {
  const days = Math.ceil((toMs - fromMs) / DAY_MS) - 1;
  return [
    ...Array.from({ length: days }, (_, day) => fromMs + (day + 1) * DAY_MS),
    ...Array.from({ length: 24 }, (_, hour) => toMs - (23 - hour) * HOUR_MS),
  ];
}

async function receive(month: SyntheticMonthOptions, folder: string, ends: readonly number[]) {
  rmSync(folder, { recursive: true, force: true });
  let cpuSeconds = 0;
  const parts = ends.map((endMs, index) =>
    nfcapdPart(index === 0 ? month.fromMs : ends[index - 1]!, endMs, partFolder(folder, endMs), (seconds) => {
      cpuSeconds += seconds;
    }),
  );
  await sendMonth(month, parts);
  const files = ends.flatMap((endMs) => filesOf(folder, endMs));
  const records = files.reduce((sum, file) => sum + flowsIn(file), 0);
  const octets = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return { records, octets, cpuSeconds };
}

function partFolder(folder: string, endMs: number): string {
  return path.join(folder, String(endMs));
}

function filesOf(folder: string, endMs: number): string[] {
  const part = partFolder(folder, endMs);
  return readdirSync(part)
    .filter((name) => /^nfcapd\.\d+$/.test(name))
    .map((name) => path.join(part, name));
}

function flowsIn(file: string): number {
  const told = execFileSync('nfdump', ['-r', file, '-I'], { encoding: 'utf8' });
  return Number(/^Flows: (\d+)/m.exec(told)?.[1] ?? 0);
}

function nfcapdPart(
  fromMs: number,
  toMs: number,
  folder: string,
  used: (cpuSeconds: number) => void,
): MonthPart {
  let service: Service | undefined;
  return {
    fromMs,
    toMs,
    async begin() {
      mkdirSync(folder, { recursive: true });
      const port = freePort();
      service = await startService(
        'nfcapd',
        ['-b', '127.0.0.1', '-p', `${port}`, '-l', folder, '-B', '16000000', '-y'],
        async () => udpPortIsOpen(port),
      );
      return port;
    },
    async end() {
      await sleep(300);
      if (service !== undefined) used(cpuSecondsOf(service.pid));
      await service?.stop();
    },
  };
}

export function freePort(): number {
  return 20_000 + Math.floor(Math.random() * 20_000);
}
