/**
 * What exporters over TCP and TLS say they have sent, and how much of it arrived: a listener's side of the
 * delivery audit.
 *
 * An exporter that begins a session with its statistics (RFC 7011 section 4.1, exportedFlowRecordTotalCount)
 * says by that how many records it had sent in all sessions before; no record of this session is among them.
 * Within a session TCP loses nothing, so each minute the count is carried on by what arrived since.
 */
import type { OptionsRecord, TransportSession } from '@weir/ipfix';

/** Until `atMs` the exporter had sent `records` flow records of this domain. */
export interface DeliveryStatement {
  readonly address: string;
  readonly observationDomainId: number;
  readonly source: string;
  readonly records: number;
  /** Records received earlier are among these, and no later one. */
  readonly atMs: number;
  /** `begin`: the exporter says it, and of what it sent some may be lost; `arrived`: we say it. */
  readonly kind: 'begin' | 'arrived';
}

export interface DeliveryStatements {
  /** An options record of the session, before the rows of its message are noted. */
  take(record: OptionsRecord, session: TransportSession, nowMs: number): void;
  noteRows(session: TransportSession, rows: number, nowMs: number): void;
  closeSession(session: TransportSession): void;
  /** Carries the counts on. To be called about once a second. */
  tick(nowMs: number): void;
  /** Takes what was stated since the last call. */
  drain(): DeliveryStatement[];
}

/** How much a question to the store has to count at most, in the time of a session. */
const CARRIED_ON_EVERY_MS = 60_000;
/** Of statements that nobody asked for the oldest go: a later one says the same and more. */
const STATEMENTS_MAX = 8192;

interface Session {
  rows: number;
  lastRowMs: number;
  /** What it said at its beginning; undefined before that, and of several domains whose rows we do not tell apart. */
  begin: DeliveryStatement | undefined;
  domains: number;
  carriedOnAtMs: number;
}

export function createDeliveryStatements(): DeliveryStatements {
  const sessions = new Map<TransportSession, Session>();
  let stated: DeliveryStatement[] = [];

  function state(statement: DeliveryStatement): void {
    stated.push(statement);
    if (stated.length > STATEMENTS_MAX) stated.shift();
  }

  function sessionOf(session: TransportSession): Session {
    const known = sessions.get(session);
    if (known !== undefined) return known;
    const made = { rows: 0, lastRowMs: 0, begin: undefined, domains: 0, carriedOnAtMs: 0 };
    sessions.set(session, made);
    return made;
  }

  function carryOn(session: Session, nowMs: number): void {
    const { begin, rows, lastRowMs } = session;
    // A record that comes in this very millisecond must be on one side of it.
    if (begin === undefined || lastRowMs >= nowMs) return;
    session.carriedOnAtMs = nowMs;
    state({ ...begin, records: begin.records + rows, atMs: nowMs, kind: 'arrived' });
  }

  return {
    take({ scope, fields, exporter }, session, nowMs) {
      const { observationDomainId, exportingProcessId } = scope ?? {};
      const { exportedFlowRecordTotalCount: records } = fields;
      if (session.transport !== 'tcp' && session.transport !== 'tls') return;
      if (typeof observationDomainId !== 'number' || typeof records !== 'number') return;
      // The last words of a process that ended while we were away, replayed: not what this session begins with.
      if (exportingProcessId !== undefined) return;
      const known = sessionOf(session);
      if (known.begin?.observationDomainId === observationDomainId) return;
      known.domains += 1;
      const isFirst = known.domains === 1 && known.rows === 0;
      const { address, source } = exporter;
      known.begin = isFirst
        ? { address, observationDomainId, source, records, atMs: nowMs, kind: 'begin' }
        : undefined;
      known.carriedOnAtMs = nowMs;
      if (known.begin !== undefined) state(known.begin);
    },
    noteRows(session, rows, nowMs) {
      if (rows === 0 || (session.transport !== 'tcp' && session.transport !== 'tls')) return;
      const known = sessionOf(session);
      known.rows += rows;
      known.lastRowMs = nowMs;
    },
    closeSession: (session) => void sessions.delete(session),
    tick(nowMs) {
      for (const session of sessions.values()) {
        if (nowMs - session.carriedOnAtMs >= CARRIED_ON_EVERY_MS) carryOn(session, nowMs);
      }
    },
    drain() {
      const drained = stated;
      stated = [];
      return drained;
    },
  };
}
