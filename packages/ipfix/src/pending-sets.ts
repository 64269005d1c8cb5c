/**
 * Data Sets that came before their template: kept, within bounds, and given back when it arrives. Routers
 * repeat templates every 1 to 30 minutes, so after a restart without saved templates this is what decides
 * whether the first minutes are lost.
 */
import type { DomainState } from './domain-state.ts';

export interface PendingLimits {
  /** Octets of Sets kept for one exporter. */
  readonly octetsPerExporterMax: number;
  readonly setsPerExporterMax: number;
  /** Octets of Sets kept for all exporters. */
  readonly octetsMax: number;
  readonly setsMax: number;
  readonly ageMsMax: number;
}

/**
 * 2 MiB hold 30 minutes of a small site's exporter; 64 MiB in all, and as much again for what goes with each Set, are
 * a collector's small change.
 */
export const PENDING_LIMITS_DEFAULT: PendingLimits = {
  octetsPerExporterMax: 2 << 20,
  setsPerExporterMax: 8192,
  octetsMax: 64 << 20,
  setsMax: 131_072,
  ageMsMax: 30 * 60_000,
};

/** A Set without a template and what its message said. */
export interface UndecodedSet {
  readonly domain: DomainState;
  readonly setId: number;
  /** The body, without the Set header; a copy. */
  readonly body: Uint8Array;
  /** Of the body, in its datagram. */
  readonly offset: number;
  readonly exportTimeMs: number;
  readonly headerUptimeMs: number;
  readonly receivedAtMs: number;
  readonly sequenceNumber: number;
}

export interface PendingCounters {
  kept: number;
  replayed: number;
  /** Given up because the template did not come in time, or newer Sets needed the room. */
  expired: number;
  /** Never kept: the exporter's share was full. */
  dropped: number;
}

interface Entry {
  set: UndecodedSet | undefined;
}

export class PendingSets {
  readonly counters: PendingCounters = { kept: 0, replayed: 0, expired: 0, dropped: 0 };
  readonly #limits: PendingLimits;
  readonly #byTemplate = new Map<DomainState, Map<number, Entry[]>>();
  /** All entries in order of arrival; those taken are empty. */
  #queue: Entry[] = [];
  #queueHead = 0;
  #octets = 0;
  #sets = 0;

  constructor(limits: PendingLimits = PENDING_LIMITS_DEFAULT) {
    this.#limits = limits;
  }

  get octets(): number {
    return this.#octets;
  }

  get size(): number {
    return this.#sets;
  }

  /** Keeps a Set, whose body must not change any more; false when the exporter's share is used up. */
  keep(set: UndecodedSet): boolean {
    this.expire(set.receivedAtMs);
    if (!this.hasRoom(set.domain, set.body.length)) {
      this.counters.dropped += 1;
      return false;
    }
    const entry: Entry = { set };
    this.#list(set.domain, set.setId).push(entry);
    this.#queue.push(entry);
    this.#count(set, 1);
    this.counters.kept += 1;
    while (this.#octets > this.#limits.octetsMax || this.#sets > this.#limits.setsMax) this.#expireOldest();
    return true;
  }

  /** Whether a Set of so many octets would be kept; asked before its octets are copied. */
  hasRoom(domain: DomainState, octets: number): boolean {
    const { scope } = domain;
    return (
      scope.pendingOctets + octets <= this.#limits.octetsPerExporterMax &&
      scope.pendingSets < this.#limits.setsPerExporterMax
    );
  }

  /** Takes out the Sets that wait for a template, oldest first. */
  take(domain: DomainState, templateId: number, nowMs: number): readonly UndecodedSet[] {
    if (this.#sets === 0) return [];
    this.expire(nowMs);
    const lists = this.#byTemplate.get(domain);
    const entries = lists?.get(templateId);
    if (entries === undefined) return [];
    lists?.delete(templateId);
    const sets: UndecodedSet[] = [];
    for (const entry of entries) {
      if (entry.set === undefined) continue;
      sets.push(entry.set);
      this.#count(entry.set, -1);
      entry.set = undefined;
    }
    this.counters.replayed += sets.length;
    return sets;
  }

  /** Of every template that is waited for, the Sets that wait, oldest first. */
  *waiting(): IterableIterator<readonly UndecodedSet[]> {
    for (const lists of this.#byTemplate.values()) {
      for (const entries of lists.values()) {
        const sets = entries.flatMap(({ set }) => set ?? []);
        if (sets.length > 0) yield sets;
      }
    }
  }

  /** The Template IDs that Sets of a domain wait for. */
  waitedFor(domain: DomainState): number[] {
    return [...(this.#byTemplate.get(domain)?.keys() ?? [])];
  }

  /** Gives up what is older than the limit. */
  expire(nowMs: number): void {
    for (;;) {
      const set = this.#oldest();
      if (set === undefined || nowMs - set.receivedAtMs <= this.#limits.ageMsMax) return;
      this.#expireOldest();
    }
  }

  /** Gives up everything of a domain that is forgotten. */
  forget(domain: DomainState): void {
    const lists = this.#byTemplate.get(domain);
    this.#byTemplate.delete(domain);
    for (const entries of lists?.values() ?? []) {
      for (const entry of entries) this.#giveUp(entry);
    }
  }

  #oldest(): UndecodedSet | undefined {
    while (this.#queueHead < this.#queue.length) {
      const set = this.#queue[this.#queueHead]?.set;
      if (set !== undefined) return set;
      this.#queueHead += 1;
    }
    this.#queue = [];
    this.#queueHead = 0;
    return undefined;
  }

  #expireOldest(): void {
    const entry = this.#queue[this.#queueHead++];
    if (entry?.set === undefined) return;
    const { domain, setId } = entry.set;
    this.#giveUp(entry);
    const lists = this.#byTemplate.get(domain);
    const entries = lists?.get(setId);
    // Entries of one list are in order of arrival, so the oldest of all is the first of its list.
    if (entries?.[0] === entry) entries.shift();
    if (entries?.length === 0) lists?.delete(setId);
    if (lists?.size === 0) this.#byTemplate.delete(domain);
    this.#compactQueue();
  }

  #giveUp(entry: Entry): void {
    if (entry.set === undefined) return;
    this.#count(entry.set, -1);
    entry.set = undefined;
    this.counters.expired += 1;
  }

  #count(set: UndecodedSet, sign: 1 | -1): void {
    this.#octets += sign * set.body.length;
    this.#sets += sign;
    set.domain.scope.pendingOctets += sign * set.body.length;
    set.domain.scope.pendingSets += sign;
  }

  #list(domain: DomainState, templateId: number): Entry[] {
    let lists = this.#byTemplate.get(domain);
    if (lists === undefined) {
      lists = new Map();
      this.#byTemplate.set(domain, lists);
    }
    let entries = lists.get(templateId);
    if (entries === undefined) {
      entries = [];
      lists.set(templateId, entries);
    }
    return entries;
  }

  /** Lets go of the used front of the queue when it is the larger part. */
  #compactQueue(): void {
    if (this.#queueHead < 1024 || this.#queueHead * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#queueHead);
    this.#queueHead = 0;
  }
}
