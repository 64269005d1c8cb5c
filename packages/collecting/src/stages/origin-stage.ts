/**
 * Country and autonomous system of both addresses. An exporter that routes knows the latter better than any
 * list: its number stays, only none and 0 are filled in.
 *
 * Before the table a cache of the addresses seen last, direct-mapped: most records are between addresses of
 * which there are few. Hot file: typed-array reads are asserted (`!`); rows are below the batch's capacity.
 */
import { FLOW_COLUMN_INDEX, type FlowBatch } from '@weir/ipfix';
import { type AddressTable, findV4, findV6 } from '../addresses/address-table.ts';
import type { OriginTable } from '../addresses/origin-table.ts';
import type { BatchStage } from './batch-stage.ts';

/** 16,384 × 8 octets: half of a second-level cache's smallest. */
const V4_CACHE_BITS = 14;
const V6_CACHE_BITS = 12;
/** A multiplier of Knuth's: its top bits are those that differ for close addresses. */
const SPREAD = 0x9e3779b1;
const MAPPED_PREFIX = 0xffff;

export interface OriginStageCounters {
  /** Addresses looked up, and those of them that the cache did not know. */
  addresses: number;
  searches: number;
}

export interface OriginStage extends BatchStage {
  readonly counters: Readonly<OriginStageCounters>;
}

type Side = 'src' | 'dst';

export function createOriginStage({ table, countries }: OriginTable): OriginStage {
  const counters: OriginStageCounters = { addresses: 0, searches: 0 };
  const cache = new PositionCache(table, counters);
  const systems = table.values;

  function fill(batch: FlowBatch, side: Side, from: number, to: number): void {
    const { columns, validity } = batch;
    const hi = columns[`${side}AddrHi`];
    const lo = columns[`${side}AddrLo`];
    const country = columns[`${side}Country`];
    const system = columns[`${side}As`];
    const hasAddress = validity[FLOW_COLUMN_INDEX[`${side}AddrLo`]]!;
    const hasCountry = validity[FLOW_COLUMN_INDEX[`${side}Country`]]!;
    const hasSystem = validity[FLOW_COLUMN_INDEX[`${side}As`]]!;
    for (let row = from; row < to; row += 1) {
      const at = row >> 3;
      const bit = 1 << (row & 7);
      if ((hasAddress[at]! & bit) === 0) continue;
      const position = cache.position(hi, lo, row * 2);
      const found = countries[position]!;
      if (found !== 0) {
        country[row] = found;
        hasCountry[at]! |= bit;
      }
      const number = systems[position]!;
      if (number !== 0 && ((hasSystem[at]! & bit) === 0 || system[row] === 0)) {
        system[row] = number;
        hasSystem[at]! |= bit;
      }
    }
  }

  return {
    counters,
    apply(batch, from, to) {
      fill(batch, 'src', from, to);
      fill(batch, 'dst', from, to);
    },
  };
}

class PositionCache {
  readonly #table: AddressTable;
  readonly #counters: OriginStageCounters;
  readonly #v4Keys = new Uint32Array(1 << V4_CACHE_BITS);
  readonly #v4Positions = new Uint32Array(1 << V4_CACHE_BITS);
  /** Four words a slot; an address in use never has all words 0, so an empty slot equals none but `::`. */
  readonly #v6Keys = new Uint32Array(4 << V6_CACHE_BITS);
  readonly #v6Positions = new Uint32Array(1 << V6_CACHE_BITS);

  constructor(table: AddressTable, counters: OriginStageCounters) {
    this.#table = table;
    this.#counters = counters;
    // Slots are empty with address 0 in them, which belongs into the first of either.
    this.#v4Positions[0] = findV4(table, 0);
    this.#v6Positions[0] = findV6(table, 0, 0, 0, 0);
  }

  /** Position in the table of the address whose words are at `at` in its two columns. */
  position(hi: Uint32Array, lo: Uint32Array, at: number): number {
    this.#counters.addresses += 1;
    const w0 = hi[at + 1]!;
    const w1 = hi[at]!;
    const w2 = lo[at + 1]!;
    const w3 = lo[at]!;
    if (w2 === MAPPED_PREFIX && w1 === 0 && w0 === 0) return this.#positionV4(w3);
    return this.#positionV6(w0, w1, w2, w3);
  }

  #positionV4(address: number): number {
    const slot = Math.imul(address, SPREAD) >>> (32 - V4_CACHE_BITS);
    if (this.#v4Keys[slot] === address) return this.#v4Positions[slot]!;
    this.#counters.searches += 1;
    this.#v4Keys[slot] = address;
    const position = findV4(this.#table, address);
    this.#v4Positions[slot] = position;
    return position;
  }

  #positionV6(w0: number, w1: number, w2: number, w3: number): number {
    const mixed =
      Math.imul(w0 ^ Math.imul(w1, SPREAD), SPREAD) ^ Math.imul(w2 ^ Math.imul(w3, SPREAD), SPREAD);
    const slot = Math.imul(mixed, SPREAD) >>> (32 - V6_CACHE_BITS);
    const keys = this.#v6Keys;
    const at = slot * 4;
    if (keys[at + 3] === w3 && keys[at + 2] === w2 && keys[at + 1] === w1 && keys[at] === w0) {
      return this.#v6Positions[slot]!;
    }
    this.#counters.searches += 1;
    keys[at] = w0;
    keys[at + 1] = w1;
    keys[at + 2] = w2;
    keys[at + 3] = w3;
    const position = findV6(this.#table, w0, w1, w2, w3);
    this.#v6Positions[slot] = position;
    return position;
  }
}
