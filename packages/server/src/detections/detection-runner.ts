/**
 * Runs the detections: each over what ended since it ran last, in whole steps, two minutes late so that records are there;
 * after a pause over the last 24 hours at most. All questions go through the analysis queue.
 */
import path from 'node:path';
import { DETECTIONS, type Detection, DetectionMemory, type TimeRange } from '@weir/analysis';
import {
  type CancelTimer,
  type Clock,
  type Component,
  createStateFile,
  type Logger,
  type StateFile,
  UserError,
} from '@weir/base';
import { z } from 'zod';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { runDetection } from './detection-parts.ts';
import type { DetectionSettings } from './detection-settings.ts';
import type { FeedFolder } from './feed-folder.ts';

const TICK_MS = 30_000;
/** After a start people look first; then there is time to catch up. */
const FIRST_TICK_MS = 5000;
/** Exporters tell of a flow some time after it ended. */
const SETTLE_MS = 2 * 60_000;
/** Older flows are no news; a restart after a week asks for a day, not for the week. */
const CATCH_UP_MAX_MS = 24 * 3_600_000;
/** Memories are some megabytes: written when a detection has run, this often at most. */
const MEMORY_WRITE_MS = 10 * 60_000;

const memorySchema = z.object({
  version: z.literal(1),
  /** Up to when flows were looked at (ms). */
  doneMs: z.number(),
  sinceMs: z.number(),
  rows: z.array(z.tuple([z.string(), z.array(z.number())])),
});
type MemoryFile = z.infer<typeof memorySchema>;

export interface DetectionCounters {
  runs: number;
  failures: number;
  findings: number;
  elapsedMs: number;
}

export interface DetectionState {
  readonly counters: Readonly<DetectionCounters>;
  /** Up to when flows were looked at (ms); 0 when none were. */
  readonly doneMs: number;
  readonly remembered: number;
  readonly forgotten: number;
  readonly learnsSinceMs: number;
  readonly lastError: string;
}

export interface DetectionRunner extends Component {
  state(id: string): DetectionState;
  /** Runs whatever is due; resolves when nothing is. */
  runDue(): Promise<void>;
}

export interface DetectionRunnerOptions {
  readonly dataDirectory: string;
  readonly queue: AnalysisQueue;
  readonly alerts: Pick<AlertBook, 'raise'>;
  readonly settings: DetectionSettings;
  readonly feeds: FeedFolder;
  /** When the first record that is kept ended (ms); undefined while there is none. */
  readonly firstRecordMs: () => Promise<number | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Running {
  readonly detection: Detection;
  readonly file: StateFile<MemoryFile>;
  memory: DetectionMemory;
  doneMs: number;
  writtenMs: number;
  lastError: string;
  readonly counters: DetectionCounters;
}

export function createDetectionRunner(options: DetectionRunnerOptions): DetectionRunner {
  const { queue, alerts, settings, feeds, clock, logger } = options;
  const all = DETECTIONS.map((detection) => openRunning(detection, options));
  const stopping = new AbortController();
  let cancelTimer: CancelTimer | undefined;
  let working: Promise<void> | undefined;

  /** What has never run begins with the first record: a day without any is 200 questions for nothing. */
  async function skipEmptyPast(): Promise<void> {
    const fresh = all.filter(({ doneMs }) => doneMs === 0);
    if (fresh.length === 0) return;
    const firstMs = (await options.firstRecordMs()) ?? Number.POSITIVE_INFINITY;
    for (const each of fresh) {
      const { stepMs } = each.detection;
      each.doneMs = Math.floor(Math.min(firstMs, clock.nowMs() - SETTLE_MS) / stepMs) * stepMs;
    }
  }

  async function runDue(): Promise<void> {
    await skipEmptyPast();
    for (;;) {
      const due = all.filter(
        (each) => settings.choice(each.detection).enabled && rangeOf(each, clock.nowMs()),
      );
      if (due.length === 0) return;
      for (const each of due) {
        if (stopping.signal.aborted) return;
        const range = rangeOf(each, clock.nowMs());
        if (range !== undefined && !(await runOne(each, range))) return;
      }
    }
  }

  /** False when there was no turn for it: the next tick tries again. */
  async function runOne(each: Running, range: TimeRange): Promise<boolean> {
    const { detection, counters } = each;
    const startMs = clock.monotonicMs();
    try {
      const context = {
        range,
        parameters: settings.choice(detection).parameters,
        home: settings.home(),
        counted: settings.counted(),
        memory: each.memory,
        feeds: await feeds.read(),
      };
      const name = `detection ${detection.id}`;
      const findings = await runDetection(queue, name, detection, context, stopping.signal);
      for (const finding of findings) alerts.raise(finding);
      counters.findings += findings.length;
      each.lastError = '';
    } catch (error) {
      if (stopping.signal.aborted || (error instanceof UserError && error.code === 'analysis_busy'))
        return false;
      counters.failures += 1;
      each.lastError = error instanceof Error ? error.message : String(error);
    }
    // What failed is not asked again: the same question would fail again, and the next ones would wait.
    each.doneMs = range.toMs;
    counters.runs += 1;
    counters.elapsedMs += clock.monotonicMs() - startMs;
    if (clock.nowMs() - each.writtenMs >= MEMORY_WRITE_MS) await save(each);
    return true;
  }

  async function save(each: Running): Promise<void> {
    each.writtenMs = clock.nowMs();
    const { sinceMs, rows } = each.memory.state();
    const copied = rows.map(([key, numbers]): [string, number[]] => [key, [...numbers]]);
    await each.file
      .write({ version: 1, doneMs: each.doneMs, sinceMs, rows: copied })
      .catch((error: Error) => {
        logger.warn(`what ${each.detection.id} learned could not be written: ${error.message}`);
      });
  }

  function tick(): void {
    working ??= runDue()
      .catch((error: unknown) => logger.warn({ error: String(error) }, 'detections stopped early'))
      .finally(() => {
        working = undefined;
      });
  }

  return {
    runDue,
    state(id) {
      const each = all.find(({ detection }) => detection.id === id);
      if (each === undefined) throw new Error(`there is no detection ${id}`);
      const { counters, doneMs, memory, lastError } = each;
      return {
        counters,
        doneMs,
        lastError,
        remembered: memory.size,
        forgotten: memory.forgotten,
        learnsSinceMs: memory.sinceMs,
      };
    },
    async start() {
      const cancelFirst = clock.after(FIRST_TICK_MS, tick);
      const cancelEvery = clock.every(TICK_MS, tick);
      cancelTimer = () => {
        cancelFirst();
        cancelEvery();
      };
    },
    async stop() {
      cancelTimer?.();
      stopping.abort(new Error('the server stops'));
      await working;
      for (const each of all) if (each.doneMs > 0) await save(each);
    },
  };
}

function openRunning(detection: Detection, { dataDirectory, logger }: DetectionRunnerOptions): Running {
  const file = createStateFile<MemoryFile>({
    path: path.join(dataDirectory, 'detections', `${detection.id}.json`),
    initial: { version: 1, doneMs: 0, sinceMs: 0, rows: [] },
    parse: (value) => memorySchema.parse(value),
    logger,
  });
  const { doneMs, sinceMs, rows } = file.read();
  return {
    detection,
    file,
    memory: new DetectionMemory(detection.memoryRowsMax, { sinceMs, rows }),
    doneMs,
    writtenMs: 0,
    lastError: '',
    counters: { runs: 0, failures: 0, findings: 0, elapsedMs: 0 },
  };
}

/** The next whole steps that are over and not looked at; undefined when there are none. */
function rangeOf({ detection, doneMs }: Running, nowMs: number): TimeRange | undefined {
  const { stepMs, chunkMs } = detection;
  const overMs = Math.floor((nowMs - SETTLE_MS) / stepMs) * stepMs;
  const earliestMs = Math.floor((nowMs - CATCH_UP_MAX_MS) / stepMs) * stepMs;
  const fromMs = Math.max(doneMs, earliestMs);
  return fromMs >= overMs ? undefined : { fromMs, toMs: Math.min(overMs, fromMs + chunkMs) };
}
