/** What a detection would have said of the past: the same code over history, through grouping and caps, told to nobody. */
import { type Alert, type Detection, DetectionMemory, type TimeRange } from '@weir/analysis';
import { UserError } from '@weir/base';
import { AlertLedger } from '../alerts/alert-ledger.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { runDetection } from './detection-parts.ts';
import type { DetectionSettings } from './detection-settings.ts';
import type { FeedFolder } from './feed-folder.ts';

const DAY_MS = 86_400_000;
export const DRY_RUN_DAYS_MAX = 31;
/** Shown one by one; all are counted. */
const SHOWN_MAX = 100;
/** Runs whose results are kept; each is some 100 KiB. */
const RUNS_MAX = 20;

export interface DryRun {
  readonly detection: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly range: TimeRange;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  /** 0 … 1 */
  progress: number;
  error: string;
  findings: number;
  /** Alerts that would have been opened, those beyond the cap included. */
  alerts: number;
  readonly perDay: Record<string, number>;
  shown: readonly Alert[];
}

export interface DryRuns {
  /** Starts anew; one that runs for the same detection is cancelled. Throws UserError `dry_run_conflict`. */
  start(detection: Detection, parameters: Readonly<Record<string, number>>, range: TimeRange): DryRun;
  /** The newest of a detection. */
  of(id: string): DryRun | undefined;
  cancel(id: string): void;
}

export interface DryRunOptions {
  readonly queue: AnalysisQueue;
  readonly settings: DetectionSettings;
  readonly feeds: FeedFolder;
}

export function createDryRuns({ queue, settings, feeds }: DryRunOptions): DryRuns {
  const runs = new Map<string, { readonly run: DryRun; readonly stop: AbortController }>();

  async function play(detection: Detection, run: DryRun, signal: AbortSignal): Promise<void> {
    const { range, parameters } = run;
    const memory = new DetectionMemory(detection.memoryRowsMax);
    const ledger = new AlertLedger();
    const shared = {
      parameters,
      memory,
      home: settings.home(),
      counted: settings.counted(),
      feeds: await feeds.read(),
    };
    for (let fromMs = range.fromMs; fromMs < range.toMs; fromMs += detection.chunkMs) {
      const part = { fromMs, toMs: Math.min(range.toMs, fromMs + detection.chunkMs) };
      const name = `dry run ${detection.id}`;
      const found = await runDetection(queue, name, detection, { ...shared, range: part }, signal);
      for (const finding of [...found].sort(
        (one, other) => Date.parse(one.lastSeen) - Date.parse(other.lastSeen),
      )) {
        const { outcome } = ledger.raise(finding, Date.parse(finding.lastSeen));
        run.findings += 1;
        if (outcome !== 'opened') continue;
        const day = finding.lastSeen.slice(0, 10);
        run.perDay[day] = (run.perDay[day] ?? 0) + 1;
      }
      const alerts = ledger.alerts();
      run.alerts = alerts.reduce((sum, { more }) => sum + 1 + more, 0);
      run.shown = alerts.slice(0, SHOWN_MAX);
      run.progress = (part.toMs - range.fromMs) / (range.toMs - range.fromMs);
    }
  }

  function cancel(id: string): void {
    runs.get(id)?.stop.abort(new Error('cancelled'));
  }

  return {
    start(detection, parameters, range) {
      cancel(detection.id);
      const others = [...runs.values()].filter(({ run }) => run.state === 'running');
      if (others.length >= RUNS_MAX)
        throw new UserError('dry_run_conflict', `${RUNS_MAX} dry runs go on already`);
      const stop = new AbortController();
      const run = emptyRun(detection, parameters, wholeSteps(detection, range));
      runs.set(detection.id, { run, stop });
      play(detection, run, stop.signal).then(
        () => {
          run.state = 'done';
        },
        (error: unknown) => {
          run.state = stop.signal.aborted ? 'cancelled' : 'failed';
          run.error = error instanceof Error ? error.message : String(error);
        },
      );
      return run;
    },
    of: (id) => runs.get(id)?.run,
    cancel,
  };
}

function wholeSteps({ stepMs }: Detection, { fromMs, toMs }: TimeRange): TimeRange {
  const earliestMs = Math.max(fromMs, toMs - DRY_RUN_DAYS_MAX * DAY_MS);
  return { fromMs: Math.floor(earliestMs / stepMs) * stepMs, toMs: Math.floor(toMs / stepMs) * stepMs };
}

function emptyRun({ id }: Detection, parameters: Readonly<Record<string, number>>, range: TimeRange): DryRun {
  return {
    detection: id,
    parameters,
    range,
    state: 'running',
    progress: 0,
    error: '',
    findings: 0,
    alerts: 0,
    perDay: {},
    shown: [],
  };
}
