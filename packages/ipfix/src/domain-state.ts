/**
 * What a collector knows of an exporter: a scope of templates (RFC 7011 section 8) with its observation
 * domains. Every forged datagram can make one of each, so both are bounded, and what never delivered a
 * record goes first.
 */
import type { DecodeErrorCode, DecodeProblem } from './decode-error.ts';
import type { ExporterIdentity } from './flow-batch.ts';
import { SamplingState, type SharedSampling } from './sampling-state.ts';
import { type SequenceCounters, SequenceTracker } from './sequence-tracker.ts';
import type { TemplateBudget } from './template-budget.ts';
import { TemplateStore, type TemplateStoreCounters } from './template-store.ts';
import type { TransportSession } from './transport-session.ts';

/** Counters of one observation domain of one exporter. */
export interface DomainCounters extends SequenceCounters, TemplateStoreCounters {
  messages: number;
  /** Of those messages. */
  octets: number;
  /** Data Records that became flow rows. */
  records: number;
  /** Data Records of Options Templates. */
  optionsRecords: number;
  /** Data Sets whose template was not known when they came. */
  undecodedSets: number;
  problems: number;
}

export interface DomainState {
  readonly exporter: ExporterIdentity;
  readonly version: number;
  readonly observationDomainId: number;
  readonly scope: ExporterScope;
  readonly templates: TemplateStore;
  readonly sampling: SamplingState;
  readonly counters: DomainCounters;
  /** systemInitTimeMilliseconds from an options record; 0 when none came. */
  systemInitTimeMs: number;
  /** When the latest message was received, and when it says that it was exported; 0 before there is one. */
  lastSeenMs: number;
  lastExportTimeMs: number;
  /** When the first message was received; 0 before there is one. */
  firstSeenMs: number;
  /** What was malformed in its messages; undefined while nothing was. At most one entry for each code. */
  problems: ProblemTally[] | undefined;
}

/** Problems of one code. */
export interface ProblemTally {
  readonly code: DecodeErrorCode;
  count: number;
  lastAtMs: number;
  last: DecodeProblem;
}

/** The templates, and whatever else outlives a datagram, of one exporter (UDP) or one connection. */
export interface ExporterScope {
  readonly key: string;
  readonly session: TransportSession;
  readonly domains: Map<number, DomainState>;
  readonly templateBudget: TemplateBudget;
  /** What its domains together know of sampling. */
  readonly sampling: SharedSampling;
  /** Octets and Sets of this scope that wait for their template. */
  pendingOctets: number;
  pendingSets: number;
  /** It delivered a record: an exporter, or a forger who knows the format. */
  proven: boolean;
  /** Its messages also follow each other as an exporter's do: see ESTABLISHED_MESSAGES. */
  established: boolean;
  evicted: boolean;
}

/** One domain as one session speaks for it: sequence numbers belong to the session (RFC 7011 section 3.1). */
export interface StreamState {
  readonly domain: DomainState;
  readonly sequence: SequenceTracker;
  /** Boot time after the header, v1 … v9; NaN before the first message. */
  bootMs: number;
}

/** One number for a domain within a scope: v9 and IPFIX share neither templates nor numbering. */
export function domainKey(version: number, observationDomainId: number): number {
  return version * 4294967296 + observationDomainId;
}

export function createDomainState(
  scope: ExporterScope,
  version: number,
  observationDomainId: number,
): DomainState {
  const counters: DomainCounters = {
    messages: 0,
    octets: 0,
    records: 0,
    optionsRecords: 0,
    undecodedSets: 0,
    problems: 0,
    unitsLost: 0,
    duplicates: 0,
    reordered: 0,
    restarts: 0,
    templateRecords: 0,
    templateConflicts: 0,
    templateWithdrawals: 0,
    templatesRefused: 0,
  };
  const { exporterAddress, source, transport } = scope.session;
  return {
    exporter: { address: exporterAddress, observationDomainId, source, version },
    version,
    observationDomainId,
    scope,
    templates: new TemplateStore(transport, counters, scope.templateBudget),
    sampling: new SamplingState(scope.sampling, observationDomainId),
    counters,
    systemInitTimeMs: 0,
    lastSeenMs: 0,
    lastExportTimeMs: 0,
    firstSeenMs: 0,
    problems: undefined,
  };
}

/** Counts a problem by its code and remembers the latest: no more is made of it before somebody asks. */
export function noteProblem(domain: DomainState, problem: DecodeProblem, nowMs: number): void {
  domain.counters.problems += 1;
  const { code } = problem;
  const known = domain.problems?.find((tally) => tally.code === code);
  if (known === undefined) {
    domain.problems ??= [];
    domain.problems.push({ code, count: 1, lastAtMs: nowMs, last: problem });
    return;
  }
  known.count += 1;
  known.lastAtMs = nowMs;
  known.last = problem;
}

export function createStreamState(domain: DomainState): StreamState {
  return {
    domain,
    sequence: new SequenceTracker(domain.counters, domain.version === 10),
    bootMs: Number.NaN,
  };
}
