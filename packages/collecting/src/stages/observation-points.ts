/**
 * Numbers for exporters and for observation points: where packets are metered. One exporter has one for each
 * direction and interface.
 *
 * Hot file: typed-array reads are asserted (`!`); numbers are those given here.
 */
import type { ExporterIdentity } from '@weir/ipfix';

/** As many as a column of 16 bits can number; an exporter more is taken for the last. */
export const EXPORTERS_MAX = 4096;
/** A chassis has hundreds of interfaces that meter. Points more have number 0, and are never compared. */
const POINTS_MAX = 65_535;
const SLOTS = 1 << 17;

export const DIRECTION_EGRESS = 1;
export const DIRECTION_UNSAID = 2;

/** Number 0 is no point. */
export class ObservationPoints {
  readonly #exporters = new Map<string, number>();
  readonly #byIdentity = new WeakMap<ExporterIdentity, number>();
  /** Open addressing: two words a slot make the key, `#numbers` has 0 where a slot is free. */
  readonly #keys = new Int32Array(SLOTS * 2);
  readonly #numbers = new Uint16Array(SLOTS);
  readonly #exporterOfPoint = new Uint16Array(POINTS_MAX + 1);
  #count = 0;

  /** Points numbered so far. */
  get count(): number {
    return this.#count;
  }

  /** The number of the exporter with this address: 0 to EXPORTERS_MAX - 1. */
  exporterNumber(identity: ExporterIdentity): number {
    const known = this.#byIdentity.get(identity);
    if (known !== undefined) return known;
    let number = this.#exporters.get(identity.address);
    if (number === undefined) {
      number = Math.min(this.#exporters.size, EXPORTERS_MAX - 1);
      if (this.#exporters.size < EXPORTERS_MAX) this.#exporters.set(identity.address, number);
    }
    this.#byIdentity.set(identity, number);
    return number;
  }

  exporterOf(point: number): number {
    return this.#exporterOfPoint[point]!;
  }

  /** `direction` as in the column, or DIRECTION_UNSAID; `interfaceIndex` as a signed word. */
  pointNumber(exporter: number, direction: number, interfaceIndex: number): number {
    const first = (exporter << 2) | direction;
    let slot = (Math.imul(first, 0x85ebca6b) ^ Math.imul(interfaceIndex, 0x9e3779b1)) >>> 15;
    for (;;) {
      const number = this.#numbers[slot]!;
      if (number === 0) return this.#add(slot, exporter, first, interfaceIndex);
      if (this.#keys[slot * 2] === first && this.#keys[slot * 2 + 1] === interfaceIndex) return number;
      slot = (slot + 1) & (SLOTS - 1);
    }
  }

  #add(slot: number, exporter: number, first: number, interfaceIndex: number): number {
    if (this.#count >= POINTS_MAX) return 0;
    this.#count += 1;
    this.#keys[slot * 2] = first;
    this.#keys[slot * 2 + 1] = interfaceIndex;
    this.#numbers[slot] = this.#count;
    this.#exporterOfPoint[this.#count] = exporter;
    return this.#count;
  }
}
