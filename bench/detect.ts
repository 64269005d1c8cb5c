/**
 * `npm run bench -- detect[:FLOWS]`: what each detection costs (CPU seconds of the process for a million records, over one
 * dense hour, asked in the steps in which it looks live), and how right it is: precision and recall on labelled traffic of
 * five days (FLOWS records of everyday traffic, default 1M, attacks of every kind, look-alikes that are none), and what it
 * says of the same days without the attacks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {
  type AlertFinding,
  DETECTIONS,
  type Detection,
  defaultParameters,
  type TimeRange,
} from '@weir/analysis';
import { createStderrLogger } from '@weir/base';
import {
  createSyntheticMonth,
  LABELLED_DAYS,
  type LabelledEvent,
  LISTED_ADDRESSES,
  planLabelledTraffic,
  QUIET_DAYS,
  type SyntheticMonthOptions,
  truthOf,
} from '@weir/collecting';
import { type FlowStore, openStore } from '@weir/storage';
import { fillStore, type Played, playDetection } from './detection-play.ts';
import { printTable } from './table.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const logger = createStderrLogger('bench', 'warn');
/** CPU time is measured, not how long it takes beside others. */
const PATIENT = { queryTimeoutMs: 600_000 };
const DENSE_FLOWS = 3_000_000;
/** A Monday. */
const FROM_MS = Date.UTC(2026, 4, 4);
const TO_MS = FROM_MS + LABELLED_DAYS * DAY_MS;
const SEED = 7;
/** Fewer than ten exporters: none of them samples, so that every planted flow is there. */
const EXPORTERS = 9;
/** What has to be learned is, on the quiet days. */
const OVERRIDES: Readonly<Record<string, number>> = { learnDays: QUIET_DAYS - 1 };

interface Outcome extends Played {
  readonly cpuSeconds: number;
}

export async function benchmarkDetect(flowsText = '1M'): Promise<void> {
  const flows = Number(flowsText.replace(/m$/i, '')) * (/m$/i.test(flowsText) ? 1e6 : 1);
  const dense = await costOfHour();
  const labelled = await judge(flows, false);
  const clean = await judge(flows, true);
  const right: string[][] = [];
  for (const { id } of DETECTIONS) {
    const seen = labelled.outcomes.get(id);
    const quiet = clean.outcomes.get(id);
    if (seen === undefined || quiet === undefined) continue;
    right.push([
      id,
      ...judgement(id, seen.findings, labelled.events),
      String(subjectsOf(quiet.findings).size),
    ]);
  }
  printTable(
    `Cost of detections (npm run bench -- detect): one hour of ${dense.records.toLocaleString('en-US')} ` +
      'records, asked as live',
    ['detection', 'questions', 'CPU s', 'CPU s / M records', '% of a core at 100,000 records/s'],
    dense.rows,
  );
  const days = `${LABELLED_DAYS} days, ${labelled.records.toLocaleString('en-US')} records`;
  printTable(
    `Precision and recall on labelled traffic (${days}): ` +
      `${labelled.events.filter(({ expected }) => expected.length > 0).length} attacks`,
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

/** What every detection costs over an hour as busy as a laptop can make it, in the steps in which it looks live. */
async function costOfHour(): Promise<{ readonly records: number; readonly rows: string[][] }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-detect-'));
  const store = await openStore({ dataDirectory: folder, logger, options: PATIENT });
  try {
    const range = { fromMs: FROM_MS, toMs: FROM_MS + HOUR_MS };
    // Not merged: live, the newest minutes are in files and memory of their own.
    const { records } = await fill(store, range, DENSE_FLOWS, () => []);
    const rows: string[][] = [];
    for (const detection of DETECTIONS) {
      const { queries, cpuSeconds } = await run(store, detection, range, detection.stepMs);
      const perMillion = (cpuSeconds / records) * 1e6;
      const share = ((perMillion / 10) * 100).toFixed(2);
      rows.push([detection.id, String(queries), cpuSeconds.toFixed(2), perMillion.toFixed(3), share]);
    }
    return { records, rows };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Judged {
  readonly records: number;
  readonly events: readonly LabelledEvent[];
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

async function judge(flows: number, isClean: boolean): Promise<Judged> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-detect-'));
  const store = await openStore({ dataDirectory: folder, logger, options: PATIENT });
  try {
    let events: readonly LabelledEvent[] = [];
    const range = { fromMs: FROM_MS, toMs: TO_MS };
    const { records } = await fill(store, range, flows, (network) => {
      events = planLabelledTraffic(network, FROM_MS, isClean);
      return events;
    });
    await store.compact();
    const outcomes = new Map<string, Outcome>();
    for (const detection of DETECTIONS)
      outcomes.set(detection.id, await run(store, detection, range, detection.chunkMs));
    return { records, events, outcomes };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(
  store: FlowStore,
  range: TimeRange,
  flows: number,
  attacks: NonNullable<SyntheticMonthOptions['attacks']>,
): Promise<{ readonly records: number }> {
  const month = createSyntheticMonth({ ...range, flows, seed: SEED, exporters: EXPORTERS, attacks });
  await fillStore(store, (batch) => month.fill(batch));
  return { records: month.totals.records };
}

async function run(
  store: FlowStore,
  detection: Detection,
  whole: TimeRange,
  atOnceMs: number,
): Promise<Outcome> {
  const parameters: Record<string, number> = defaultParameters(detection);
  for (const [name, value] of Object.entries(OVERRIDES)) if (name in parameters) parameters[name] = value;
  const feed = { text: LISTED_ADDRESSES.join('\n'), changedMs: FROM_MS };
  const cpuBefore = process.cpuUsage();
  const played = await playDetection(store, detection, { range: whole, atOnceMs, parameters, feed });
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ...played, cpuSeconds: (user + system) / 1e6 };
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
    for (const { subject, evidence } of wrong)
      console.error(
        `${id}: told falsely: ${subject.value}`,
        JSON.stringify(evidence.numbers.map((each) => [each.name, each.value, each.threshold])),
      );
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
