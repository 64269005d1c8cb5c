/**
 * `npm run bench -- detect[:FLOWS]`: what each detection costs (CPU seconds of the process for a million records that it
 * is given), and how right it is: precision and recall on labelled traffic of five days (FLOWS records of everyday traffic,
 * default 1M, attacks of every kind, look-alikes that are none), and what it says of the same days without the attacks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {
  AddressFeeds,
  type AlertFinding,
  DETECTIONS,
  type Detection,
  DetectionMemory,
  defaultParameters,
  HOME_NETWORKS_DEFAULT,
  parseAddressFeed,
  parseNetwork,
} from '@weir/analysis';
import { createBufferSender, createStderrLogger } from '@weir/base';
import {
  createSyntheticMonth,
  LABELLED_DAYS,
  type LabelledEvent,
  LISTED_ADDRESSES,
  planLabelledTraffic,
  QUIET_DAYS,
  truthOf,
} from '@weir/collecting';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
} from '@weir/ipfix';
import { type FlowStore, openStore } from '@weir/storage';
import { printTable } from './table.ts';

const DAY_MS = 86_400_000;
/** A Monday. */
const FROM_MS = Date.UTC(2026, 4, 4);
const TO_MS = FROM_MS + LABELLED_DAYS * DAY_MS;
const SEED = 7;
/** Fewer than ten exporters: none of them samples, so that every planted flow is there. */
const EXPORTERS = 9;
/** What has to be learned is, on the quiet days. */
const OVERRIDES: Readonly<Record<string, number>> = { learnDays: QUIET_DAYS - 1 };

interface Outcome {
  readonly findings: AlertFinding[];
  readonly cpuSeconds: number;
  readonly elapsedMs: number;
  readonly queries: number;
}

export async function benchmarkDetect(flowsText = '1M'): Promise<void> {
  const flows = Number(flowsText.replace(/m$/i, '')) * (/m$/i.test(flowsText) ? 1e6 : 1);
  const labelled = await judge(flows, false);
  const clean = await judge(flows, true);
  const cost: string[][] = [];
  const right: string[][] = [];
  for (const { id } of DETECTIONS) {
    const seen = labelled.outcomes.get(id);
    const quiet = clean.outcomes.get(id);
    if (seen === undefined || quiet === undefined) continue;
    const perMillion = (seen.cpuSeconds / labelled.records) * 1e6;
    cost.push([id, String(seen.queries), perMillion.toFixed(3), ((perMillion / 10) * 100).toFixed(2)]);
    right.push([
      id,
      ...judgement(id, seen.findings, labelled.events),
      String(subjectsOf(quiet.findings).size),
    ]);
  }
  const title = `${LABELLED_DAYS} days, ${labelled.records.toLocaleString('en-US')} records`;
  printTable(
    `Cost of detections (npm run bench -- detect:${flowsText}): ${title}`,
    ['detection', 'questions', 'CPU s / M records', '% of a core at 100,000 records/s'],
    cost,
  );
  printTable(
    `Precision and recall on labelled traffic: ${labelled.events.filter(({ expected }) => expected.length > 0).length} attacks`,
    [
      'detection',
      'attacks',
      'found',
      'recall',
      'subjects told',
      'false',
      'precision',
      'told in clean traffic',
    ],
    right,
  );
}

interface Judged {
  readonly records: number;
  readonly events: readonly LabelledEvent[];
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

async function judge(flows: number, isClean: boolean): Promise<Judged> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-detect-'));
  const store = await openStore({ dataDirectory: folder, logger: createStderrLogger('bench', 'warn') });
  try {
    const { records, events } = await fill(store, flows, isClean);
    const outcomes = new Map<string, Outcome>();
    for (const detection of DETECTIONS) outcomes.set(detection.id, await run(store, detection));
    return { records, events, outcomes };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(store: FlowStore, flows: number, isClean: boolean) {
  let events: readonly LabelledEvent[] = [];
  const month = createSyntheticMonth({
    fromMs: FROM_MS,
    toMs: TO_MS,
    flows,
    seed: SEED,
    exporters: EXPORTERS,
    attacks: (network) => {
      events = planLabelledTraffic(network, FROM_MS, isClean);
      return events;
    },
  });
  const octets = flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT);
  const sender = createBufferSender<FlowBatchNote>(store.connectWriter(), 4, octets);
  for (;;) {
    const buffer = sender.acquire();
    if (buffer === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    const goesOn = month.fill(batch);
    if (batch.rowCount > 0) sender.send(batch.buffer, noteOfFlowBatch(batch));
    else sender.release(buffer);
    if (batch.rowCount === 0 && !goesOn) break;
  }
  await sender.drained();
  sender.close();
  await store.flush();
  await store.seal();
  await store.compact();
  return { records: month.totals.records, events };
}

/** Plays the days through one detection, as the server does live: each step once, in its order. */
async function run(store: FlowStore, detection: Detection): Promise<Outcome> {
  const home = HOME_NETWORKS_DEFAULT.flatMap((text) => parseNetwork(text) ?? []);
  const feed = { name: 'bench', changedMs: FROM_MS, ...parseAddressFeed(LISTED_ADDRESSES.join('\n')) };
  const parameters: Record<string, number> = defaultParameters(detection);
  for (const [name, value] of Object.entries(OVERRIDES)) if (name in parameters) parameters[name] = value;
  const memory = new DetectionMemory(detection.memoryRowsMax);
  const findings: AlertFinding[] = [];
  let queries = 0;
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  for (let fromMs = FROM_MS; fromMs < TO_MS; fromMs += detection.chunkMs) {
    const range = { fromMs, toMs: Math.min(TO_MS, fromMs + detection.chunkMs) };
    const ask = async (sql: string, asked: typeof range) => {
      queries += 1;
      return (await store.sql(sql, { range: asked })).rows;
    };
    const counted = `("duplicate" = 1) IS NOT TRUE`;
    const context = { range, parameters, home, counted, memory, feeds: new AddressFeeds([feed]) };
    findings.push(...(await detection.run(ask, context)));
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { findings, queries, cpuSeconds: (user + system) / 1e6, elapsedMs: performance.now() - startMs };
}

const subjectsOf = (findings: readonly AlertFinding[]): Set<string> =>
  new Set(findings.map(({ subject }) => `${subject.kind} ${subject.value}`));

function judgement(
  id: string,
  findings: readonly AlertFinding[],
  events: readonly LabelledEvent[],
): string[] {
  const attacks = events.filter(({ expected }) => expected[0] === id);
  const allowed = events.filter(({ expected }) => expected.includes(id));
  const isOf = (event: LabelledEvent) => {
    const { attacker, victim } = truthOf(event) as { attacker: string; victim: string };
    return (finding: AlertFinding) =>
      finding.subject.value.split(/[\s→]+/).some((part) => part === attacker || part === victim) &&
      Date.parse(finding.lastSeen) >= event.startMs;
  };
  const found = attacks.filter((event) => findings.some(isOf(event)));
  const wrong = findings.filter((finding) => !allowed.some((event) => isOf(event)(finding)));
  const [told, falsely] = [subjectsOf(findings).size, subjectsOf(wrong).size];
  if (process.env['WEIR_BENCH_VERBOSE'] !== undefined) {
    for (const value of subjectsOf(wrong)) console.error(`${id}: told falsely: ${value}`);
    for (const event of attacks) if (!found.includes(event)) console.error(`${id}: missed`, truthOf(event));
  }
  return [
    String(attacks.length),
    String(found.length),
    attacks.length === 0 ? '' : (found.length / attacks.length).toFixed(3),
    String(told),
    String(falsely),
    told === 0 ? '' : ((told - falsely) / told).toFixed(3),
  ];
}
