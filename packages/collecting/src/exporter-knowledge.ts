/**
 * What exporters said of themselves in options records, kept so that later flows can be named: interfaces,
 * applications, VRFs, samplers, peers. Kept by the exporter's address, whatever its source port or connection is.
 *
 * A listener's thread asks synchronously: `of(exporter)` once a run of rows, then its look-ups, each one or two
 * Map reads. Whoever caches answers compares `generation`, which changes when an answer may.
 */
import type { ExporterIdentity, OptionsRecord } from '@weir/ipfix';
import { z } from 'zod';
import {
  applicationKey,
  type ExporterFact,
  FACT_KINDS,
  type FactKind,
  factsOf,
  PREFIXES_PER_PEER_MAX,
} from './exporter-facts.ts';
import { addressWords, createPeerPrefixes, type KnownPeer, type PeerPrefixes } from './peer-prefixes.ts';

/** What is known of one observation domain of one exporter. */
export interface KnownExporter {
  /** Changes with every change of what it answers; never the same number twice, also of another exporter. */
  readonly generation: number;
  /** By SNMP ifIndex, as in the columns `inIf` and `outIf`. */
  interfaceName(ifIndex: number): string | undefined;
  /** By applicationId (IANA 95) as hexadecimal digits of the octets on the wire, RFC 6759. */
  applicationName(applicationIdHex: string): string | undefined;
  /** By ingressVRFID, egressVRFID (IANA 234, 235). */
  vrfName(vrfId: number): string | undefined;
  /** By the four 32-bit words of an address, the most significant first; IPv4 as IPv4-mapped. */
  peer(word0: number, word1: number, word2: number, word3: number): KnownPeer | undefined;
}

/** An entry with its time: from when it holds, and when it was last told. Milliseconds since the Unix epoch. */
export interface TimedFact extends ExporterFact {
  readonly toldAtMs: number;
}

export interface ExporterKnowledge {
  /** Changes when anything changes, of any exporter. */
  readonly generation: number;
  /** Facts that found no room, because their exporter told too many or all together did. */
  readonly refused: number;
  /** Exporters whose facts were forgotten to make room. */
  readonly forgotten: number;
  /** Facts that are kept. */
  readonly size: number;
  take(record: OptionsRecord, nowMs: number): void;
  /** Never undefined: nothing is known of a stranger. The answer holds until facts of the exporter are forgotten. */
  of(exporter: Pick<ExporterIdentity, 'address' | 'observationDomainId'>): KnownExporter;
  /** The facts of one kind that a domain told itself, in the order in which they were first told. */
  factsOf(
    exporter: Pick<ExporterIdentity, 'address' | 'observationDomainId'>,
    kind: FactKind,
  ): readonly TimedFact[];
  /** The name that option records give to the exporter: its own word, else that of a peer's record for its address. */
  nameOf(exporter: Pick<ExporterIdentity, 'address' | 'observationDomainId'>): string | undefined;
  snapshot(): KnowledgeSnapshot;
  /** Takes what `snapshot` gave in an earlier life; what is malformed or told too long ago is left out. */
  restore(snapshot: unknown, nowMs: number): void;
}

/** Plain JSON. */
export interface KnowledgeSnapshot {
  readonly exporters: readonly {
    readonly address: string;
    readonly observationDomainId: number;
    readonly facts: readonly TimedFact[];
  }[];
}

/** What one observation domain may tell: large chassis have some thousand interfaces, NBAR2 some 2,000 applications. */
export const FACTS_PER_DOMAIN_MAX: Readonly<Record<FactKind, number>> = {
  interface: 4096,
  application: 8192,
  vrf: 4096,
  sampler: 1024,
  peer: 4096,
  exporter: 1,
};
/** Of all exporters, × some 300 octets = 75 MiB; then the exporter that told nothing for the longest time goes. */
export const FACTS_MAX = 262_144;
const DOMAINS_PER_EXPORTER_MAX = 256;
/** Options are repeated every some minutes; what nobody repeated for a month describes another configuration. */
const VALID_MS_MAX = 30 * 86_400_000;

type Facts = Map<number | string, TimedFact>;

interface DomainFacts {
  readonly observationDomainId: number;
  readonly byKind: Readonly<Record<FactKind, Facts>>;
  readonly known: KnownDomain;
}

interface Exporter {
  readonly address: string;
  readonly domains: Map<number, DomainFacts>;
  /** Of all domains, the latest word first: chassis tell in one domain of interfaces that flow in another. */
  readonly shared: Readonly<Record<FactKind, Facts>>;
  /** For domains that told nothing themselves. */
  readonly known: KnownDomain;
  peers: PeerPrefixes;
}

const snapshotSchema = z.object({
  exporters: z.array(
    z.object({
      address: z.string().max(64),
      observationDomainId: z.int().min(0).max(0xffffffff),
      facts: z.array(
        z.object({
          kind: z.enum(FACT_KINDS),
          key: z.union([z.number(), z.string().max(1024)]),
          name: z.string().min(1).max(255),
          detail: z.string().max(255).optional(),
          prefixes: z.array(z.string().max(64)).max(64),
          validFromMs: z.number(),
          toldAtMs: z.number(),
        }),
      ),
    }),
  ),
});

let lastGeneration = 0;

/** Creates the empty store of one listener. `factsMax` is for tests. */
export function createExporterKnowledge(factsMax = FACTS_MAX): ExporterKnowledge {
  return new Knowledge(factsMax);
}

class KnownDomain implements KnownExporter {
  generation = ++lastGeneration;
  readonly #own: Readonly<Record<FactKind, Facts>>;
  readonly #exporter: Pick<Exporter, 'shared' | 'peers'>;

  constructor(own: Readonly<Record<FactKind, Facts>>, exporter: Pick<Exporter, 'shared' | 'peers'>) {
    this.#own = own;
    this.#exporter = exporter;
  }

  interfaceName(ifIndex: number): string | undefined {
    return this.#name('interface', ifIndex);
  }

  applicationName(applicationIdHex: string): string | undefined {
    return this.#name('application', applicationKey(applicationIdHex));
  }

  vrfName(vrfId: number): string | undefined {
    return this.#name('vrf', vrfId);
  }

  peer(word0: number, word1: number, word2: number, word3: number): KnownPeer | undefined {
    return this.#exporter.peers.find(word0, word1, word2, word3);
  }

  changed(): void {
    this.generation = ++lastGeneration;
  }

  #name(kind: FactKind, key: number | string): string | undefined {
    return (this.#own[kind].get(key) ?? this.#exporter.shared[kind].get(key))?.name;
  }
}

const STRANGER = new KnownDomain(emptyFacts(), { shared: emptyFacts(), peers: createPeerPrefixes() });

class Knowledge implements ExporterKnowledge {
  generation = 0;
  refused = 0;
  forgotten = 0;
  size = 0;
  readonly #factsMax: number;
  /** By address; who told something last stands last. */
  readonly #exporters = new Map<string, Exporter>();

  constructor(factsMax: number) {
    this.#factsMax = factsMax;
  }

  take(record: OptionsRecord, nowMs: number): void {
    const facts = factsOf(record);
    const { address, observationDomainId } = record.exporter;
    for (const fact of facts) this.#put(address, observationDomainId, { ...fact, toldAtMs: nowMs });
  }

  of({ address, observationDomainId }: Pick<ExporterIdentity, 'address' | 'observationDomainId'>) {
    const exporter = this.#exporters.get(address);
    if (exporter === undefined) return STRANGER;
    return exporter.domains.get(observationDomainId)?.known ?? exporter.known;
  }

  factsOf(
    { address, observationDomainId }: Pick<ExporterIdentity, 'address' | 'observationDomainId'>,
    kind: FactKind,
  ): readonly TimedFact[] {
    const facts = this.#exporters.get(address)?.domains.get(observationDomainId)?.byKind[kind];
    return facts === undefined ? [] : [...facts.values()];
  }

  nameOf(exporter: Pick<ExporterIdentity, 'address' | 'observationDomainId'>): string | undefined {
    const own = this.#exporters.get(exporter.address);
    const told = this.factsOf(exporter, 'exporter')[0] ?? own?.shared.exporter.get('');
    return told?.name ?? this.#peerAt(exporter.address);
  }

  snapshot(): KnowledgeSnapshot {
    const exporters = [...this.#exporters.values()].flatMap(({ address, domains }) =>
      Array.from(domains.values(), ({ observationDomainId, byKind }) => ({
        address,
        observationDomainId,
        facts: Object.values(byKind).flatMap((facts) => [...facts.values()]),
      })),
    );
    return { exporters: exporters.filter(({ facts }) => facts.length > 0) };
  }

  restore(snapshot: unknown, nowMs: number): void {
    const result = snapshotSchema.safeParse(snapshot);
    if (!result.success) return;
    for (const { address, observationDomainId, facts } of result.data.exporters) {
      for (const fact of facts) {
        if (nowMs - fact.toldAtMs > VALID_MS_MAX) continue;
        this.#put(address, observationDomainId, { detail: undefined, ...fact });
      }
    }
  }

  /** Whether another exporter's peers name this address: an overlay's members export, too. */
  #peerAt(address: string): string | undefined {
    const words = addressWords(address);
    if (words === undefined) return undefined;
    for (const { peers } of this.#exporters.values()) {
      const peer = peers.find(...words);
      if (peer !== undefined) return peer.name;
    }
    return undefined;
  }

  #put(address: string, observationDomainId: number, told: TimedFact): void {
    const exporter = this.#exporter(address);
    const facts = this.#domain(exporter, observationDomainId)?.byKind[told.kind];
    const known = facts?.get(told.key);
    const fact = known === undefined ? told : continued(known, told);
    if (facts === undefined || (known === undefined && !this.#reserve(facts, fact.kind, exporter))) {
      this.refused += 1;
      return;
    }
    const isNews = known === undefined || !isSame(known, fact);
    const validFromMs = fact.validFromMs || (isNews ? fact.toldAtMs : known.validFromMs);
    const timed = { ...fact, validFromMs };
    facts.set(fact.key, timed);
    exporter.shared[fact.kind].set(fact.key, timed);
    if (!isNews) return;
    if (fact.kind === 'peer') {
      if (known === undefined) putPeer(exporter.peers, timed);
      else exporter.peers = peersOf(exporter.shared.peer);
    }
    this.#changed(exporter);
  }

  #changed(exporter: Exporter): void {
    exporter.known.changed();
    for (const { known } of exporter.domains.values()) known.changed();
    this.generation = ++lastGeneration;
  }

  #reserve(facts: Facts, kind: FactKind, exporter: Exporter): boolean {
    if (facts.size >= FACTS_PER_DOMAIN_MAX[kind]) return false;
    while (this.size >= this.#factsMax) if (!this.#forgetOldest(exporter)) return false;
    this.size += 1;
    return true;
  }

  /** Forgets who told nothing for the longest time; false when there is nobody but `keep`. */
  #forgetOldest(keep: Exporter): boolean {
    const [oldest] = this.#exporters.values();
    if (oldest === undefined || oldest === keep) return false;
    this.#exporters.delete(oldest.address);
    this.forgotten += 1;
    for (const { byKind } of oldest.domains.values()) {
      for (const facts of Object.values(byKind)) this.size -= facts.size;
    }
    this.#changed(oldest);
    return true;
  }

  #exporter(address: string): Exporter {
    const known = this.#exporters.get(address);
    const exporter = known ?? createExporter(address);
    if (known !== undefined) this.#exporters.delete(address);
    this.#exporters.set(address, exporter);
    return exporter;
  }

  #domain(exporter: Exporter, observationDomainId: number): DomainFacts | undefined {
    const known = exporter.domains.get(observationDomainId);
    if (known !== undefined || exporter.domains.size >= DOMAINS_PER_EXPORTER_MAX) return known;
    const byKind = emptyFacts();
    const domain = { observationDomainId, byKind, known: new KnownDomain(byKind, exporter) };
    exporter.domains.set(observationDomainId, domain);
    return domain;
  }
}

function createExporter(address: string): Exporter {
  const shared = emptyFacts();
  const parts = { address, domains: new Map(), shared, peers: createPeerPrefixes() };
  const exporter: Exporter = Object.assign(parts, { known: new KnownDomain(shared, parts) });
  return exporter;
}

function emptyFacts(): Record<FactKind, Facts> {
  return {
    interface: new Map(),
    application: new Map(),
    vrf: new Map(),
    sampler: new Map(),
    peer: new Map(),
    exporter: new Map(),
  };
}

function peersOf(facts: Facts): PeerPrefixes {
  const peers = createPeerPrefixes();
  for (const fact of facts.values()) putPeer(peers, fact);
  return peers;
}

function putPeer(peers: PeerPrefixes, { prefixes, name, detail }: ExporterFact): void {
  for (const prefix of prefixes) peers.put(prefix, { name, user: detail });
}

/** Prefixes that are too many for a record come in several, which hold from the same moment on. */
function continued(known: ExporterFact, told: TimedFact): TimedFact {
  if (told.validFromMs === 0 || told.validFromMs !== known.validFromMs) return told;
  const prefixes = [...new Set([...known.prefixes, ...told.prefixes])];
  return { ...told, prefixes: prefixes.slice(0, PREFIXES_PER_PEER_MAX) };
}

function isSame(one: ExporterFact, other: ExporterFact): boolean {
  return (
    one.name === other.name &&
    one.detail === other.detail &&
    one.prefixes.length === other.prefixes.length &&
    one.prefixes.every((prefix, index) => prefix === other.prefixes[index])
  );
}
