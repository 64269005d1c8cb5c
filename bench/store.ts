/**
 * `npm run bench -- store[:FLOWS]`: questions to a month of FLOWS records (default 3M), first and warm, alone and
 * while 100,000 records a second arrive, beside nfdump answering the same questions from its own files of the same flows.
 * `WEIR_BENCH_STORE=DIR` names a folder for the month: it is filled when it is not there, and stays, nfdump's files
 * (`DIR-nfcapd`) too; so the next run takes a minute.
 */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { generator, WORK_FOLDER } from './generators.ts';
import { measureCommand, type Service, sleep, startService, udpPortIsOpen } from './measured-process.ts';
import { freePort, timeNfdump } from './nfdump-month.ts';
import { median, printTable } from './table.ts';

const WEIR = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const FLOWS_DEFAULT = '3M';
const DAYS = 30;
const SEED = 1;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WARM_RUNS = 5;
const ARRIVING_PER_SECOND = 100_000;
/** One of the hosts inside. */
const HOST = '10.3.1.77';

interface Question {
  readonly title: string;
  readonly limitMs: number;
  readonly rangeMs: number;
  readonly plan: Readonly<Record<string, unknown>>;
  /** nfdump's options for the same; none where it has no such question. */
  readonly nfdump?: readonly string[];
}

const groups = (by: readonly string[], more: object = {}) => ({ kind: 'groups', groupBy: by, ...more });
/** `needle`: an address that occurs in one record. */
const questionsAbout = (needle: string): readonly Question[] => [
  {
    title: 'top 10 sources, last hour',
    limitMs: 100,
    rangeMs: HOUR_MS,
    plan: groups(['srcAddr']),
    nfdump: ['-s', 'srcip/bytes'],
  },
  {
    title: 'top 10 ports, last hour',
    limitMs: 100,
    rangeMs: HOUR_MS,
    plan: groups(['dstPort']),
    nfdump: ['-s', 'dstport/bytes'],
  },
  {
    title: 'top 10 pairs, last day',
    limitMs: 500,
    rangeMs: DAY_MS,
    plan: groups(['srcAddr', 'dstAddr']),
    nfdump: ['-A', 'srcip,dstip', '-s', 'record/bytes'],
  },
  {
    title: 'top 10 sources, last day',
    limitMs: 500,
    rangeMs: DAY_MS,
    plan: groups(['srcAddr']),
    nfdump: ['-s', 'srcip/bytes'],
  },
  {
    title: 'top 10 sources, 30 days',
    limitMs: 500,
    rangeMs: DAYS * DAY_MS,
    plan: groups(['srcAddr'], { from: 'rollup' }),
    nfdump: ['-s', 'srcip/bytes'],
  },
  {
    title: 'top 10 ports, 30 days',
    limitMs: 500,
    rangeMs: DAYS * DAY_MS,
    plan: groups(['dstPort'], { from: 'rollup' }),
    nfdump: ['-s', 'dstport/bytes'],
  },
  {
    title: 'top 10 pairs, 30 days',
    limitMs: 500,
    rangeMs: DAYS * DAY_MS,
    plan: groups(['srcAddr', 'dstAddr'], { from: 'rollup' }),
  },
  {
    title: 'top 10 AS paths, 30 days',
    limitMs: 500,
    rangeMs: DAYS * DAY_MS,
    plan: groups(['srcAs', 'dstAs'], { from: 'rollup' }),
  },
  {
    title: 'newest records of a host, 30 days',
    limitMs: 2000,
    rangeMs: DAYS * DAY_MS,
    plan: { kind: 'records', filter: `host ${HOST}` },
    nfdump: ['-o', 'null', `host ${HOST}`],
  },
  {
    title: 'an address seen once, 30 days, records',
    limitMs: 2000,
    rangeMs: DAYS * DAY_MS,
    plan: { kind: 'records', filter: `host ${needle}` },
    nfdump: ['-o', 'null', `host ${needle}`],
  },
];

interface Timing {
  readonly firstMs: number;
  readonly warmMs: number;
  readonly why: string;
}

export async function benchmarkStore(flowsText = FLOWS_DEFAULT): Promise<void> {
  const kept = process.env['WEIR_BENCH_STORE'];
  const month = kept ?? path.join(WORK_FOLDER, `month-${flowsText}`);
  const fill = fillStore(month, flowsText);
  const { records, from, to, exporters, attacks } = JSON.parse(
    readFileSync(path.join(month, 'generated.json'), 'utf8'),
  );
  // A sweep asks each address of a range once.
  const sweep = attacks.find(({ kind }: { kind: string }) => kind === 'hostSweep');
  const questions = questionsAbout(sweep.victim);
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  console.error(
    `filled: ${records} records in ${fill.wallSeconds.toFixed(0)} s, ${fill.cpuSeconds.toFixed(0)} CPU s`,
  );
  // What arrives meanwhile must not be in the month of the next run.
  const data = `${month}-asked`;
  rmSync(data, { recursive: true, force: true });
  linkStore(month, data);

  const [udp, http] = [freePort(), freePort()];
  const weir = await startService(
    process.execPath,
    [
      WEIR,
      'collect',
      '--data',
      data,
      '--listen',
      `udp/127.0.0.1:${udp}`,
      '--http',
      `127.0.0.1:${http}`,
      '--log-level',
      'error',
    ],
    async () => udpPortIsOpen(udp) && (await isUp(http)),
  );
  const sizes = { flows: folderOctets(path.join(month, 'flows')), all: folderOctets(month) };
  const alone: Timing[] = [];
  const beside: Timing[] = [];
  try {
    for (const question of questions) alone.push(await time(question, http, toMs));
    await whileArriving(udp, async () => {
      for (const question of questions) beside.push(await time(question, http, toMs));
    });
  } finally {
    await weir.stop();
  }
  rmSync(data, { recursive: true, force: true });

  const theirs = existsSync('/usr/bin/nfcapd')
    ? await timeNfdump(
        { fromMs, toMs, flows: requestedFlows(fill.flows), seed: SEED, exporters },
        `${month}-nfcapd`,
        questions,
      )
    : undefined;
  if (theirs !== undefined) console.error(`nfcapd has ${theirs.records} of ${records} records`);
  if (kept === undefined) {
    for (const folder of [month, `${month}-nfcapd`]) rmSync(folder, { recursive: true, force: true });
  }
  printTable(
    `${records.toLocaleString('en')} records of ${DAYS} days; ms, first and median of ${WARM_RUNS}; beside: while ${ARRIVING_PER_SECOND.toLocaleString('en')} records/s arrive`,
    ['question', 'at most', 'first', 'warm', 'beside', 'ratio', 'nfdump', 'answered from'],
    questions.map(({ title, limitMs }, index) => {
      const [mine, under] = [alone[index]!, beside[index]!];
      return [
        title,
        `${limitMs}`,
        mine.firstMs.toFixed(0),
        mine.warmMs.toFixed(0),
        under.warmMs.toFixed(0),
        (under.warmMs / mine.warmMs).toFixed(1),
        theirs?.times[index]?.toFixed(0) ?? '',
        mine.why,
      ];
    }),
  );
  printTable(
    'Filling and size',
    ['', 'records', 'wall s', 'CPU s per M', 'octets/record'],
    [
      [
        'weir generate --data, seal, merge, roll up',
        `${records}`,
        fill.wallSeconds.toFixed(0),
        (fill.cpuSeconds / (records / 1e6)).toFixed(2),
        `${(sizes.flows / records).toFixed(1)} (with roll-ups ${(sizes.all / records).toFixed(1)})`,
      ],
      ...(theirs === undefined
        ? []
        : [
            [
              'nfcapd, LZ4',
              `${theirs.records}`,
              '',
              (theirs.cpuSeconds / (theirs.records / 1e6)).toFixed(2),
              (theirs.octets / theirs.records).toFixed(1),
            ],
          ]),
    ],
  );
}

interface Fill {
  readonly flows: string;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

/** Fills the folder, unless an earlier run left it. */
function fillStore(data: string, flows: string): Fill {
  const note = `${data}.json`;
  if (existsSync(note) && existsSync(data)) return JSON.parse(readFileSync(note, 'utf8'));
  rmSync(data, { recursive: true, force: true });
  mkdirSync(WORK_FOLDER, { recursive: true });
  const args = ['--data', data, '--days', `${DAYS}`, '--flows', flows, '--seed', `${SEED}`];
  const { cpuSeconds, wallSeconds } = measureCommand(process.execPath, [WEIR, 'generate', ...args]);
  const fill = { flows, cpuSeconds, wallSeconds };
  writeFileSync(note, JSON.stringify(fill));
  return fill;
}

/** A store beside another one: Parquet files never change, so they are shared. */
function linkStore(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) linkStore(source, target);
    else if (entry.name.endsWith('.parquet')) linkSync(source, target);
    else copyFileSync(source, target);
  }
}

/** Each run asks for one row more, so that no answer comes from a cache of answers. */
async function time({ title, plan, rangeMs }: Question, http: number, toMs: number): Promise<Timing> {
  const times: number[] = [];
  let why = '';
  for (let run = 0; run <= WARM_RUNS; run++) {
    const startMs = performance.now();
    const response = await fetch(`http://127.0.0.1:${http}/api/v1/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...plan, timeRange: { fromMs: toMs - rangeMs, toMs }, limit: 10 + run }),
    });
    const answer = (await response.json()) as { rows?: unknown[]; source?: { why: string }; error?: object };
    if (answer.rows === undefined) console.error(`${title}: ${JSON.stringify(answer.error)}`);
    times.push(performance.now() - startMs);
    why = answer.source?.why ?? '';
  }
  return { firstMs: times[0]!, warmMs: median(times.slice(1)), why };
}

/** Sends records at a fixed rate meanwhile. */
async function whileArriving(port: number, work: () => Promise<void>): Promise<void> {
  const ipfixgen = generator('ipfixgen');
  const sender: Service =
    ipfixgen === undefined
      ? await startService(
          process.execPath,
          [
            WEIR,
            'generate',
            '--to',
            `udp/127.0.0.1:${port}`,
            '--records',
            '1000000000',
            '--rate',
            `${ARRIVING_PER_SECOND}`,
          ],
          async () => true,
        )
      : await startService(
          ipfixgen,
          ['udp', '127.0.0.1', `${port}`, '1000000000', `${ARRIVING_PER_SECOND / 20}`, '16', '7'],
          async () => true,
        );
  try {
    await sleep(3000);
    await work();
  } finally {
    await sender.stop();
  }
}

/** As `weir generate --flows` reads it. */
function requestedFlows(text: string): number {
  const match = /^([\d.]+)([kM]?)$/i.exec(text);
  return Math.round(Number(match?.[1]) * ({ k: 1e3, m: 1e6 }[(match?.[2] ?? '').toLowerCase()] ?? 1));
}

async function isUp(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
  } catch {
    return false;
  }
}

function folderOctets(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}
