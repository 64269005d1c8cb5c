import { totalmem } from 'node:os';

/** What of a store can be tuned. All have defaults that suit one machine which also collects. */
export interface StoreOptions {
  /** Records of an hour that are held in memory before they become a Parquet file. */
  readonly segmentRowsMax: number;
  /** Sealed files older than this (by the hour in which they arrived) are deleted; undefined keeps all. */
  readonly retentionMs: number | undefined;
  /** The same of the roll-ups by minute and by hour, by day. */
  readonly retentionMinutesMs: number | undefined;
  readonly retentionHoursMs: number | undefined;
  /** When the store has more, the oldest go: records first, then minutes, then hours. */
  readonly octetsMax: number | undefined;
  /** Whether closed hours are summed up by the minute and the hour. */
  readonly rollUps: boolean;
  /**
   * Memory of the engine for questions and for sealing; what needs more goes to the disk, or fails. Open segments
   * come on top, about 60 octets a record of 20 elements.
   */
  readonly memoryLimitOctets: number;
  /** The same for merging and summing up. */
  readonly workMemoryOctets: number;
  readonly threads: number;
  /** A query is stopped after so long. */
  readonly queryTimeoutMs: number;
  /** Rows that `sql` returns at most. */
  readonly sqlRowsMax: number;
}

export function defaultStoreOptions(): StoreOptions {
  return {
    segmentRowsMax: 8 * 122_880, // whole row groups of Parquet; × 60 octets = 59 MB
    retentionMs: undefined,
    retentionMinutesMs: undefined,
    retentionHoursMs: undefined,
    octetsMax: undefined,
    rollUps: true,
    memoryLimitOctets: Math.min(1e9, totalmem() / 4),
    workMemoryOctets: Math.min(512e6, totalmem() / 8),
    threads: 2,
    queryTimeoutMs: 60_000,
    sqlRowsMax: 100_000,
  };
}
