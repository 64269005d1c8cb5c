import type { DomainState, ExporterScope, StreamState } from './domain-state.ts';
import { createDomainState, createStreamState, domainKey } from './domain-state.ts';
import { SharedSampling } from './sampling-state.ts';
import {
  TEMPLATE_FIELDS_MAX,
  TEMPLATE_FIELDS_PER_EXPORTER_MAX,
  TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX,
  TEMPLATE_FIELDS_UNESTABLISHED_MAX,
  TemplateBudget,
} from './template-budget.ts';
import type { TransportSession } from './transport-session.ts';

/** Exporters that delivered a record. 16,384 × a few KiB; a collector of one machine serves far fewer. */
export const EXPORTERS_MAX = 16_384;
/** Addresses that never delivered a record: what a flood of forged senders can occupy, × ~2 KiB = 8 MiB. */
export const EXPORTERS_UNPROVEN_MAX = 4096;
/**
 * An exporter is established when it delivered a record and so many messages in succession had the very sequence
 * number that was expected. Garbage hits one once in 2^32, or when it repeats what it saw, as seldom as that fits. Who
 * forges whole streams from many addresses is not kept out by this, but by the addresses that a source allows.
 */
export const ESTABLISHED_MESSAGES = 4;
/** An exporter that was silent for so long gives up its place first, whatever it delivered before. */
const EXPORTER_SILENT_MS = 3_600_000;
/** Part of the proven exporters that give up their places at once, so that choosing them costs little. */
const EVICTED_FRACTION = 1 / 8;
/** Chassis number their line cards: some dozen domains; 256 leaves room and bounds a flood of domain IDs. */
export const DOMAINS_PER_EXPORTER_MAX = 256;

/**
 * Domains of all exporters, × ~2 KiB = 64 MiB. When they are used up, an exporter's new domain takes the
 * place of one of its own; its first one always finds room.
 */
export const DOMAINS_MAX = 32_768;
/** Of the fields kept for senders that are not established, the part that stays when room is made for others. */
const FIELDS_LEFT_FRACTION = 7 / 8;

export interface ExporterLimits {
  readonly exportersMax: number;
  readonly exportersUnprovenMax: number;
  readonly domainsPerExporterMax: number;
  readonly domainsMax: number;
  /** Templates kept of one exporter, over all its domains, with what was valid before. */
  readonly templatesPerExporterMax: number;
}

interface SessionState {
  scope: ExporterScope;
  readonly streams: Map<number, StreamState>;
}

/** All exporters of a decoder, found by session with a last-hit cache. */
export class ExporterTable {
  readonly counters = { exportersEvicted: 0, domainsEvicted: 0 };
  readonly #limits: ExporterLimits;
  /** Told of every scope and domain that is forgotten. */
  readonly #forget: (domain: DomainState) => void;
  readonly #sessions = new WeakMap<TransportSession, SessionState>();
  readonly #proven = new Map<string, ExporterScope>();
  readonly #unproven = new Map<string, ExporterScope>();
  readonly #established = new TemplateBudget({ fields: TEMPLATE_FIELDS_MAX });
  readonly #unestablished = new TemplateBudget({ fields: TEMPLATE_FIELDS_UNESTABLISHED_MAX }, undefined, () =>
    this.#forgetOldTemplates(),
  );
  #domainCount = 0;
  #connections = 0;
  #lastSession: TransportSession | undefined;
  #lastKey = -1;
  #lastStream: StreamState | undefined;
  /** Whose message is being read, or whose snapshot restored. */
  #reading: ExporterScope | undefined;

  constructor(limits: ExporterLimits, forget: (domain: DomainState) => void) {
    this.#limits = limits;
    this.#forget = forget;
  }

  /** The stream of `session` for a domain, made when it is new. */
  stream(session: TransportSession, version: number, observationDomainId: number): StreamState {
    const key = domainKey(version, observationDomainId);
    const last = this.#lastStream;
    if (last !== undefined && session === this.#lastSession && key === this.#lastKey) return last;
    const stream = this.#findStream(session, key, version, observationDomainId);
    this.#lastSession = session;
    this.#lastKey = key;
    this.#lastStream = stream;
    this.#reading = stream.domain.scope;
    return stream;
  }

  /** Moves an exporter to the proven ones; called when a record of it was decoded. */
  prove(scope: ExporterScope): void {
    if (scope.proven || scope.evicted) return;
    scope.proven = true;
    this.#unproven.delete(scope.key);
    this.#proven.set(scope.key, scope);
    if (this.#proven.size > this.#limits.exportersMax) this.#evictLeastProven(scope);
  }

  /** Takes an exporter for one that is real: what it has is no longer within reach of those that are not. */
  establish(scope: ExporterScope): void {
    if (scope.established || scope.evicted) return;
    this.prove(scope);
    scope.established = true;
    scope.templateBudget.moveTo(this.#established, TEMPLATE_FIELDS_PER_EXPORTER_MAX);
  }

  /** Whether the exporter of a session is established. */
  isEstablished(session: TransportSession): boolean {
    const scope = this.#sessions.get(session)?.scope ?? this.#proven.get(udpKey(session));
    return scope?.established === true;
  }

  /** Forgets a session that ended; over TCP, TLS and for files its templates with it. */
  close(session: TransportSession): void {
    const state = this.#sessions.get(session);
    if (state === undefined) return;
    this.#sessions.delete(session);
    this.#dropLast();
    if (session.transport !== 'udp') this.#drop(state.scope);
  }

  *domains(): IterableIterator<DomainState> {
    for (const scopes of [this.#proven, this.#unproven]) {
      for (const scope of scopes.values()) yield* scope.domains.values();
    }
  }

  get exporterCount(): number {
    return this.#proven.size + this.#unproven.size;
  }

  /** The domain of a scope that shares templates between sessions, made when it is new. */
  domain(scope: ExporterScope, version: number, observationDomainId: number): DomainState {
    const key = domainKey(version, observationDomainId);
    const known = scope.domains.get(key);
    this.#reading = scope;
    if (known !== undefined) return known;
    const { domainsPerExporterMax, domainsMax } = this.#limits;
    const isFull = this.#domainCount >= domainsMax && scope.domains.size > 0;
    if (isFull || scope.domains.size >= domainsPerExporterMax) this.#evictDomain(scope);
    this.#domainCount += 1;
    const domain = createDomainState(scope, version, observationDomainId);
    scope.domains.set(key, domain);
    return domain;
  }

  /** The scope of `session`: shared over UDP, its own elsewhere. */
  scope(session: TransportSession): ExporterScope {
    const key = session.transport === 'udp' ? udpKey(session) : `connection ${++this.#connections}`;
    return this.#proven.get(key) ?? this.#unproven.get(key) ?? this.#addScope(key, session);
  }

  #findStream(
    session: TransportSession,
    key: number,
    version: number,
    observationDomainId: number,
  ): StreamState {
    const state = this.#sessionState(session);
    const known = state.streams.get(key);
    if (known !== undefined && state.scope.domains.get(key) === known.domain) return known;
    const stream = createStreamState(this.domain(state.scope, version, observationDomainId));
    if (state.streams.size >= this.#limits.domainsPerExporterMax) deleteFirst(state.streams);
    state.streams.set(key, stream);
    return stream;
  }

  #sessionState(session: TransportSession): SessionState {
    const known = this.#sessions.get(session);
    if (known !== undefined && !known.scope.evicted) return known;
    const state: SessionState = { scope: this.scope(session), streams: new Map() };
    this.#sessions.set(session, state);
    return state;
  }

  #addScope(key: string, session: TransportSession): ExporterScope {
    const templates = this.#limits.templatesPerExporterMax;
    const scope: ExporterScope = {
      key,
      session,
      domains: new Map(),
      // Nobody forges a connection, and nobody repeats a template in one.
      templateBudget:
        session.transport === 'udp'
          ? new TemplateBudget(
              { fields: TEMPLATE_FIELDS_PER_UNESTABLISHED_MAX, templates },
              this.#unestablished,
            )
          : new TemplateBudget({ fields: TEMPLATE_FIELDS_PER_EXPORTER_MAX, templates }, this.#established),
      sampling: new SharedSampling(),
      pendingOctets: 0,
      pendingSets: 0,
      proven: false,
      established: false,
      evicted: false,
    };
    this.#unproven.set(key, scope);
    if (this.#unproven.size > this.#limits.exportersUnprovenMax) this.#evict(this.#unproven);
    return scope;
  }

  /** Forgets the scope that is longest in `scopes`. */
  #evict(scopes: Map<string, ExporterScope>): void {
    const [oldest] = scopes.values();
    if (oldest === undefined) return;
    this.counters.exportersEvicted += 1;
    this.#drop(oldest);
  }

  /**
   * Forgets those who delivered least, whoever is silent since long before them, and those that are established
   * last. A forged address can be proven too, with a template and a record; but no flood of such addresses
   * displaces an exporter that delivers, as displacing the oldest, or the one silent longest, would.
   */
  #evictLeastProven(newest: ExporterScope): void {
    const nowMs = lastSeenMs(newest);
    const weighed = Array.from(this.#proven.values(), (scope) => ({
      scope,
      weight: weightOf(scope, nowMs),
    })).filter(({ scope }) => scope !== newest);
    const count = Math.max(1, Math.floor(this.#limits.exportersMax * EVICTED_FRACTION));
    for (const { scope } of weighed.toSorted((a, b) => a.weight - b.weight).slice(0, count)) {
      this.counters.exportersEvicted += 1;
      this.#drop(scope);
    }
  }

  /** Forgets senders that are not established, the oldest first, except the one whose message is being read. */
  #forgetOldTemplates(): void {
    const enough = TEMPLATE_FIELDS_UNESTABLISHED_MAX * FIELDS_LEFT_FRACTION;
    for (const scopes of [this.#unproven, this.#proven]) {
      for (const scope of scopes.values()) {
        if (this.#unestablished.used <= enough) return;
        if (scope.established || scope === this.#reading || scope.templateBudget.used === 0) continue;
        this.counters.exportersEvicted += 1;
        this.#drop(scope);
      }
    }
  }

  #drop(scope: ExporterScope): void {
    scope.evicted = true;
    this.#proven.delete(scope.key);
    this.#unproven.delete(scope.key);
    for (const domain of scope.domains.values()) this.#forgetDomain(domain);
    scope.domains.clear();
    this.#dropLast();
  }

  /** Forgets the domain that was silent longest, one without records before one with. */
  #evictDomain(scope: ExporterScope): void {
    let victim: DomainState | undefined;
    for (const domain of scope.domains.values()) {
      if (victim === undefined || staler(domain, victim)) victim = domain;
    }
    if (victim === undefined) return;
    this.counters.domainsEvicted += 1;
    this.#forgetDomain(victim);
    scope.domains.delete(domainKey(victim.version, victim.observationDomainId));
    this.#dropLast();
  }

  #forgetDomain(domain: DomainState): void {
    this.#domainCount -= 1;
    domain.templates.clear();
    this.#forget(domain);
  }

  #dropLast(): void {
    this.#lastSession = undefined;
    this.#lastStream = undefined;
  }
}

function udpKey({ localSocket, exporterAddress }: TransportSession): string {
  return `udp ${localSocket} ${exporterAddress}`;
}

/** Who weighs least is forgotten first. */
function weightOf(scope: ExporterScope, nowMs: number): number {
  if (nowMs - lastSeenMs(scope) > EXPORTER_SILENT_MS) return scope.established ? 0 : -1;
  return (scope.established ? Number.MAX_SAFE_INTEGER / 2 : 0) + recordsOf(scope);
}

function lastSeenMs(scope: ExporterScope): number {
  let latest = 0;
  for (const domain of scope.domains.values()) latest = Math.max(latest, domain.lastSeenMs);
  return latest;
}

function recordsOf(scope: ExporterScope): number {
  let records = 0;
  for (const { counters } of scope.domains.values()) records += counters.records + counters.optionsRecords;
  return records;
}

function staler(one: DomainState, other: DomainState): boolean {
  const oneDelivered = one.counters.records > 0;
  const otherDelivered = other.counters.records > 0;
  return oneDelivered === otherDelivered ? one.lastSeenMs < other.lastSeenMs : otherDelivered;
}

function deleteFirst<Key>(map: Map<Key, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
