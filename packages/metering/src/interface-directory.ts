/**
 * Names and numbers of this machine's interfaces. A name or number that is not known is looked for again, but
 * no more often than RENEW_INTERVAL_MS: interfaces of an overlay come and go.
 */
import type { NetworkInterface } from '@weir/host';

const RENEW_INTERVAL_MS = 5_000;

export class InterfaceDirectory {
  readonly #list: () => readonly Pick<NetworkInterface, 'name' | 'interfaceIndex'>[];
  readonly #monotonicMs: () => number;
  #indexes = new Map<string, number>();
  #names = new Map<number, string>();
  #renewAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    list: () => readonly Pick<NetworkInterface, 'name' | 'interfaceIndex'>[],
    monotonicMs: () => number,
  ) {
    this.#list = list;
    this.#monotonicMs = monotonicMs;
  }

  /** ifIndex of a name; 0 when there is no such interface. */
  indexOf(name: string): number {
    if (name === '') return 0;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    return this.#renew() ? (this.#indexes.get(name) ?? 0) : 0;
  }

  nameOf(index: number): string | undefined {
    const known = this.#names.get(index);
    if (known !== undefined || index === 0) return known;
    return this.#renew() ? this.#names.get(index) : undefined;
  }

  #renew(): boolean {
    const nowMs = this.#monotonicMs();
    if (nowMs < this.#renewAtMs) return false;
    this.#renewAtMs = nowMs + RENEW_INTERVAL_MS;
    const interfaces = this.#list();
    this.#indexes = new Map(interfaces.map(({ name, interfaceIndex }) => [name, interfaceIndex]));
    this.#names = new Map(interfaces.map(({ name, interfaceIndex }) => [interfaceIndex, name]));
    return true;
  }
}
