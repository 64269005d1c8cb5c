/**
 * Holds the policy against what arrives, a few minutes at a time: keeps sums by day, so that a trend over a
 * year costs nothing, and tells of violations.
 */
import path from 'node:path';
import {
  type AlertFinding,
  addSums,
  createPolicyMatrix,
  filterOfClasses,
  type MatrixCell,
  NOTHING_SEEN,
  OUTCOMES,
  type Outcome,
  type PolicyMatrix,
  rowsOfChoice,
  type SeenSums,
} from '@weir/analysis';
import { type CancelTimer, type Clock, type Component, createStateFile, type Logger } from '@weir/base';
import { z } from 'zod';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { PolicyBook } from './policy-book.ts';
import type { Evaluation, PolicyEvaluator } from './policy-evaluator.ts';

const EVERY_MS = 5 * 60_000;
/** Records of a flow that ended arrive within a minute or two. */
const LAG_MS = 2 * 60_000;
/** After a pause it begins again here: what is older can be asked for, and has no place in the trend. */
const BEHIND_MS_MAX = 6 * 3_600_000;
const DAYS_MAX = 400;
/** Cells of a day that are kept by name; the rest of the day is in its totals. */
const CELLS_A_DAY_MAX = 200;
/** Violations of one pass that become alerts by themselves; the alert book caps them further. */
const FINDINGS_MAX = 50;
const DAY_MS = 86_400_000;

const sumsSchema = z.object({
  connections: z.number(),
  answered: z.number(),
  records: z.number(),
  packets: z.number(),
  octets: z.number(),
  first: z.number().nullable(),
  last: z.number().nullable(),
});
const outcomesSchema = z.object({
  allowed: sumsSchema,
  dropped: sumsSchema,
  violation: sumsSchema,
  unexplained: sumsSchema,
});
export const trendDaySchema = z.object({
  day: z.string().describe('UTC, as in 2026-11-21'),
  version: z.number().describe('Version of the policy that judged last'),
  totals: outcomesSchema,
  cells: z.array(outcomesSchema.extend({ from: z.string(), to: z.string() })),
  /** Milliseconds of the day that were judged. */
  judgedMs: z.number(),
});
export type TrendDay = z.infer<typeof trendDaySchema>;
const stateSchema = z.object({ judgedToMs: z.number(), days: z.array(trendDaySchema) });
type State = z.infer<typeof stateSchema>;

export interface PolicyWatchStatus {
  /** Up to when records are judged; null before the first time. */
  readonly judgedToMs: number | null;
  readonly passes: number;
  readonly failures: number;
  readonly alerts: number;
  /** Time that was left out after a pause. */
  readonly skippedMs: number;
  readonly lastFailure: string | null;
}

export interface PolicyWatch extends Component {
  /** Judges what arrived since the last time; resolves when it is done. */
  pass(): Promise<void>;
  /** Oldest first. */
  trend(): readonly TrendDay[];
  status(): PolicyWatchStatus;
}

export interface PolicyWatchOptions {
  readonly book: PolicyBook;
  readonly evaluator: PolicyEvaluator;
  readonly alerts: Pick<AlertBook, 'raise'>;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createPolicyWatch(options: PolicyWatchOptions): PolicyWatch {
  const { book, evaluator, alerts, clock, logger } = options;
  const file = createStateFile<State>({
    path: path.join(options.dataDirectory, 'policy', 'trend.json'),
    initial: { judgedToMs: 0, days: [] },
    parse: (value) => stateSchema.parse(value),
    logger,
  });
  const counts = { passes: 0, failures: 0, alerts: 0, skippedMs: 0 };
  let lastFailure: string | null = null;
  let cancel: CancelTimer | undefined;
  let running: Promise<void> | undefined;
  const stopping = new AbortController();

  async function judge(): Promise<void> {
    const current = book.current();
    if (current === undefined) return;
    const state = file.read();
    const toMs = Math.floor((clock.nowMs() - LAG_MS) / 1000) * 1000;
    const earliestMs = toMs - BEHIND_MS_MAX;
    let fromMs = state.judgedToMs === 0 ? toMs - EVERY_MS : state.judgedToMs;
    if (fromMs < earliestMs) {
      counts.skippedMs += earliestMs - fromMs;
      fromMs = earliestMs;
    }
    // A part of one day each, so that sums of a day are of that day.
    while (fromMs < toMs) {
      const untilMs = Math.min(toMs, (Math.floor(fromMs / DAY_MS) + 1) * DAY_MS);
      const range = { fromMs, toMs: untilMs, filter: '' };
      const evaluation = await evaluator.evaluate([current.document], range, stopping.signal);
      const matrix = createPolicyMatrix(evaluation.space, 0, evaluation.rows);
      counts.passes += 1;
      const days = addToDays(file.read().days, fromMs, untilMs, matrix, current.version.version);
      await file.write({ judgedToMs: untilMs, days });
      for (const finding of findingsOf(evaluation, matrix, range).slice(0, FINDINGS_MAX)) {
        if (alerts.raise(finding) === 'opened') counts.alerts += 1;
      }
      fromMs = untilMs;
    }
    lastFailure = null;
  }

  function pass(): Promise<void> {
    running ??= judge()
      .catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        counts.failures += 1;
        lastFailure = error instanceof Error ? error.message : String(error);
        logger.warn(`the policy could not be held against the flows: ${lastFailure}`);
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    pass,
    trend: () => file.read().days,
    status: () => ({ ...counts, lastFailure, judgedToMs: file.read().judgedToMs || null }),
    async start() {
      cancel = clock.every(EVERY_MS, () => void pass());
    },
    async stop() {
      cancel?.();
      stopping.abort(new Error('stopping'));
      await running;
    },
  };
}

function addToDays(
  days: readonly TrendDay[],
  fromMs: number,
  toMs: number,
  matrix: PolicyMatrix,
  version: number,
): TrendDay[] {
  const name = new Date(fromMs).toISOString().slice(0, 10);
  const last = days.at(-1);
  const known = last?.day === name ? last : { day: name, totals: nothing(), cells: [], judgedMs: 0 };
  const cells = new Map(known.cells.map((cell) => [`${cell.from}\n${cell.to}`, cell]));
  for (const cell of matrix.cells) {
    const key = `${cell.from}\n${cell.to}`;
    const sums = cells.get(key);
    if (sums === undefined && cells.size >= CELLS_A_DAY_MAX) continue;
    cells.set(key, { from: cell.from, to: cell.to, ...added(sums ?? nothing(), cell) });
  }
  const day: TrendDay = {
    day: name,
    version,
    totals: added(known.totals, matrix.totals),
    cells: [...cells.values()],
    judgedMs: known.judgedMs + (toMs - fromMs),
  };
  return [...(last?.day === name ? days.slice(0, -1) : days), day].slice(-DAYS_MAX);
}

type Outcomes = Record<Outcome, SeenSums>;
const nothing = (): Outcomes =>
  Object.fromEntries(OUTCOMES.map((outcome) => [outcome, NOTHING_SEEN])) as Outcomes;

function added(left: Readonly<Outcomes>, right: Readonly<Outcomes>): Outcomes {
  const sums = OUTCOMES.map((outcome) => [outcome, addSums(left[outcome], right[outcome])]);
  return Object.fromEntries(sums) as Outcomes;
}

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One for each cell and service in which something passed that is denied. */
function findingsOf({ space, rows }: Evaluation, matrix: PolicyMatrix, range: Range): AlertFinding[] {
  return matrix.cells.flatMap((cell) =>
    cell.services.flatMap((service) => {
      if (service.violation.connections === 0) return [];
      const choice = {
        from: cell.from,
        to: cell.to,
        service: service.service,
        outcome: 'violation',
      } as const;
      const { filter } = filterOfClasses(space, rowsOfChoice(space, 0, rows, choice), 'forwarded');
      return [findingOf(cell, service, filter, range)];
    }),
  );
}

/** Half of the score for what was tried and passed, half for the share that was answered. */
function scoreOf({ connections, answered }: SeenSums): number {
  return 0.5 + (0.45 * answered) / connections;
}

function findingOf(
  { from, to }: MatrixCell,
  { service, violation, rules }: MatrixCell['services'][number],
  filter: string,
  { fromMs, toMs }: Range,
): AlertFinding {
  const { connections, answered, octets, first, last } = violation;
  return {
    detection: 'policy',
    title: `${service} from ${from} to ${to} passes although the policy denies it`,
    subject: { kind: 'pair', value: `${from} → ${to} ${service}` },
    score: scoreOf(violation),
    firstSeen: new Date(first ?? fromMs).toISOString(),
    lastSeen: new Date(last ?? toMs).toISOString(),
    evidence: {
      formula: 'score = 0.5 + 0.45 × answered / connections',
      numbers: [
        { name: 'connections', value: connections, threshold: 0, meaning: 'passed although denied' },
        { name: 'answered', value: answered, meaning: 'of these the other end answered' },
        { name: 'octets', value: octets, unit: 'octets', meaning: 'in both directions' },
      ],
      filter,
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
    },
    explanation: `The policy denies this (${rules.join(', ')}), and the network lets it pass: ${answered === 0 ? 'nothing answered so far' : 'the other end answers'}. Either the firewall has a hole, or the policy is not what is wanted: the page Policy shows who is behind it, and what another rule would change.`,
  };
}
