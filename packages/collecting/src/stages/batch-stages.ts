/**
 * All that is done to a batch between decoding and the store, in this order: names that exporters give, fields
 * without a column, sessions and duplicates (which heed what a record says of its direction), origins of
 * addresses, networks, users and host names.
 */
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatch } from '@weir/ipfix';
import type { OriginTable } from '../addresses/origin-table.ts';
import type { BatchStage } from './batch-stage.ts';
import { createExtraStage } from './extra-stage.ts';
import { createHostNameStage, type HostNameCounters, type NameServer } from './host-name-stage.ts';
import { createKnowledgeStage, type NamesOfExporters } from './knowledge-stage.ts';
import { LabelStore, type LabelStoreCounters } from './label-store.ts';
import { createOriginStage, type OriginStage, type OriginStageCounters } from './origin-stage.ts';
import {
  createNetworkStage,
  createUserStage,
  type NetworkTable,
  type PrefixStage,
  type UserTable,
} from './prefix-stage.ts';
import { createSessionStage, type SessionSettings, type SessionStageCounters } from './session-stage.ts';

/** What the stages look addresses up in. Structured-cloneable, large parts over shared memory. */
export interface StageTables {
  readonly origins?: OriginTable | undefined;
  readonly networks?: NetworkTable | undefined;
  readonly users?: UserTable | undefined;
}

export interface BatchStagesOptions {
  /** undefined: neither pairing nor deduplication. */
  readonly sessions: SessionSettings | undefined;
  readonly names: NamesOfExporters;
  readonly tables: StageTables;
  /** Whether host names are learned from records. */
  readonly hostNames: boolean;
  /** Reverse look-ups; left out, there are none. */
  readonly nameServer?: NameServer;
}

export interface BatchStagesCounters {
  /** undefined where there are no sessions. */
  readonly sessions: SessionStageCounters | undefined;
  readonly origins: Readonly<OriginStageCounters>;
  readonly hostNames: Readonly<HostNameCounters>;
  readonly labels: Readonly<LabelStoreCounters> & { readonly held: number };
}

export interface BatchStages extends BatchStage {
  /**
   * `apply` to all rows. `hurried` leaves out sessions, duplicates, origins and host names, which are most of the
   * work: a record without marks is better than none.
   */
  finish(batch: FlowBatch, hurried: boolean): void;
  /** Uses other tables from the next batch on. */
  adopt(tables: StageTables): void;
  counters(): BatchStagesCounters;
}

const NO_ORIGINS: OriginStageCounters = { addresses: 0, searches: 0 };
const NO_NAMES: HostNameCounters = { learned: 0, evicted: 0 };

export function createBatchStages(options: BatchStagesOptions): BatchStages {
  const labels = new LabelStore();
  const knowledge = createKnowledgeStage(options.names, labels);
  const extra = createExtraStage(options.names, labels, FLOW_BATCH_ROWS_DEFAULT);
  const { sessions: settings } = options;
  const isPaired = settings !== undefined && (settings.pairing || settings.deduplication);
  const sessions = isPaired
    ? createSessionStage(settings, { biflowDirections: extra.biflowDirections })
    : undefined;
  const hostNames =
    options.hostNames || options.nameServer !== undefined
      ? createHostNameStage(extra, labels, options.nameServer)
      : undefined;
  let tables: StageTables = {};
  let origins: OriginStage | undefined;
  let originsBefore = NO_ORIGINS;
  let networks: PrefixStage | undefined;
  let users: PrefixStage | undefined;

  function adopt(next: StageTables): void {
    if (next.origins !== tables.origins) {
      originsBefore = sumOf(originsBefore, origins?.counters ?? NO_ORIGINS);
      origins = next.origins && createOriginStage(next.origins);
    }
    if (next.networks !== tables.networks) {
      networks?.release();
      networks = next.networks && createNetworkStage(next.networks, labels);
    }
    if (next.users !== tables.users) {
      users?.release();
      users = next.users && createUserStage(next.users, labels);
    }
    tables = next;
  }

  function applyStages(batch: FlowBatch, from: number, to: number, hurried: boolean): void {
    labels.begin(batch);
    knowledge.apply(batch, from, to);
    extra.apply(batch, from, to);
    if (!hurried) sessions?.apply(batch, from, to);
    if (!hurried) origins?.apply(batch, from, to);
    networks?.apply(batch, from, to);
    users?.apply(batch, from, to);
    if (!hurried) hostNames?.apply(batch, from, to);
  }

  adopt(options.tables);
  return {
    adopt,
    apply: (batch, from, to) => applyStages(batch, from, to, false),
    finish: (batch, hurried) => applyStages(batch, 0, batch.rowCount, hurried),
    counters: () => ({
      sessions: sessions?.counters(),
      origins: sumOf(originsBefore, origins?.counters ?? NO_ORIGINS),
      hostNames: { ...(hostNames?.counters ?? NO_NAMES) },
      labels: { ...labels.counters, held: labels.size },
    }),
  };
}

function sumOf(one: OriginStageCounters, other: OriginStageCounters): OriginStageCounters {
  return { addresses: one.addresses + other.addresses, searches: one.searches + other.searches };
}
