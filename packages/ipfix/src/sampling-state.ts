/**
 * What the options records of one observation domain say about sampling. Rates are kept by sampler and by
 * interface; a rate for the whole domain is only used when it is the only one known, so that the last of
 * several samplers never wins.
 */
export interface SamplingSnapshot {
  readonly domainRate: number;
  readonly samplers: readonly (readonly [samplerId: number, rate: number])[];
  readonly interfaces: readonly (readonly [ifIndex: number, rate: number])[];
}

/** Samplers, and interfaces, kept for one domain: more than a large chassis has; 2 × 16384 × ~50 octets. */
export const SAMPLERS_PER_DOMAIN_MAX = 16_384;

export class SamplingState {
  #domainRate = 0;
  readonly #samplers = new Map<number, number>();
  readonly #interfaces = new Map<number, number>();
  /** How often each rate occurs, so that a change costs the same however many samplers there are. */
  readonly #occurrences = new Map<number, number>();
  /** The rate that holds for every record, or 0 when records differ or none is known. */
  onlyRate = 0;
  isEmpty = true;

  /** The rate of a record, by its sampler (-1 when it names none) and ingress interface; 0 when unknown. */
  rateOf(samplerId: number, ifIndex: number): number {
    const rate = samplerId < 0 ? undefined : this.#samplers.get(samplerId);
    return rate ?? this.#interfaces.get(ifIndex) ?? this.#domainRate;
  }

  setDomainRate(rate: number): void {
    this.#count(this.#domainRate, rate);
    this.#domainRate = rate;
    this.#settle();
  }

  setSamplerRate(samplerId: number, rate: number): void {
    this.#put(this.#samplers, samplerId, rate);
  }

  setInterfaceRate(ifIndex: number, rate: number): void {
    this.#put(this.#interfaces, ifIndex, rate);
  }

  snapshot(): SamplingSnapshot {
    return {
      domainRate: this.#domainRate,
      samplers: [...this.#samplers],
      interfaces: [...this.#interfaces],
    };
  }

  #put(rates: Map<number, number>, key: number, rate: number): void {
    const before = rates.get(key) ?? 0;
    if (before === 0 && rates.size >= SAMPLERS_PER_DOMAIN_MAX) return;
    rates.set(key, rate);
    this.#count(before, rate);
    this.#settle();
  }

  #count(before: number, after: number): void {
    const left = (this.#occurrences.get(before) ?? 0) - 1;
    if (left > 0) this.#occurrences.set(before, left);
    else this.#occurrences.delete(before);
    if (after > 0) this.#occurrences.set(after, (this.#occurrences.get(after) ?? 0) + 1);
  }

  /** Finds whether one rate holds for all. */
  #settle(): void {
    this.isEmpty = this.#occurrences.size === 0;
    const [only = 0] = this.#occurrences.keys();
    const onlyOfInterfaces = this.#interfaces.size > 0 && this.#domainRate === 0;
    this.onlyRate = this.#occurrences.size === 1 && !onlyOfInterfaces ? only : 0;
  }
}
