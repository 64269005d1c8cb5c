/**
 * What files say of addresses: the network that an address is in with the site it belongs to, and its user.
 *
 * Hot file: typed-array reads are asserted (`!`); values of a table are indexes into its entries, plus one.
 */
import type { FlowBatch } from '@weir/ipfix';
import { type AddressTable, findV4, findV6 } from '../addresses/address-table.ts';
import type { BatchStage } from './batch-stage.ts';
import type { LabelStore } from './label-store.ts';
import { bitmapOf } from './session-records.ts';

/** Structured-cloneable. A value of the table is the index of its network plus one. */
export interface NetworkTable {
  readonly table: AddressTable;
  readonly networks: readonly { readonly name: string; readonly site: string }[];
}

/** Who used an address from when (inclusive) to when (exclusive), in ms since the Unix epoch. */
export interface UserOfPrefix {
  readonly user: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Structured-cloneable. A value of the table is the index of its prefix plus one. */
export interface UserTable {
  readonly table: AddressTable;
  /** Users of each prefix, the latest first. */
  readonly prefixes: readonly (readonly UserOfPrefix[])[];
}

/** A stage that holds labels for as long as it is at work. */
export interface PrefixStage extends BatchStage {
  /** To be called when another one takes its place. */
  release(): void;
}

const SIDES = ['src', 'dst'] as const;
type Side = (typeof SIDES)[number];
const MAPPED_PREFIX = 0xffff;

export function createNetworkStage({ table, networks }: NetworkTable, labels: LabelStore): PrefixStage {
  const names = Int32Array.from(networks, ({ name }) => labels.hold(name));
  const sites = Int32Array.from(networks, ({ site }) => labels.hold(site));

  function fill(batch: FlowBatch, from: number, to: number, side: Side): void {
    const isPresent = bitmapOf(batch.validity, `${side}AddrLo`);
    const hi = batch.columns[`${side}AddrHi`];
    const lo = batch.columns[`${side}AddrLo`];
    for (let row = from; row < to; row += 1) {
      if ((isPresent[row >> 3]! & (1 << (row & 7))) === 0) continue;
      const value = valueOfAddress(table, hi, lo, row * 2);
      if (value === 0) continue;
      const name = names[value - 1]!;
      const site = sites[value - 1]!;
      if (name !== 0) labels.put(batch, `${side}Network`, row, name);
      if (site !== 0) labels.put(batch, `${side}Site`, row, site);
    }
  }

  return {
    apply(batch, from, to) {
      for (const side of SIDES) fill(batch, from, to, side);
    },
    release() {
      for (const number of names) labels.release(number);
      for (const number of sites) labels.release(number);
    },
  };
}

export function createUserStage({ table, prefixes }: UserTable, labels: LabelStore): PrefixStage {
  const numbers = prefixes.map((users) => Int32Array.from(users, ({ user }) => labels.hold(user)));

  function fill(batch: FlowBatch, from: number, to: number, side: Side): void {
    const { receivedAt, flowStart } = batch.columns;
    const isPresent = bitmapOf(batch.validity, `${side}AddrLo`);
    const hasStart = bitmapOf(batch.validity, 'flowStart');
    const hi = batch.columns[`${side}AddrHi`];
    const lo = batch.columns[`${side}AddrLo`];
    for (let row = from; row < to; row += 1) {
      const bit = 1 << (row & 7);
      if ((isPresent[row >> 3]! & bit) === 0) continue;
      const value = valueOfAddress(table, hi, lo, row * 2);
      if (value === 0) continue;
      const time = (hasStart[row >> 3]! & bit) !== 0 ? flowStart : receivedAt;
      const number = userAt(value - 1, time[row * 2]! + time[row * 2 + 1]! * 4294967296);
      if (number !== 0) labels.put(batch, `${side}User`, row, number);
    }
  }

  function userAt(prefix: number, timeMs: number): number {
    const users = prefixes[prefix]!;
    for (let index = 0; index < users.length; index += 1) {
      if (timeMs >= users[index]!.fromMs && timeMs < users[index]!.toMs) return numbers[prefix]![index]!;
    }
    return 0;
  }

  return {
    apply(batch, from, to) {
      for (const side of SIDES) fill(batch, from, to, side);
    },
    release() {
      for (const number of numbers.flatMap((each) => [...each])) labels.release(number);
    },
  };
}

function valueOfAddress(table: AddressTable, hi: Uint32Array, lo: Uint32Array, at: number): number {
  const w0 = hi[at + 1]!;
  const w1 = hi[at]!;
  const w2 = lo[at + 1]!;
  const w3 = lo[at]!;
  const isV4 = w2 === MAPPED_PREFIX && w1 === 0 && w0 === 0;
  return table.values[isV4 ? findV4(table, w3) : findV6(table, w0, w1, w2, w3)]!;
}
