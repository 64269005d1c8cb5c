import type { DecodeErrorCode, DecodeProblem, ExporterIdentity, FlowDecoder } from '@weir/ipfix';
import type { ExporterStatus, ProblemCount } from './listener-status.ts';

/**
 * What a listener adds to the decoder's own counters of each exporter: when it was seen, and which problems
 * its datagrams had. Lives and dies with the decoder's entry for the exporter, so the decoder's bound on
 * exporters is the ledger's too.
 */
export interface ExporterLedger {
  /** Notes who sent since the last call. To be called about once a second. */
  look(nowMs: number): void;
  problem(problem: DecodeProblem, exporter: ExporterIdentity | undefined, nowMs: number): void;
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

export function createExporterLedger(decoder: Pick<FlowDecoder, 'domainCounters'>): ExporterLedger {
  const entries = new WeakMap<ExporterIdentity, Entry>();
  const unattributed: ProblemLog = new Map();

  function entryOf(exporter: ExporterIdentity, nowMs: number): Entry {
    let entry = entries.get(exporter);
    if (entry === undefined) {
      entry = { firstSeenMs: nowMs, lastSeenMs: nowMs, messages: 0, problems: new Map() };
      entries.set(exporter, entry);
    }
    return entry;
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
    },
    problem(problem, exporter, nowMs) {
      note(exporter === undefined ? unattributed : entryOf(exporter, nowMs).problems, problem, nowMs);
    },
    exporters() {
      const all: ExporterStatus[] = [];
      for (const { exporter, counters } of decoder.domainCounters()) {
        const entry = entries.get(exporter);
        if (entry === undefined) continue;
        const { firstSeenMs, lastSeenMs, problems } = entry;
        all.push({ ...exporter, ...counters, firstSeenMs, lastSeenMs, problemsByCode: counts(problems) });
      }
      return all.sort((one, other) => other.records - one.records);
    },
    unattributedProblems: () => counts(unattributed),
  };
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
