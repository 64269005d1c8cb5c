/**
 * Reports: made by the clock or by hand, kept, and sent. What was due while the program was off is made up once, the
 * newest of each report. A mail that was not taken is tried again, and shown.
 */
import path from 'node:path';
import { checkTimeZone, lastDue, reportedRange } from '@weir/analysis';
import { type Clock, type Component, createStateFile, type Logger, UserError } from '@weir/base';
import { createClockedWork } from '../analyses/clocked-work.ts';
import { freeId } from '../billing/billing.ts';
import type { Mailer } from '../notifications/mailer.ts';
import { buildReport, checkSections, type ReportSources } from './report-builder.ts';
import {
  type ReportDefinition,
  type ReportFormat,
  type ReportRun,
  type ReportsState,
  reportRequestSchema,
  reportsStateSchema,
} from './report-schema.ts';
import { CONTENT_TYPES, createReportShelf } from './report-shelf.ts';

const TICK_MS = 30_000;
const REPORTS_MAX = 100;
/** Later than that after its time a report was missed: the program was off, or busy. */
const MISSED_AFTER_MS = 10 * 60_000;
/** 1 min, 2, 4 … up to 2 hours between attempts to send. */
const RETRY_FIRST_MS = 60_000;
const RETRY_MAX_MS = 2 * 3_600_000;
const GIVE_UP_MS = 48 * 3_600_000;
/** Mail servers refuse more; the report is kept then and can be fetched. */
const ATTACHMENTS_OCTETS_MAX = 15 * 1024 * 1024;

export interface ReportCounters {
  made: number;
  missedMadeUp: number;
  failures: number;
  sent: number;
  failedDeliveries: number;
}

export interface ReportDesk extends Component {
  reports(): readonly ReportDefinition[];
  /** By id or name. Throws UserError `report_unknown`. */
  report(idOrName: string): ReportDefinition;
  /** Newest first. */
  runs(id: string): readonly ReportRun[];
  isRunning(id: string): boolean;
  /** Throws a ZodError, a FilterError or a UserError (`…_invalid`, `…_conflict`). */
  create(request: unknown): Promise<ReportDefinition>;
  change(id: string, request: unknown): Promise<ReportDefinition>;
  remove(id: string): Promise<void>;
  /** Makes it now, of the period that was last due; resolves when it is made (and sent, or waits to be). */
  runNow(idOrName: string): Promise<ReportRun>;
  file(id: string, runId: string, format: ReportFormat): Buffer;
  canSend(): boolean;
  /** Makes and sends what is due; resolves when that is done. */
  catchUp(): Promise<void>;
  counters(): Readonly<ReportCounters>;
}

export interface ReportDeskOptions extends ReportSources {
  readonly mailer?: Mailer;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createReportDesk(options: ReportDeskOptions): ReportDesk {
  const { mailer, dataDirectory, clock, logger } = options;
  const counters: ReportCounters = { made: 0, missedMadeUp: 0, failures: 0, sent: 0, failedDeliveries: 0 };
  const turns = createClockedWork(clock, TICK_MS, tick);
  const making = new Set<string>();
  const shelf = createReportShelf(dataDirectory);
  const file = createStateFile<ReportsState>({
    path: path.join(dataDirectory, 'reports', 'reports.json'),
    initial: { version: 1, reports: [], lastDueMs: {}, runs: [] },
    parse: (value) => reportsStateSchema.parse(value),
    logger,
  });

  const change = (edit: Partial<ReportsState>): Promise<void> => file.write({ ...file.read(), ...edit });

  function report(idOrName: string): ReportDefinition {
    const wanted = idOrName.toLowerCase();
    const all = file.read().reports;
    const found =
      all.find(({ id }) => id === wanted) ?? all.find(({ name }) => name.toLowerCase() === wanted);
    if (found !== undefined) return found;
    throw new UserError('report_unknown', `there is no report ${JSON.stringify(idOrName.slice(0, 80))}`);
  }

  function checked(request: unknown, id: string | undefined): ReportDefinition {
    const parsed = reportRequestSchema.parse(request);
    checkTimeZone(parsed.schedule.timeZone);
    checkSections(parsed.sections);
    const { reports } = file.read();
    const same = reports.find(({ name }) => name.toLowerCase() === parsed.name.toLowerCase());
    if (same !== undefined && same.id !== id) {
      throw new UserError('report_conflict', `there is a report ${same.name} already`);
    }
    return { ...parsed, id: id ?? freeId(parsed.name, new Set(reports.map((each) => each.id))) };
  }

  /** Makes, keeps and sends; what fails is a run too, which says why. */
  async function make(
    definition: ReportDefinition,
    dueMs: number,
    cause: ReportRun['cause'],
  ): Promise<ReportRun> {
    making.add(definition.id);
    const range = reportedRange(definition.schedule, lastDue(definition.schedule, dueMs));
    const { formats, sendTo } = definition;
    const draft: ReportRun = {
      id: runId(clock.nowMs(), file.read().runs),
      report: definition.id,
      dueMs,
      madeMs: clock.nowMs(),
      ...range,
      cause,
      state: 'made',
      error: '',
      formats: [...formats],
      octets: 0,
      delivery: {
        state: sendTo.length === 0 ? 'none' : 'waiting',
        to: [...sendTo],
        attempts: 0,
        dueMs: clock.nowMs(),
        error: '',
      },
    };
    let run: ReportRun;
    try {
      const document = await buildReport(definition, range, clock.nowMs(), options, turns.signal);
      run = { ...draft, octets: await shelf.put(draft, document) };
      counters.made += 1;
      if (cause === 'missed') counters.missedMadeUp += 1;
    } catch (error) {
      turns.signal.throwIfAborted();
      counters.failures += 1;
      logger.warn(`the report ${definition.name} could not be made: ${String(error)}`);
      const delivery = { ...draft.delivery, state: 'none' as const };
      run = {
        ...draft,
        state: 'failed',
        error: error instanceof Error ? error.message : String(error),
        delivery,
      };
    } finally {
      making.delete(definition.id);
    }
    await keep(definition, run, cause === 'hand' ? undefined : dueMs);
    return run.delivery.state === 'waiting' ? deliver(definition, run) : run;
  }

  /** The newest are kept, the files of others go. */
  async function keep(
    definition: ReportDefinition,
    run: ReportRun,
    dueMs: number | undefined,
  ): Promise<void> {
    const { runs, lastDueMs } = file.read();
    const own = [run, ...runs.filter((each) => each.report === definition.id)];
    for (const old of own.slice(definition.keep)) shelf.remove(old);
    const others = runs.filter((each) => each.report !== definition.id);
    await change({
      runs: [...own.slice(0, definition.keep), ...others],
      lastDueMs: dueMs === undefined ? lastDueMs : { ...lastDueMs, [definition.id]: dueMs },
    });
  }

  async function deliver(definition: ReportDefinition, run: ReportRun): Promise<ReportRun> {
    const attempts = run.delivery.attempts + 1;
    let delivery: ReportRun['delivery'];
    try {
      if (mailer === undefined) throw new UserError('mail_conflict', 'this device sends no mail');
      await mailer.send(messageOf(definition, run));
      counters.sent += 1;
      delivery = { ...run.delivery, state: 'sent', attempts, error: '' };
    } catch (error) {
      counters.failedDeliveries += 1;
      const pauseMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempts - 1));
      const dueMs = clock.nowMs() + pauseMs;
      const state = dueMs - run.madeMs > GIVE_UP_MS ? 'givenUp' : 'waiting';
      const reason = error instanceof Error ? error.message : String(error);
      delivery = { ...run.delivery, state, attempts, dueMs, error: reason };
      logger.warn(`the report ${definition.name} was not sent (attempt ${attempts}): ${reason}`);
    }
    const done = { ...run, delivery };
    await change({
      runs: file.read().runs.map((each) => (each.id === run.id && each.report === run.report ? done : each)),
    });
    return done;
  }

  function messageOf(definition: ReportDefinition, run: ReportRun) {
    const title = `${definition.name}, ${new Date(run.fromMs).toISOString().slice(0, 10)}`;
    const files = run.formats.map((format) => ({
      filename: `${definition.id}-${run.id}.${format}`,
      content: new Uint8Array(shelf.get(run, format)),
      contentType: CONTENT_TYPES[format],
    }));
    const fits = run.octets <= ATTACHMENTS_OCTETS_MAX;
    const text = fits
      ? `${title}: see what is attached.`
      : `${title}: it is too large for a mail (${run.octets} octets) and is kept on the page Reports of the console.`;
    const html =
      fits && run.formats.includes('html') ? { html: shelf.get(run, 'html').toString('utf8') } : {};
    return { to: definition.sendTo, subject: title, text, ...html, attachments: fits ? files : [] };
  }

  async function workOff(): Promise<void> {
    for (const definition of file.read().reports.filter(({ enabled }) => enabled)) {
      const dueMs = lastDue(definition.schedule, clock.nowMs());
      const doneMs = file.read().lastDueMs[definition.id] ?? 0;
      if (dueMs <= doneMs) continue;
      await make(definition, dueMs, clock.nowMs() - dueMs > MISSED_AFTER_MS ? 'missed' : 'clock');
    }
    const waiting = file.read().runs.filter(({ delivery }) => delivery.state === 'waiting');
    for (const run of waiting.filter(({ delivery }) => delivery.dueMs <= clock.nowMs())) {
      const definition = file.read().reports.find(({ id }) => id === run.report);
      if (definition !== undefined) await deliver(definition, run);
    }
  }

  function tick(): void {
    turns.inTurn(workOff).catch((error: unknown) => {
      if (!turns.signal.aborted) logger.warn(`reports: ${String(error)}`);
    });
  }

  async function save(definition: ReportDefinition): Promise<ReportDefinition> {
    const { reports, lastDueMs } = file.read();
    const known = reports.some(({ id }) => id === definition.id);
    // What was due before somebody asked for it is nobody's: the next one is the first.
    const due = { ...lastDueMs, [definition.id]: lastDue(definition.schedule, clock.nowMs()) };
    await change({
      reports: known
        ? reports.map((each) => (each.id === definition.id ? definition : each))
        : [...reports, definition],
      lastDueMs: due,
    });
    return definition;
  }

  return {
    reports: () => file.read().reports,
    report,
    runs: (id) => file.read().runs.filter((run) => run.report === report(id).id),
    isRunning: (id) => making.has(id),
    async create(request) {
      if (file.read().reports.length >= REPORTS_MAX) {
        throw new UserError('report_conflict', `there are ${REPORTS_MAX} reports, which is the limit`);
      }
      return save(checked(request, undefined));
    },
    change: async (id, request) => save(checked(request, report(id).id)),
    async remove(id) {
      const gone = report(id);
      const { reports, runs, lastDueMs } = file.read();
      for (const run of runs) if (run.report === gone.id) shelf.remove(run);
      const { [gone.id]: _, ...due } = lastDueMs;
      await change({
        reports: reports.filter((each) => each.id !== gone.id),
        runs: runs.filter((run) => run.report !== gone.id),
        lastDueMs: due,
      });
    },
    runNow(idOrName) {
      const definition = report(idOrName);
      return turns.inTurn(() => make(definition, clock.nowMs(), 'hand'));
    },
    file(id, wanted, format) {
      const run = file.read().runs.find((each) => each.id === wanted && each.report === report(id).id);
      if (run === undefined) throw new UserError('report_unknown', `${id} has no run ${wanted.slice(0, 40)}`);
      return shelf.get(run, format);
    },
    canSend: () => mailer?.isConfigured() === true,
    catchUp: () => turns.inTurn(workOff),
    counters: () => counters,
    start: turns.start,
    stop: turns.stop,
  };
}

/** `20261121T070000`, with a number behind it when there is one already. */
function runId(nowMs: number, runs: readonly ReportRun[]): string {
  const base = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const taken = new Set(runs.map(({ id }) => id));
  let id = base;
  for (let number = 2; taken.has(id); number++) id = `${base}-${number}`;
  return id;
}
