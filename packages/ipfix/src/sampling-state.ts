/**
 * What options records say about sampling. Rates are kept by sampler and by interface; a rate for a whole domain
 * is only used where nothing nearer is known, so that the last of several samplers never wins.
 *
 * Chassis tell of their samplers in one observation domain and send flows in another. So what a domain tells
 * also holds for the other domains of its exporter that say nothing themselves, unless two domains contradict
 * each other: then nobody knows.
 */
export interface SamplingSnapshot {
  readonly domainRate: number;
  readonly samplers: readonly (readonly [samplerId: number, rate: number])[];
  readonly interfaces: readonly (readonly [ifIndex: number, rate: number])[];
  /** What this domain told of other domains, by their ids; left out where it told nothing. */
  readonly others?: readonly (readonly [observationDomainId: number, rate: number])[];
}

/** Samplers, and interfaces, kept for one domain: more than a large chassis has; 2 × 16384 × ~50 octets. */
export const SAMPLERS_PER_DOMAIN_MAX = 16_384;
/** As many domains as an exporter may have. */
const OTHER_DOMAINS_MAX = 256;

/** Rates of one kind, by id, with a count of how often each occurs: a change costs the same however many there are. */
class RateTable {
  /** Made with the first rate: most domains, and all that are forged, have none. */
  #rates: Map<number, number> | undefined;
  #occurrences: Map<number, number> | undefined;

  get size(): number {
    return this.#rates?.size ?? 0;
  }

  /** The rate that all have, or 0 when they differ or there are none. */
  get onlyRate(): number {
    if (this.#occurrences?.size !== 1) return 0;
    const [only = 0] = this.#occurrences.keys();
    return only;
  }

  /** 0 where none is known. */
  get(id: number): number {
    return this.#rates?.get(id) ?? 0;
  }

  /** Whether it was taken: there is a limit. */
  put(id: number, rate: number): boolean {
    this.#rates ??= new Map();
    this.#occurrences ??= new Map();
    const before = this.#rates.get(id);
    if (before === undefined && this.#rates.size >= SAMPLERS_PER_DOMAIN_MAX) return false;
    this.#rates.set(id, rate);
    if (before !== undefined) count(this.#occurrences, before, -1);
    count(this.#occurrences, rate, 1);
    return true;
  }

  entries(): [number, number][] {
    return [...(this.#rates ?? [])];
  }
}

function count(occurrences: Map<number, number>, rate: number, by: number): void {
  const sum = (occurrences.get(rate) ?? 0) + by;
  if (sum > 0) occurrences.set(rate, sum);
  else occurrences.delete(rate);
}

/** A rate that several domains told: known while they agree. */
class AgreedRates {
  readonly #table = new RateTable();
  #toldBy: Map<number, number> | undefined;

  get size(): number {
    return this.#table.size;
  }

  get onlyRate(): number {
    return this.#table.onlyRate;
  }

  get(id: number): number {
    return this.#table.get(id);
  }

  put(id: number, rate: number, observationDomainId: number): void {
    this.#toldBy ??= new Map();
    const teller = this.#toldBy.get(id) ?? observationDomainId;
    const agreed = teller === observationDomainId || this.#table.get(id) === rate ? rate : 0;
    if (this.#table.put(id, agreed)) this.#toldBy.set(id, teller);
  }
}

/** What all domains of one exporter together know. */
export class SharedSampling {
  readonly samplers = new AgreedRates();
  readonly interfaces = new AgreedRates();
  /** By observation domain: what others told of it. */
  readonly domains = new RateTable();
  /** Of the exporter as a whole, under 0. */
  readonly exporter = new AgreedRates();

  get isEmpty(): boolean {
    return this.samplers.size + this.interfaces.size + this.domains.size + this.exporter.size === 0;
  }
}

export class SamplingState {
  readonly #shared: SharedSampling;
  readonly #observationDomainId: number;
  #domainRate = 0;
  readonly #samplers = new RateTable();
  readonly #interfaces = new RateTable();
  #others: Map<number, number> | undefined;

  constructor(shared = new SharedSampling(), observationDomainId = 0) {
    this.#shared = shared;
    this.#observationDomainId = observationDomainId;
  }

  get isEmpty(): boolean {
    return this.#isSilent && this.#shared.isEmpty;
  }

  /** The rate that holds for every record that names no sampler, or 0 when records differ or none is known. */
  get onlyRate(): number {
    const domainRate = this.#wholeRate();
    const [samplers, interfaces] = this.#isSilent
      ? [this.#shared.samplers, this.#shared.interfaces]
      : [this.#samplers, this.#interfaces];
    if (interfaces.size > 0 && domainRate === 0) return 0;
    return Math.max(0, agreeing(agreeing(domainRate, samplers), interfaces));
  }

  /**
   * The rate of a record, by its sampler and its interfaces (-1 for what it does not name): the nearest that is
   * known. 0 when none is.
   */
  rateOf(samplerId: number, inIf: number, outIf = -1): number {
    return (
      (samplerId < 0 ? 0 : this.#samplers.get(samplerId) || this.#shared.samplers.get(samplerId)) ||
      this.#interfaces.get(inIf) ||
      this.#interfaces.get(outIf) ||
      this.#shared.interfaces.get(inIf) ||
      this.#shared.interfaces.get(outIf) ||
      this.#wholeRate()
    );
  }

  /** `ofExporter`: its scope is the exporter and not this domain alone. */
  setDomainRate(rate: number, ofExporter = false): void {
    this.#domainRate = rate;
    if (ofExporter) this.#shared.exporter.put(0, rate, this.#observationDomainId);
  }

  /** What this domain tells of another one. */
  setOtherDomainRate(observationDomainId: number, rate: number): void {
    this.#others ??= new Map();
    if (this.#others.size >= OTHER_DOMAINS_MAX && !this.#others.has(observationDomainId)) return;
    this.#others.set(observationDomainId, rate);
    this.#shared.domains.put(observationDomainId, rate);
  }

  setSamplerRate(samplerId: number, rate: number): void {
    if (this.#samplers.put(samplerId, rate)) {
      this.#shared.samplers.put(samplerId, rate, this.#observationDomainId);
    }
  }

  setInterfaceRate(ifIndex: number, rate: number): void {
    if (this.#interfaces.put(ifIndex, rate)) {
      this.#shared.interfaces.put(ifIndex, rate, this.#observationDomainId);
    }
  }

  snapshot(): SamplingSnapshot {
    return {
      domainRate: this.#domainRate,
      samplers: this.#samplers.entries(),
      interfaces: this.#interfaces.entries(),
      ...(this.#others === undefined ? {} : { others: [...this.#others] }),
    };
  }

  get #isSilent(): boolean {
    return this.#domainRate === 0 && this.#samplers.size === 0 && this.#interfaces.size === 0;
  }

  #wholeRate(): number {
    return (
      this.#domainRate || this.#shared.domains.get(this.#observationDomainId) || this.#shared.exporter.get(0)
    );
  }
}

/** `rate` where all of `table` agree with it (-1 with nothing agrees); theirs where it is 0. */
function agreeing(rate: number, table: { readonly size: number; readonly onlyRate: number }): number {
  if (table.size === 0) return rate;
  const { onlyRate } = table;
  if (onlyRate === 0) return -1;
  return rate === onlyRate || rate === 0 ? onlyRate : -1;
}
