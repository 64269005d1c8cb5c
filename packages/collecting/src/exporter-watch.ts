/**
 * Watches all exporters of a listener: feeds each one's health at every look, and logs the alarms that begin and
 * end. Exporters that never delivered a record are not watched: a forged address is nobody whom we would miss.
 */
import type { Clock, Logger } from '@weir/base';
import type { DomainCounters, DomainView, ExporterIdentity } from '@weir/ipfix';
import type { AlarmChange, ExporterAlarmCode } from './exporter-alarm.ts';
import {
  type AlarmLimits,
  createExporterHealth,
  type ExporterHabit,
  type ExporterHealth,
  type ExporterSample,
} from './exporter-health.ts';
import { EXPORTERS_IN_STATUS_MAX } from './listener-status.ts';

/** A network that fails silences thousands at once: so many lines a look, and one for the rest. */
const ALARM_LINES_MAX = 32;
/** Headers of v9 and IPFIX leave out the part of the second. */
const EXPORT_TIME_CUT_MS = 500;
/** So many places, and no more, are there also for senders that are not established. */
const WATCHED_UNESTABLISHED_MAX = 1024;
/** Who has been gone for a week is gone; no more alarm is kept for them. */
export const EXPORTER_FORGOTTEN_AFTER_MS = 7 * 86_400_000;

export interface ExporterWatchOptions {
  clock: Clock;
  logger: Logger;
  limitsOf(address: string): AlarmLimits;
  /** Datagrams of an address that were beyond its rate limit. */
  rateLimitedOf(address: string): number;
}

export interface ExporterWatch {
  /** `endedOf`: what connections of an exporter had counted that are no more. */
  look(
    domains: Iterable<DomainView>,
    nowMs: number,
    endedOf: (key: string) => Partial<DomainCounters> | undefined,
  ): void;
  healthOf(exporter: ExporterIdentity): ExporterHealth | undefined;
  /** Whom we would miss, and by what. */
  habits(): { exporter: ExporterIdentity; established: boolean; habit: ExporterHabit }[];
  /** Goes on watching an exporter that an earlier run knew: from now on it is missed. */
  expect(exporter: ExporterIdentity, established: boolean, habit: ExporterHabit): void;
}

/** What tells exporters apart whatever connection they use. */
export function exporterKey({
  address,
  observationDomainId,
  version,
}: Pick<ExporterIdentity, 'address' | 'observationDomainId' | 'version'>): string {
  return `${version} ${observationDomainId} ${address}`;
}

type Sums = Omit<ExporterSample, 'nowMs' | 'monotonicMs' | 'waitedFor' | 'rateLimited'> & {
  waitedFor: number[];
  lastSeenMs: number;
};

interface Watched {
  readonly exporter: ExporterIdentity;
  readonly health: ExporterHealth;
  established: boolean;
  latest: ExporterSample | undefined;
  silentSinceMonotonicMs: number;
}

export function createExporterWatch(options: ExporterWatchOptions): ExporterWatch {
  const { clock, logger, limitsOf, rateLimitedOf } = options;
  const watched = new Map<string, Watched>();
  let lines = 0;
  let leftOut = 0;

  function watch(exporter: ExporterIdentity, habit?: ExporterHabit): Watched {
    const log = (change: AlarmChange<ExporterAlarmCode>) => logChange(exporter, change);
    const nowMs = clock.monotonicMs();
    const created: Watched = {
      exporter,
      health: createExporterHealth(log, habit),
      established: false,
      latest: undefined,
      silentSinceMonotonicMs: nowMs,
    };
    const key = exporterKey(exporter);
    watched.set(key, created);
    if (watched.size > EXPORTERS_IN_STATUS_MAX) forgetOne();
    return created;
  }

  /** The one that was silent longest, of those that are not established if there are any. */
  function forgetOne(): void {
    const keys = [...watched.keys()];
    const forgotten = keys.find((key) => watched.get(key)?.established === false) ?? keys[0];
    if (forgotten !== undefined) watched.delete(forgotten);
  }

  function logChange(exporter: ExporterIdentity, { kind, alarm }: AlarmChange<ExporterAlarmCode>): void {
    lines += 1;
    if (lines > ALARM_LINES_MAX) {
      leftOut += 1;
      return;
    }
    const { address, observationDomainId, version } = exporter;
    const facts = { exporter: address, observationDomainId, version, alarm: alarm.code };
    if (kind === 'raised') logger.warn(facts, `exporter ${address}: ${alarm.message}`);
    else logger.info(facts, `exporter ${address}: no longer: ${alarm.message}`);
  }

  function lookAt(key: string, one: Watched, sums: Sums | undefined, nowMs: number): void {
    const monotonicMs = clock.monotonicMs();
    const { address } = one.exporter;
    const heard = sums !== undefined && sums.messages !== one.latest?.messages;
    const base = sums ?? one.latest;
    if (base === undefined) return;
    one.latest = { ...base, nowMs, monotonicMs, rateLimited: rateLimitedOf(address) };
    one.health.look(one.latest, limitsOf(address));
    if (heard) {
      one.silentSinceMonotonicMs = monotonicMs;
      // The one that was silent longest stands first.
      watched.delete(key);
      watched.set(key, one);
    } else if (monotonicMs - one.silentSinceMonotonicMs > EXPORTER_FORGOTTEN_AFTER_MS) {
      watched.delete(key);
    }
  }

  return {
    look(domains, nowMs, endedOf) {
      lines = 0;
      leftOut = 0;
      const sums = new Map<string, Sums>();
      for (const domain of domains) {
        const { exporter, counters, established } = domain;
        // Also of those that were restored, and are silent since.
        if (counters.messages === 0 || counters.records + counters.optionsRecords === 0) continue;
        const key = exporterKey(exporter);
        let one = watched.get(key);
        if (one === undefined) {
          if (!established && watched.size >= WATCHED_UNESTABLISHED_MAX) continue;
          one = watch(exporter);
        }
        one.established ||= established;
        sums.set(key, addUp(sums.get(key) ?? begin(exporter, endedOf(key)), domain));
      }
      for (const [key, one] of [...watched]) lookAt(key, one, sums.get(key), nowMs);
      if (leftOut > 0) logger.warn({ leftOut }, 'alarms of more exporters began or ended');
    },
    habits: () =>
      [...watched.values()]
        .filter(({ established, health }) => established || health.usualGapMs() !== undefined)
        .map(({ exporter, established, health }) => ({ exporter, established, habit: health.habit() })),
    expect(exporter, established, habit) {
      const one = watch(exporter, habit);
      one.established = established;
      one.latest = {
        ...begin(exporter, undefined),
        nowMs: clock.nowMs(),
        monotonicMs: clock.monotonicMs(),
        rateLimited: 0,
      };
    },
    healthOf: (exporter) => watched.get(exporterKey(exporter))?.health,
  };
}

function begin({ version }: ExporterIdentity, ended: Partial<DomainCounters> | undefined): Sums {
  const { messages = 0, records = 0, optionsRecords = 0, octets = 0 } = ended ?? {};
  return {
    messages,
    records,
    octets,
    units: unitsOf(version, { messages, records, optionsRecords }),
    unitsLost: ended?.unitsLost ?? 0,
    templateConflicts: ended?.templateConflicts ?? 0,
    waitedFor: [],
    skewMs: 0,
    lastSeenMs: 0,
  };
}

function addUp(sums: Sums, domain: DomainView): Sums {
  const { exporter, counters, lastSeenMs, lastExportTimeMs } = domain;
  const isLatest = lastSeenMs >= sums.lastSeenMs;
  const cutMs = exporter.version >= 9 ? EXPORT_TIME_CUT_MS : 0;
  return {
    messages: sums.messages + counters.messages,
    records: sums.records + counters.records,
    octets: sums.octets + counters.octets,
    units: sums.units + unitsOf(exporter.version, counters),
    unitsLost: sums.unitsLost + counters.unitsLost,
    templateConflicts: sums.templateConflicts + counters.templateConflicts,
    waitedFor: [...sums.waitedFor, ...domain.waitedFor()],
    skewMs: isLatest ? lastExportTimeMs + cutMs - lastSeenMs : sums.skewMs,
    lastSeenMs: Math.max(lastSeenMs, sums.lastSeenMs),
  };
}

/** What sequence numbers count: packets of v9, flows of v5 and v7, Data Records of IPFIX; v1 has none. */
function unitsOf(
  version: number,
  { messages, records, optionsRecords }: Pick<DomainCounters, 'messages' | 'records' | 'optionsRecords'>,
): number {
  if (version === 1) return 0;
  return version === 9 ? messages : records + optionsRecords;
}
