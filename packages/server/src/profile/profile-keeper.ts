/**
 * Learns finished hours, once each: what hosts, users, peers and services carried, how connections performed, who used what.
 * At the first start it learns what the store has of the last weeks, a day at a time; then each hour when it is over.
 * All questions go through the queue of the analyses.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import {
  accessWhoOf,
  HOUR_MS,
  hourAccessSql,
  hourPerformanceSql,
  hourStartOf,
  hourTrafficOf,
  hourTrafficSql,
  serviceText,
  type TimeRange,
  WEEK_MS,
} from '@weir/analysis';
import {
  type CancelTimer,
  type Clock,
  type Component,
  createStateFile,
  type Logger,
  UserError,
} from '@weir/base';
import { z } from 'zod';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue, AnalysisStore } from '../analyses/analysis-queue.ts';
import { columnsOfFlows } from '../analyses/flow-columns.ts';
import { BaselineTable, type BaselineValue, baselineStateSchema, WEEKS_KEPT } from './baseline-table.ts';
import { accessKey, FirstSeenTable, firstSeenStateSchema } from './first-seen-table.ts';
import { findingsOfHour } from './hour-judgement.ts';
import { PROFILE_SETTINGS_DEFAULT, type ProfileSettings, profileSettingsSchema } from './profile-settings.ts';

/** Flows that ended in an hour have arrived by then: exporters tell of ended flows within a minute or two. */
export const SETTLE_MS = 10 * 60_000;
const TICK_MS = 5 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Of each kind and hour; what is smaller is not learned. */
const VALUES_PER_HOUR = 500;
const SERVICES_PER_HOUR = 50;
const ACCESSES_PER_CHUNK = 20_000;
/** Hours that ended longer ago are learned, and not alerted: the news would be old. */
const ALERT_AGE_MAX_MS = 3 * HOUR_MS;

const stateSchema = z.object({
  version: z.literal(1),
  learnedThroughMs: z.number().nullable(),
  firstHourMs: z.number().nullable(),
  baselines: baselineStateSchema,
  firstSeen: firstSeenStateSchema,
});
type ProfileState = z.infer<typeof stateSchema>;

export interface ProfileCounters {
  hoursLearned: number;
  /** Hours in which nothing was collected. */
  hoursEmpty: number;
  failures: number;
  findings: number;
}

export interface ProfileStatus {
  readonly settings: ProfileSettings;
  readonly learnedThroughMs: number | null;
  readonly firstHourMs: number | null;
  /** Hours known of the weeks that count, and how many weeks they span. */
  readonly hours: number;
  readonly weeks: number;
  readonly values: number;
  readonly sightings: number;
  readonly evicted: number;
  readonly counters: Readonly<ProfileCounters>;
}

export interface ProfileKeeper extends Component {
  readonly baselines: BaselineTable;
  readonly firstSeen: FirstSeenTable;
  /** Learns all finished hours that are not learned yet; resolves when it has, or when there is nothing to do. */
  catchUp(): Promise<void>;
  status(): ProfileStatus;
  settings(): ProfileSettings;
  changeSettings(settings: ProfileSettings): Promise<void>;
  /** Forgets what was learned of one value; throws UserError `profile_unknown`. */
  forget(kind: string, key: string): Promise<void>;
  /** Forgets everything; learning begins with the next hour. */
  forgetAll(): Promise<void>;
}

export interface ProfileKeeperOptions {
  readonly queue: AnalysisQueue;
  /** State is in `profile/` of it. */
  readonly dataDirectory: string;
  readonly alerts?: AlertBook;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createProfileKeeper(options: ProfileKeeperOptions): ProfileKeeper {
  const { queue, clock, logger, alerts } = options;
  const folder = path.join(options.dataDirectory, 'profile');
  mkdirSync(folder, { recursive: true });
  const file = createStateFile({
    path: path.join(folder, 'profile.json'),
    initial: emptyState(),
    parse: (value) => {
      const state = stateSchema.parse(value);
      new BaselineTable(state.baselines);
      return state;
    },
    logger,
  });
  const settingsFile = createStateFile({
    path: path.join(folder, 'settings.json'),
    initial: PROFILE_SETTINGS_DEFAULT,
    parse: (value) => profileSettingsSchema.parse(value),
    logger,
  });
  const counters: ProfileCounters = { hoursLearned: 0, hoursEmpty: 0, failures: 0, findings: 0 };
  let { learnedThroughMs, firstHourMs } = file.read();
  let baselines = new BaselineTable(file.read().baselines);
  let firstSeen = new FirstSeenTable(file.read().firstSeen);
  let cancelTimer: CancelTimer | undefined;
  let running: Promise<void> | undefined;
  const stop = new AbortController();

  const write = () =>
    file.write({
      version: 1,
      learnedThroughMs,
      firstHourMs,
      baselines: baselines.state(),
      firstSeen: firstSeen.state(),
    });

  const ask = <T>(work: (store: AnalysisStore) => Promise<T>) => queue.run('profile', work, stop.signal);

  /** The end of the last hour that is over and settled. */
  const settledMs = () => hourStartOf(clock.nowMs() - SETTLE_MS);

  async function learnAll(): Promise<void> {
    if (!settingsFile.read().enabled) return;
    const endMs = settledMs();
    let fromMs = learnedThroughMs ?? (await ask((store) => firstHourOf(store, endMs)));
    firstHourMs ??= fromMs;
    while (fromMs < endMs && !stop.signal.aborted) {
      const range: TimeRange = { fromMs, toMs: Math.min(fromMs + DAY_MS, endMs) };
      await ask((store) => learnRange(store, range));
      fromMs = range.toMs;
      learnedThroughMs = fromMs;
      firstSeen.forgetBefore(range.toMs - settingsFile.read().weeks * WEEK_MS);
      await write();
    }
  }

  async function learnRange(store: AnalysisStore, range: TimeRange): Promise<void> {
    const { people } = settingsFile.read();
    const columns = await columnsOfFlows(store, range);
    const byHour = await valuesByHour(store, range, columns);
    for (let hourMs = range.fromMs; hourMs < range.toMs; hourMs += HOUR_MS) {
      const values = (byHour.get(hourMs) ?? []).filter(({ kind }) => people || kind !== 'user');
      if (values.length === 0) counters.hoursEmpty += 1;
      else learnHour(hourMs, values);
    }
    if (people) await learnAccess(store, range);
  }

  function learnHour(hourMs: number, values: readonly BaselineValue[]): void {
    const { alerts: asked, weeks } = settingsFile.read();
    if (alerts !== undefined && hourMs >= clock.nowMs() - HOUR_MS - SETTLE_MS - ALERT_AGE_MAX_MS) {
      for (const finding of findingsOfHour(baselines, hourMs, values, asked, weeks)) {
        counters.findings += 1;
        alerts.raise(finding);
      }
    }
    baselines.learn(hourMs, values);
    for (const { kind, key } of values) firstSeen.note(kind, key, hourMs, hourMs + HOUR_MS - 1);
    counters.hoursLearned += 1;
  }

  async function learnAccess(store: AnalysisStore, range: TimeRange): Promise<void> {
    const { rows } = await store.sql(hourAccessSql(range, ACCESSES_PER_CHUNK), { range });
    for (const row of rows) {
      const { kind, key } = accessWhoOf(row);
      const service = serviceText(numberOrNull(row['protocol']), numberOrNull(row['port']));
      firstSeen.note('access', accessKey(kind, key, service), Number(row['firstMs']), Number(row['lastMs']));
    }
  }

  function catchUp(): Promise<void> {
    running ??= learnAll()
      .catch((error: unknown) => {
        if (stop.signal.aborted) return;
        counters.failures += 1;
        logger.warn({ error: String(error) }, 'the profile could not learn the last hours; it tries again');
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    get baselines() {
      return baselines;
    },
    get firstSeen() {
      return firstSeen;
    },
    catchUp,
    status() {
      const hours = baselines.learnedHours(clock.nowMs());
      const [oldest, newest] = [hours[0], hours.at(-1)];
      return {
        settings: settingsFile.read(),
        learnedThroughMs,
        firstHourMs,
        hours: hours.length,
        weeks: oldest === undefined || newest === undefined ? 0 : (newest + HOUR_MS - oldest) / WEEK_MS,
        values: baselines.size,
        sightings: firstSeen.size,
        evicted: baselines.evicted + firstSeen.evicted,
        counters: { ...counters },
      };
    },
    settings: () => settingsFile.read(),
    async changeSettings(settings) {
      await settingsFile.write(settings);
      if (settings.people) return;
      forgetPeople(baselines, firstSeen);
      await write();
    },
    async forget(kind, key) {
      const known = [baselines.forget(kind, key), firstSeen.forget(kind, key)].some(Boolean);
      const accesses = firstSeen.entries('access', accessKey(kind, key, ''));
      for (const access of accesses) firstSeen.forget('access', access.key);
      if (!known && accesses.length === 0)
        throw new UserError('profile_unknown', `nothing is known of the ${kind} ${key}`);
      await write();
    },
    async forgetAll() {
      baselines = new BaselineTable();
      firstSeen = new FirstSeenTable();
      learnedThroughMs = settledMs();
      firstHourMs = null;
      await write();
    },
    async start() {
      cancelTimer = clock.every(TICK_MS, () => void catchUp());
      void catchUp();
    },
    async stop() {
      cancelTimer?.();
      stop.abort(new UserError('profile_stopped', 'the profile is being closed'));
      await running;
    },
  };
}

const emptyState = (): ProfileState => ({
  version: 1,
  learnedThroughMs: null,
  firstHourMs: null,
  baselines: new BaselineTable().state(),
  firstSeen: new FirstSeenTable().state(),
});

/** The first hour of the store that still counts; `endMs` when there is none. */
async function firstHourOf(store: AnalysisStore, endMs: number): Promise<number> {
  const oldestMs = endMs - WEEKS_KEPT * WEEK_MS;
  const { rows } = await store.sql(
    'SELECT epoch_ms(min(coalesce("flowEnd", "receivedAt"))) AS "firstMs" FROM flows',
    { range: { fromMs: oldestMs, toMs: Math.max(endMs, oldestMs + 1) } },
  );
  const firstMs = rows[0]?.['firstMs'];
  return typeof firstMs === 'number' ? Math.min(endMs, hourStartOf(firstMs)) : endMs;
}

/** Traffic and performance of each hour, the largest values first. */
async function valuesByHour(
  store: AnalysisStore,
  range: TimeRange,
  columns: readonly string[],
): Promise<Map<number, BaselineValue[]>> {
  const byHour = new Map<number, BaselineValue[]>();
  const add = (hourMs: number, value: BaselineValue) => {
    const list = byHour.get(hourMs) ?? [];
    byHour.set(hourMs, list);
    list.push(value);
  };
  const traffic = await store.sql(hourTrafficSql(range, VALUES_PER_HOUR), { range });
  for (const row of traffic.rows) {
    const known = hourTrafficOf(row);
    if (known !== undefined) add(known.hourMs, { kind: known.kind, key: known.key, value: known.octets });
  }
  const sql = hourPerformanceSql(range, columns, SERVICES_PER_HOUR);
  for (const row of sql === undefined ? [] : (await store.sql(sql, { range })).rows) {
    for (const value of performanceValues(row)) add(Number(row['hourMs']), value);
  }
  return byHour;
}

/** Fewer handshakes, or packets, make no value of an hour. */
const HANDSHAKES_MIN = 20;
const PACKETS_MIN = 1000;

function performanceValues(row: Readonly<Record<string, unknown>>): BaselineValue[] {
  const key = serviceText(numberOrNull(row['protocol']), numberOrNull(row['port']));
  const values: BaselineValue[] = [];
  const packets = Number(row['packets'] ?? 0);
  if (Number(row['samples'] ?? 0) >= HANDSHAKES_MIN && typeof row['roundTripMs'] === 'number')
    values.push({ kind: 'roundTrip', key, value: row['roundTripMs'] });
  if (packets >= PACKETS_MIN && typeof row['retransmitted'] === 'number')
    values.push({ kind: 'retransmitted', key, value: (100 * row['retransmitted']) / packets });
  return values;
}

/** Users, and who used what. */
function forgetPeople(baselines: BaselineTable, firstSeen: FirstSeenTable): void {
  for (const key of baselines.keys('user')) baselines.forget('user', key);
  for (const kind of ['user', 'access'])
    for (const { key } of firstSeen.entries(kind)) firstSeen.forget(kind, key);
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);
