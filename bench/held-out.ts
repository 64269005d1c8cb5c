/**
 * Detections against traffic that none of them was made for (bench/held-out): what each says of attacks and of what only
 * looks like one, told apart by half, because the second half was not looked at when something was mended.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { type AlertFinding, DETECTIONS, type Detection, defaultParameters, severityOf } from '@weir/analysis';
import { createStderrLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { fillStore, playDetection } from './detection-play.ts';
import { ATTACKS, LISTED } from './held-out/attacks.ts';
import { FlowRecords } from './held-out/flow-records.ts';
import { INNOCENTS, JUDGED_FROM_MS, playOffice } from './held-out/innocents.ts';
import {
  createRandom,
  DAY_MS,
  HELD_OUT_DAYS,
  HELD_OUT_FROM_MS,
  MINUTE_MS,
  type Scenario,
} from './held-out/scenario.ts';
import { printTable } from './table.ts';

const SEED = 20_261_121;
const logger = createStderrLogger('bench', 'warn');
const WHOLE = { fromMs: HELD_OUT_FROM_MS, toMs: HELD_OUT_FROM_MS + HELD_OUT_DAYS * DAY_MS };
/** A detection looks this long after a step is over. */
const SETTLE_MS = 2 * MINUTE_MS;
const JUDGED_DAYS = (WHOLE.toMs - JUDGED_FROM_MS) / DAY_MS;

interface Told {
  readonly detection: Detection;
  readonly finding: AlertFinding;
}

export async function benchmarkHeldOut(only?: string): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-held-out-'));
  const store = await openStore({ dataDirectory: folder, logger, options: { queryTimeoutMs: 600_000 } });
  try {
    const records = await fill(store);
    const told: Told[] = [];
    for (const detection of DETECTIONS) {
      if (!detection.enabledByDefault || (only !== undefined && !only.split(',').includes(detection.id)))
        continue;
      for (const finding of await play(store, detection)) told.push({ detection, finding });
    }
    const judged = told
      .filter(({ finding }) => Date.parse(finding.lastSeen) >= JUDGED_FROM_MS)
      .sort((one, other) => one.finding.lastSeen.localeCompare(other.finding.lastSeen));
    const days = `${HELD_OUT_DAYS} days, the last ${JUDGED_DAYS} judged, ${records.toLocaleString('en-US')} records`;
    printAttacks(judged, days);
    printInnocents(judged, days);
    printDetections(judged, days);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(store: FlowStore): Promise<number> {
  const flows = new FlowRecords();
  playOffice(flows, createRandom(SEED));
  for (const [index, scenario] of [...ATTACKS, ...INNOCENTS].entries())
    scenario.play(flows, createRandom(SEED + 1 + index));
  await fillStore(store, (batch) => flows.fill(batch));
  await store.compact();
  return flows.count;
}

/** Plays all days through one detection with its defaults. What remembers nothing need not see the quiet ones. */
async function play(store: FlowStore, detection: Detection): Promise<readonly AlertFinding[]> {
  const fromMs = detection.memoryRowsMax === 0 ? JUDGED_FROM_MS : WHOLE.fromMs;
  const { findings } = await playDetection(store, detection, {
    range: { ...WHOLE, fromMs },
    atOnceMs: detection.chunkMs,
    parameters: defaultParameters(detection),
    feed: { text: LISTED.join('\n'), changedMs: WHOLE.toMs - 5 * DAY_MS },
  });
  return findings;
}

const keyOf = ({ detection, finding }: Told): string =>
  `${detection.id} ${finding.subject.kind} ${finding.subject.value}`;

function isAbout(scenario: Scenario, { finding }: Told): boolean {
  const parts = finding.subject.value.split(/[\s→,]+/);
  return (
    Date.parse(finding.lastSeen) >= scenario.startMs && scenario.actors.some((actor) => parts.includes(actor))
  );
}

/** An alert that names somebody of an attack is about the attack, also when it names a server that others use. */
const isAboutAttack = (told: Told): boolean => ATTACKS.some((scenario) => isAbout(scenario, told));

/** `portScan critical after 7 min`, one for each detection that spoke, the earliest first. */
function saidOf(scenario: Scenario, told: readonly Told[]): string[] {
  const first = new Map<string, string>();
  for (const { detection, finding } of told) {
    if (first.has(detection.id)) continue;
    const stepEndMs = Math.ceil(Date.parse(finding.lastSeen) / detection.stepMs) * detection.stepMs;
    const minutes = Math.round((stepEndMs + SETTLE_MS - scenario.startMs) / MINUTE_MS);
    first.set(detection.id, `${detection.id} ${severityOf(finding.score)} ${minutes} min`);
  }
  return [...first.values()];
}

/** `portScan critical, beacon high ×3`: of each detection the gravest, and about how many subjects. */
function saidBy(told: readonly Told[]): string {
  const byDetection = Map.groupBy(told, ({ detection }) => detection.id);
  return [...byDetection]
    .map(([id, said]) => {
      const score = Math.max(...said.map(({ finding }) => finding.score));
      const count = alertsIn(said);
      return `${id} ${severityOf(score)}${count > 1 ? ` ×${count}` : ''}`;
    })
    .join('; ');
}

function printAttacks(told: readonly Told[], days: string): void {
  const rows = ATTACKS.map((scenario) => {
    const about = told.filter((each) => isAbout(scenario, each));
    const isFound = about.some(({ detection }) => scenario.expected.includes(detection.id));
    return [scenario.half, scenario.name, isFound ? 'yes' : 'NO', saidOf(scenario, about).join('; ')];
  });
  printTable(
    `Attacks (${days})`,
    ['half', 'attack', 'found', 'said by, severity, after the attack began'],
    rows,
  );
}

function printInnocents(told: readonly Told[], days: string): void {
  const rows = INNOCENTS.map((scenario) => {
    const about = told.filter((each) => isAbout(scenario, each) && !isAboutAttack(each));
    return [scenario.half, scenario.name, String(alertsIn(about)), saidBy(about)];
  });
  const actors = new Set([...ATTACKS, ...INNOCENTS].flatMap((scenario) => scenario.actors));
  const rest = told.filter(
    ({ finding }) => !finding.subject.value.split(/[\s→,]+/).some((part) => actors.has(part)),
  );
  rows.push(['', 'people and servers that do nothing unusual', String(alertsIn(rest)), saidBy(rest)]);
  printTable(`What only looks like an attack (${days})`, ['half', 'what', 'alerts', 'said by'], rows);
  if (process.env['WEIR_BENCH_VERBOSE'] === undefined) return;
  for (const each of told) {
    const { subject, evidence, lastSeen } = each.finding;
    const numbers = evidence.numbers.map(({ name, value, threshold }) => `${name}=${value}/${threshold}`);
    console.error(each.detection.id, each.finding.score, subject.value, lastSeen, numbers.join(' '));
  }
}

/** The same detection and subject again is the same alert. */
const alertsIn = (told: readonly Told[]): number => new Set(told.map(keyOf)).size;

function printDetections(told: readonly Told[], days: string): void {
  const rows = (['first', 'second'] as const).map((half) => {
    const attacks = ATTACKS.filter((scenario) => scenario.half === half);
    const innocents = INNOCENTS.filter((scenario) => scenario.half === half);
    const found = attacks.filter(({ expected, ...scenario }) =>
      told.some((each) => expected.includes(each.detection.id) && isAbout({ expected, ...scenario }, each)),
    );
    const rest = told.filter((each) => !isAboutAttack(each));
    const quiet = innocents.filter((scenario) => !rest.some((each) => isAbout(scenario, each)));
    const alerts = alertsIn(rest.filter((each) => innocents.some((scenario) => isAbout(scenario, each))));
    return [
      half,
      `${found.length} of ${attacks.length}`,
      `${quiet.length} of ${innocents.length}`,
      String(alerts),
      (alerts / JUDGED_DAYS).toFixed(1),
    ];
  });
  printTable(
    `Both halves (${days})`,
    ['half', 'attacks found', 'innocents left alone', 'alerts about innocents', 'a day'],
    rows,
  );
}
