import type {
  DecodeErrorCode,
  DecodeProblem,
  DomainCounters,
  DomainView,
  ExporterIdentity,
  FlowDecoder,
  ProblemTally,
} from '@weir/ipfix';
import { type ExporterMemory, readMemories } from './exporter-memory.ts';
import { EXPORTER_FORGOTTEN_AFTER_MS, type ExporterWatch, exporterKey } from './exporter-watch.ts';
import {
  EXPORTERS_IN_STATUS_MAX,
  type ExporterHealthStatus,
  type ExporterStatus,
  type ProblemCount,
} from './listener-status.ts';

/**
 * The exporters of a listener: what the decoder counts of each, and how it fares. Nothing is done here for a datagram,
 * and statuses are made only of those that are asked for. The decoder's entry for an exporter over TCP and TLS ends
 * with the connection; what it counted is kept here under the exporter's name, so that no total falls when an
 * exporter connects again.
 */
export interface ExporterLedger {
  /** Looks how the exporters fare. To be called about once a second. */
  look(nowMs: number): void;
  problem(problem: DecodeProblem, exporter: ExporterIdentity | undefined, nowMs: number): void;
  /** Runs `end`, by which the decoder forgets exporters, and keeps what those had counted. */
  keepWhatEnds(end: () => void): void;
  /** Those with the most records, at most EXPORTERS_IN_STATUS_MAX, by falling number of records. */
  exporters(): ExporterStatus[];
  /** How many sent anything; of more than EXPORTERS_IN_STATUS_MAX each connection counts. */
  exporterCount(): number;
  unattributedProblems(): ProblemCount[];
  /** Whom to miss after a restart. */
  memory(): ExporterMemory[];
  /** Takes up what an earlier run remembered, whatever a file says that it is; those gone for a week are gone. */
  restore(memory: unknown, source: string, nowMs: number): void;
}

type ProblemLog = Map<DecodeErrorCode, { count: number; lastAtMs: number; last: DecodeProblem }>;

type Sums = Omit<ExporterStatus, keyof ExporterHealthStatus>;

export function createExporterLedger(
  decoder: Pick<FlowDecoder, 'domainCounters'>,
  watch: Pick<ExporterWatch, 'look' | 'healthOf' | 'habits' | 'expect'>,
): ExporterLedger {
  const unattributed: ProblemLog = new Map();
  /** Sums of connections that ended, by exporter; the one that ended longest ago goes first. */
  const ended = new Map<string, Sums>();

  function keep(status: Sums): void {
    const key = exporterKey(status);
    const sum = sumOf(ended.get(key), status);
    ended.delete(key);
    ended.set(key, sum);
    const [longestAgo] = ended.keys();
    if (ended.size > EXPORTERS_IN_STATUS_MAX && longestAgo !== undefined) ended.delete(longestAgo);
  }

  /** Not those that were restored and are silent since. */
  function heard(): DomainView[] {
    return Array.from(decoder.domainCounters()).filter(({ counters }) => counters.messages > 0);
  }

  /** With what ended connections of the same exporters had counted. */
  function sumsOf(domains: readonly DomainView[]): Map<string, Sums> {
    const all = new Map(ended);
    for (const domain of domains) {
      const sums = sumsOfDomain(domain);
      const key = exporterKey(sums);
      all.set(key, sumOf(all.get(key), sums));
    }
    return all;
  }

  return {
    look: (nowMs) => watch.look(decoder.domainCounters(), nowMs, (key) => ended.get(key)),
    problem(problem, exporter, nowMs) {
      if (exporter === undefined) note(unattributed, problem, nowMs);
    },
    keepWhatEnds(end) {
      const before = heard();
      end();
      const left = new Set(Array.from(decoder.domainCounters(), ({ exporter }) => exporter));
      for (const domain of before) if (!left.has(domain.exporter)) keep(sumsOfDomain(domain));
    },
    exporters() {
      return [...sumsOf(mostRecords(heard())).values()]
        .sort((one, other) => other.records - one.records)
        .slice(0, EXPORTERS_IN_STATUS_MAX)
        .map((sums) => ({ ...sums, ...healthOf(watch, sums) }));
    },
    exporterCount() {
      const domains = heard();
      return domains.length > EXPORTERS_IN_STATUS_MAX ? domains.length : sumsOf(domains).size;
    },
    memory() {
      const all = sumsOf(heard());
      return watch.habits().flatMap(({ exporter, established, habit }) => {
        const { address, observationDomainId, version } = exporter;
        const sums = all.get(exporterKey(exporter));
        if (sums === undefined) return [];
        const { firstSeenMs, lastSeenMs } = sums;
        return [{ address, observationDomainId, version, firstSeenMs, lastSeenMs, established, ...habit }];
      });
    },
    restore(memory, source, nowMs) {
      for (const { firstSeenMs, lastSeenMs, established, silentMs, gaps, ...known } of readMemories(memory)) {
        if (nowMs - lastSeenMs > EXPORTER_FORGOTTEN_AFTER_MS) continue;
        const exporter = { ...known, source };
        keep({ ...exporter, ...noCounters(), firstSeenMs, lastSeenMs, problemsByCode: [] });
        watch.expect(exporter, established, { silentMs, gaps });
      }
    },
    unattributedProblems: () => Array.from(unattributed, ([code, problem]) => describe({ code, ...problem })),
  };
}

function mostRecords(domains: DomainView[]): DomainView[] {
  if (domains.length <= EXPORTERS_IN_STATUS_MAX) return domains;
  return domains
    .sort((one, other) => other.counters.records - one.counters.records)
    .slice(0, EXPORTERS_IN_STATUS_MAX);
}

function sumsOfDomain({ exporter, counters, firstSeenMs, lastSeenMs, problems }: DomainView): Sums {
  return { ...exporter, ...counters, firstSeenMs, lastSeenMs, problemsByCode: problems.map(describe) };
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

function noCounters(): DomainCounters {
  return Object.fromEntries(SUMMED.map((key) => [key, 0])) as unknown as DomainCounters;
}

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

function note(log: ProblemLog, problem: DecodeProblem, nowMs: number): void {
  const count = (log.get(problem.code)?.count ?? 0) + 1;
  log.set(problem.code, { count, lastAtMs: nowMs, last: problem });
}

function describe({ code, count, lastAtMs, last }: Readonly<ProblemTally>): ProblemCount {
  return { code, count, lastAtMs, lastMessage: `${last.message} (octet ${last.offset})` };
}
