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

/** Samplers or interfaces kept for one domain: a large chassis has some thousand interfaces. 16384 × 2 × ~50 octets. */
export const SAMPLERS_PER_DOMAIN_MAX = 16_384;

export class SamplingState {
  #domainRate = 0;
  readonly #samplers = new Map<number, number>();
  readonly #interfaces = new Map<number, number>();
  /** The rate that holds for every record, or 0 when records differ or none is known. */
  onlyRate = 0;
  isEmpty = true;

  /** The rate of a record, by its sampler (-1 when it names none) and ingress interface; 0 when unknown. */
  rateOf(samplerId: number, ifIndex: number): number {
    const rate = samplerId < 0 ? undefined : this.#samplers.get(samplerId);
    return rate ?? this.#interfaces.get(ifIndex) ?? this.#domainRate;
  }

  setDomainRate(rate: number): void {
    this.#domainRate = rate;
    this.#settle();
  }

  setSamplerRate(samplerId: number, rate: number): void {
    put(this.#samplers, samplerId, rate);
    this.#settle();
  }

  setInterfaceRate(ifIndex: number, rate: number): void {
    put(this.#interfaces, ifIndex, rate);
    this.#settle();
  }

  snapshot(): SamplingSnapshot {
    return {
      domainRate: this.#domainRate,
      samplers: [...this.#samplers],
      interfaces: [...this.#interfaces],
    };
  }

  restore(snapshot: SamplingSnapshot): void {
    this.#domainRate = snapshot.domainRate;
    for (const [samplerId, rate] of snapshot.samplers) put(this.#samplers, samplerId, rate);
    for (const [ifIndex, rate] of snapshot.interfaces) put(this.#interfaces, ifIndex, rate);
    this.#settle();
  }

  /** Finds whether one rate holds for all. */
  #settle(): void {
    const rates = new Set([...this.#samplers.values(), ...this.#interfaces.values()]);
    if (this.#domainRate > 0) rates.add(this.#domainRate);
    this.isEmpty = rates.size === 0;
    const [only = 0] = rates;
    const perInterface = this.#interfaces.size > 0 && this.#domainRate === 0;
    this.onlyRate = rates.size === 1 && !perInterface ? only : 0;
  }
}

function put(rates: Map<number, number>, key: number, rate: number): void {
  if (rates.has(key) || rates.size < SAMPLERS_PER_DOMAIN_MAX) rates.set(key, rate);
}
