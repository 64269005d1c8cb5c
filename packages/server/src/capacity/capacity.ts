/**
 * Capacity: what interfaces, links and exporters carry, hour by hour, as state of its own that outlives the records; and
 * where it leads. Asks the records once an hour, of the hours that are over.
 */
import { type AlertFinding, BIN_MS } from '@weir/analysis';
import { type Clock, type Component, type Logger, UserError } from '@weir/base';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { createClockedWork } from '../analyses/clocked-work.ts';
import { openCapacityFiles } from './capacity-files.ts';
import { addHours, DAY_MS, emptySubject, HOUR_MS, type SubjectBins } from './capacity-history.ts';
import { detailOf, summaryOf } from './capacity-outlook.ts';
import {
  type CapacityDetail,
  type CapacitySettings,
  type CapacitySubject,
  type CapacitySummary,
  settingsSchema,
} from './capacity-schema.ts';
import {
  type HoursRead,
  INTERFACES_MAX,
  interfaceKey,
  readHours,
  readInterfaceNames,
} from './hour-reader.ts';

const TICK_MS = 600_000;
/** An hour is read so long after it ended: by then exporters have told of flows that went on (30 minutes at most). */
export const HOUR_SETTLES_MS = 35 * 60_000;
/** What is read of the records when there is no history: what seasons of hours are made of. */
const BACK_MS = 56 * DAY_MS;
/** What is read at once: a day, or an hour where a day takes longer than the queue allows. */
const CHUNK_MS = DAY_MS;

export interface CapacityCounters {
  hoursRead: number;
  failures: number;
  /** Interfaces that were not followed because there are too many. */
  turnedAway: number;
}

export interface Capacity extends Component {
  settings(): CapacitySettings;
  /** Throws a ZodError, or UserError `capacity_settings_invalid`. */
  change(request: unknown): Promise<CapacitySettings>;
  /** Fullest first. */
  subjects(): CapacitySummary[];
  /** Throws UserError `capacity_subject_unknown`. */
  subject(key: string): CapacityDetail;
  /** End of the last hour that was read; null before the first. */
  throughMs(): number | null;
  /** Reads all hours that are over. */
  catchUp(): Promise<void>;
  counters(): Readonly<CapacityCounters>;
}

export interface CapacityOptions {
  readonly queue: AnalysisQueue;
  readonly dataDirectory: string;
  readonly alerts?: AlertBook;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createCapacity({ queue, dataDirectory, alerts, clock, logger }: CapacityOptions): Capacity {
  const files = openCapacityFiles(dataDirectory, logger);
  const counters: CapacityCounters = { hoursRead: 0, failures: 0, turnedAway: 0 };
  const turns = createClockedWork(clock, TICK_MS, tick);
  let chunkMs = CHUNK_MS;

  function throughMs(): number | null {
    const times = [...files.subjects.values()].map((subject) => subject.throughMs);
    return times.length === 0 ? null : Math.max(...times);
  }

  async function readOn(): Promise<void> {
    const endMs = Math.floor((clock.nowMs() - HOUR_SETTLES_MS) / HOUR_MS) * HOUR_MS;
    let fromMs = Math.max(throughMs() ?? 0, endMs - BACK_MS);
    if (files.subjects.size === 0) fromMs = Math.max(fromMs, await oldestHour());
    while (fromMs < endMs) {
      const dayEnd = (Math.floor(fromMs / DAY_MS) + 1) * DAY_MS;
      const range = { fromMs, toMs: Math.min(dayEnd, fromMs + chunkMs, endMs) };
      const hours = await queue.run('capacity', (store) => readHours(store, range), turns.signal);
      const names = hours.interfaces.some(isUnnamed)
        ? await queue.run('capacity', (store) => readInterfaceNames(store, range), turns.signal)
        : new Map<string, string>();
      await keep(range.fromMs, range.toMs, hours, names);
      counters.hoursRead += (range.toMs - range.fromMs) / HOUR_MS;
      fromMs = range.toMs;
    }
  }

  const isUnnamed = ({ exporter, ifIndex }: { exporter: string; ifIndex: number }): boolean =>
    (files.subjects.get(interfaceKey(exporter, ifIndex))?.name ?? '') === '';

  async function oldestHour(): Promise<number> {
    const answer = await queue.run('capacity', (store) =>
      store.sql('SELECT epoch_ms(min(coalesce("flowEnd", "receivedAt"))) AS first FROM flows'),
    );
    const first = answer.rows[0]?.['first'];
    return first === null || first === undefined
      ? Number.POSITIVE_INFINITY
      : Math.floor(Number(first) / HOUR_MS) * HOUR_MS;
  }

  async function keep(fromMs: number, toMs: number, hours: HoursRead, names: ReadonlyMap<string, string>) {
    const count = (toMs - fromMs) / BIN_MS;
    const carried = new Map<string, { start: CapacitySubject; bins: SubjectBins }>();
    const followed = (key: string, start: CapacitySubject, bins: SubjectBins): void => {
      carried.set(key, { start: files.subjects.get(key) ?? start, bins });
    };
    for (const { exporter, ifIndex, ...bins } of hours.interfaces) {
      const key = interfaceKey(exporter, ifIndex);
      if (!files.subjects.has(key) && interfaceCount() + carried.size >= INTERFACES_MAX)
        counters.turnedAway += 1;
      else followed(key, emptySubject(key, 'interface', exporter, ifIndex, names.get(key) ?? ''), bins);
    }
    for (const [key, start, members] of groupsOf(hours, files.settings.read()))
      followed(key, start, addedUp(members, count));
    const nothing = { in: new Float64Array(count), out: new Float64Array(count) };
    for (const [key, start] of files.subjects)
      if (!carried.has(key)) carried.set(key, { start, bins: nothing });
    for (const [key, { start, bins }] of carried) {
      const named = start.name === '' ? { ...start, name: names.get(key) ?? '' } : start;
      await files.write(addHours(named, fromMs, bins, hours.observed));
    }
  }

  const interfaceCount = (): number =>
    [...files.subjects.values()].filter(({ kind }) => kind === 'interface').length;

  function warn(book: AlertBook): void {
    const { alertDays, thresholdPercent } = files.settings.read();
    for (const subject of alertDays === 0 ? [] : subjects()) {
      for (const way of ['in', 'out'] as const) {
        const finding = findingOf(subject, way, thresholdPercent, alertDays, clock.nowMs());
        if (finding !== undefined) book.raise(finding);
      }
    }
  }

  function subjects(): CapacitySummary[] {
    const settings = files.settings.read();
    const fullness = ({ in: into, out }: CapacitySummary) =>
      Math.max(into.utilisation ?? 0, out.utilisation ?? 0);
    const busiest = ({ in: into, out }: CapacitySummary) => Math.max(into.p95 ?? 0, out.p95 ?? 0);
    return [...files.subjects.values()]
      .map((subject) => summaryOf(subject, settings))
      .sort((a, b) => fullness(b) - fullness(a) || busiest(b) - busiest(a) || a.key.localeCompare(b.key));
  }

  function catchUp(): Promise<void> {
    const before = throughMs();
    return turns.inTurn(async () => {
      await readOn();
      if (alerts !== undefined && throughMs() !== before) warn(alerts);
    });
  }

  function tick(): void {
    catchUp().catch((error: unknown) => {
      counters.failures += 1;
      if (error instanceof UserError && error.code === 'analysis_timeout') chunkMs = HOUR_MS;
      if (!turns.signal.aborted) logger.warn(`the history of interfaces is not up to date: ${String(error)}`);
    });
  }

  return {
    settings: () => files.settings.read(),
    async change(request) {
      const next = settingsSchema.parse(request);
      const ids = next.links.map(({ id }) => id);
      if (new Set(ids).size < ids.length) {
        throw new UserError('capacity_settings_invalid', 'links: two have the same id');
      }
      const gone = files.settings.read().links.filter(({ id }) => !ids.includes(id));
      for (const { id } of gone) files.remove(`link:${id}`);
      await files.settings.write(next);
      return next;
    },
    subjects,
    subject(key) {
      const found = files.subjects.get(key);
      if (found !== undefined) return detailOf(found, files.settings.read());
      throw new UserError(
        'capacity_subject_unknown',
        `nothing is known of ${JSON.stringify(key.slice(0, 100))}`,
      );
    },
    throughMs,
    catchUp,
    counters: () => counters,
    start: turns.start,
    stop: turns.stop,
  };
}

/** Links, and exporters with all their interfaces: what comes in and what goes out. */
function groupsOf(
  { interfaces }: HoursRead,
  { links }: CapacitySettings,
): [key: string, start: CapacitySubject, members: SubjectBins[]][] {
  const byExporter = Map.groupBy(interfaces, ({ exporter }) => exporter);
  const exporters = [...byExporter].map(([exporter, members]): [string, CapacitySubject, SubjectBins[]] => {
    const key = `exporter:${exporter}`;
    return [key, emptySubject(key, 'exporter', exporter, null, exporter), members];
  });
  const ofLinks = links.map(({ id, name, members }): [string, CapacitySubject, SubjectBins[]] => {
    const wanted = new Set(members.map(({ exporter, ifIndex }) => interfaceKey(exporter, ifIndex)));
    const key = `link:${id}`;
    const found = interfaces.filter(({ exporter, ifIndex }) => wanted.has(interfaceKey(exporter, ifIndex)));
    return [key, emptySubject(key, 'link', '', null, name), found];
  });
  return [...exporters, ...ofLinks];
}

function addedUp(members: readonly SubjectBins[], count: number): SubjectBins {
  const sums = { in: new Float64Array(count), out: new Float64Array(count) };
  for (const member of members) {
    for (let bin = 0; bin < count; bin++) {
      sums.in[bin] = (sums.in[bin] ?? 0) + (member.in[bin] ?? 0);
      sums.out[bin] = (sums.out[bin] ?? 0) + (member.out[bin] ?? 0);
    }
  }
  return sums;
}

function findingOf(
  subject: CapacitySummary,
  way: 'in' | 'out',
  thresholdPercent: number,
  alertDays: number,
  nowMs: number,
): AlertFinding | undefined {
  const { outlook, p95, utilisation } = subject[way];
  const reached = outlook.crossing?.expected ?? null;
  if (outlook.state !== 'forecast' || reached === null || subject.speedMbit === null) return undefined;
  const days = Math.max(0, Math.ceil((Date.parse(reached) - nowMs) / DAY_MS));
  if (days > alertDays) return undefined;
  const limit = (subject.speedMbit * thresholdPercent) / 100;
  const kind = subject.kind === 'exporter' ? 'exporter' : 'interface';
  return {
    detection: 'capacity',
    title: `${subject.name} (${way}) reaches ${thresholdPercent} % on ${reached}`,
    subject: {
      kind,
      value: `${subject.exporter === '' ? '' : `${subject.exporter} `}${subject.name} ${way}`,
    },
    score: (utilisation ?? 0) * 100 >= thresholdPercent ? 0.7 : 0.5,
    firstSeen: new Date(nowMs).toISOString(),
    lastSeen: new Date(nowMs).toISOString(),
    evidence: {
      formula: 'expected 95th percentile of a day ≥ threshold × speed, in at most alertDays days',
      numbers: [
        { name: 'p95', value: p95 ?? 0, unit: 'Mbit/s', threshold: limit, meaning: 'of the last whole day' },
        {
          name: 'growthPerDay',
          value: outlook.growthPerDay,
          unit: 'Mbit/s',
          meaning: 'slope of the robust line',
        },
        {
          name: 'days',
          value: days,
          unit: 'days',
          threshold: alertDays,
          meaning: 'until the forecast reaches it',
        },
        {
          name: 'daysUsed',
          value: outlook.daysUsed,
          unit: 'days',
          meaning: 'of history behind the forecast',
        },
      ],
      filter: subject.filter,
      from: new Date(nowMs - DAY_MS).toISOString(),
      to: new Date(nowMs).toISOString(),
    },
    explanation: `What ${subject.name} carries (${way}) grows by ${outlook.growthPerDay.toFixed(2)} Mbit/s a day. On ${reached} its daily 95th percentile is expected to reach ${limit.toFixed(1)} Mbit/s, ${thresholdPercent} % of its speed; with 95 % confidence not before ${outlook.crossing?.earliest ?? reached}.`,
  };
}
