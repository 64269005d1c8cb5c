import type {
  DecodeErrorCode,
  DecodeProblem,
  DomainCounters,
  ExporterIdentity,
  FlowDecoder,
} from '@weir/ipfix';
import { type ExporterWatch, exporterKey } from './exporter-watch.ts';
import {
  EXPORTERS_IN_STATUS_MAX,
  type ExporterHealthStatus,
  type ExporterStatus,
  type ProblemCount,
} from './listener-status.ts';

/**
 * What a listener adds to the decoder's own counters of each exporter: when it was seen, and which problems
 * its messages had. Lives and dies with the decoder's entry for the exporter, so the decoder's bound on
 * exporters is the ledger's too. Over TCP and TLS that entry ends with the connection; what it counted is
 * kept here under the exporter's name, so that no total falls when an exporter connects again.
 */
export interface ExporterLedger {
  /** Notes who sent since the last call. To be called about once a second. */
  look(nowMs: number): void;
  problem(problem: DecodeProblem, exporter: ExporterIdentity | undefined, nowMs: number): void;
  /** Runs `end`, by which the decoder forgets exporters, and keeps what those had counted. */
  keepWhatEnds(end: () => void): void;
  /** Exporters that sent anything, by falling number of records. */
  exporters(): ExporterStatus[];
  unattributedProblems(): ProblemCount[];
}

interface Entry {
  firstSeenMs: number;
  lastSeenMs: number;
  messages: number;
  readonly problems: ProblemLog;
}

type ProblemLog = Map<DecodeErrorCode, { count: number; lastAtMs: number; lastMessage: string }>;

type Sums = Omit<ExporterStatus, keyof ExporterHealthStatus>;

export function createExporterLedger(
  decoder: Pick<FlowDecoder, 'domainCounters'>,
  watch: Pick<ExporterWatch, 'look' | 'healthOf'>,
): ExporterLedger {
  const entries = new WeakMap<ExporterIdentity, Entry>();
  const unattributed: ProblemLog = new Map();
  /** Sums of connections that ended, by exporter; the one that ended longest ago goes first. */
  const ended = new Map<string, Sums>();

  function entryOf(exporter: ExporterIdentity, nowMs: number): Entry {
    let entry = entries.get(exporter);
    if (entry === undefined) {
      entry = { firstSeenMs: nowMs, lastSeenMs: nowMs, messages: 0, problems: new Map() };
      entries.set(exporter, entry);
    }
    return entry;
  }

  function statusOf(exporter: ExporterIdentity, counters: DomainCounters): Sums | undefined {
    const entry = entries.get(exporter);
    if (entry === undefined) return undefined;
    const { firstSeenMs, lastSeenMs, problems } = entry;
    return { ...exporter, ...counters, firstSeenMs, lastSeenMs, problemsByCode: counts(problems) };
  }

  function keep(status: Sums): void {
    const key = exporterKey(status);
    const sum = sumOf(ended.get(key), status);
    ended.delete(key);
    ended.set(key, sum);
    const [longestAgo] = ended.keys();
    if (ended.size > EXPORTERS_IN_STATUS_MAX && longestAgo !== undefined) ended.delete(longestAgo);
  }

  return {
    look(nowMs) {
      for (const { exporter, counters } of decoder.domainCounters()) {
        if (counters.messages === 0) continue; // restored, and silent since
        const entry = entryOf(exporter, nowMs);
        if (entry.messages === counters.messages) continue;
        entry.messages = counters.messages;
        entry.lastSeenMs = nowMs;
      }
      watch.look(decoder.domainCounters(), nowMs, (key) => ended.get(key));
    },
    problem(problem, exporter, nowMs) {
      note(exporter === undefined ? unattributed : entryOf(exporter, nowMs).problems, problem, nowMs);
    },
    keepWhatEnds(end) {
      const before = [...decoder.domainCounters()];
      end();
      const left = new Set(Array.from(decoder.domainCounters(), ({ exporter }) => exporter));
      for (const { exporter, counters } of before) {
        const status = left.has(exporter) ? undefined : statusOf(exporter, counters);
        if (status !== undefined) keep(status);
      }
    },
    exporters() {
      const all = new Map(ended);
      for (const { exporter, counters } of decoder.domainCounters()) {
        const status = statusOf(exporter, counters);
        if (status !== undefined) {
          all.set(exporterKey(status), sumOf(all.get(exporterKey(status)), status));
        }
      }
      return [...all.values()]
        .sort((one, other) => other.records - one.records)
        .map((sums) => ({ ...sums, ...healthOf(watch, sums) }));
    },
    unattributedProblems: () => counts(unattributed),
  };
}

function healthOf(watch: Pick<ExporterWatch, 'healthOf'>, exporter: Sums): ExporterHealthStatus {
  const health = watch.healthOf(exporter);
  const alarms = health?.alarms() ?? [];
  return {
    recordsPerSecond: 0,
    octetsPerSecond: 0,
    loss: undefined,
    ...health?.rates(),
    clockSkewMs: health?.clockSkewMs(),
    usualGapMs: health?.usualGapMs(),
    silentSinceMs: alarms.some(({ code }) => code === 'silent') ? exporter.lastSeenMs : undefined,
    alarms,
  };
}

const SUMMED: readonly (keyof DomainCounters)[] = [
  'messages',
  'octets',
  'records',
  'optionsRecords',
  'undecodedSets',
  'problems',
  'unitsLost',
  'duplicates',
  'reordered',
  'restarts',
  'templateRecords',
  'templateConflicts',
  'templateWithdrawals',
  'templatesRefused',
];

/** What one exporter did over two connections. */
function sumOf(one: Sums | undefined, other: Sums): Sums {
  if (one === undefined) return other;
  const sum = { ...other };
  for (const key of SUMMED) sum[key] += one[key];
  return {
    ...sum,
    firstSeenMs: Math.min(one.firstSeenMs, other.firstSeenMs),
    lastSeenMs: Math.max(one.lastSeenMs, other.lastSeenMs),
    problemsByCode: sumOfProblems(one.problemsByCode, other.problemsByCode),
  };
}

function sumOfProblems(one: readonly ProblemCount[], other: readonly ProblemCount[]): ProblemCount[] {
  const byCode = new Map(one.map((problem) => [problem.code, problem]));
  for (const problem of other) {
    const known = byCode.get(problem.code);
    const latest = known !== undefined && known.lastAtMs > problem.lastAtMs ? known : problem;
    byCode.set(problem.code, { ...latest, count: problem.count + (known?.count ?? 0) });
  }
  return [...byCode.values()];
}

function note(log: ProblemLog, { code, message, offset }: DecodeProblem, nowMs: number): void {
  const known = log.get(code);
  const lastMessage = `${message} (octet ${offset})`;
  if (known === undefined) {
    log.set(code, { count: 1, lastAtMs: nowMs, lastMessage });
    return;
  }
  known.count += 1;
  known.lastAtMs = nowMs;
  known.lastMessage = lastMessage;
}

function counts(log: ProblemLog): ProblemCount[] {
  return [...log].map(([code, problem]) => ({ code, ...problem }));
}
