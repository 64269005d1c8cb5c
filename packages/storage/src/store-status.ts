import type { DiskStatus } from './disk-space.ts';
import type { RetentionStatus } from './retention.ts';

/** Plain numbers that only grow, from the opening of the store. */
export interface StoreCounters {
  batchesTaken: number;
  rowsTaken: number;
  /** Batches whose log could not be written (disk full): they are in memory only until they are sealed. */
  logWriteFailures: number;
  logOctetsWritten: number;
  segmentsSealed: number;
  rowsSealed: number;
  sealFailures: number;
  /** Batches that had to wait because sealing is behind. */
  batchesDelayed: number;
  queriesAnswered: number;
  queriesFailed: number;
  queriesCancelled: number;
  filesExpired: number;
  /** Records without exporter or layout because the dimension table is full. */
  keysRefused: number;
  /** Starts and ends of flows behind the year 9999, which were not kept. */
  timesCleared: number;
  /** Batches that were not one; a programmer's mistake on the other side of a port. */
  batchesRefused: number;
  /** Small or unsorted files that were merged into others. */
  filesMerged: number;
  rowsMerged: number;
  /** Files of roll-ups, and the records that they sum up. */
  rollUpsWritten: number;
  rowsRolledUp: number;
  /** Merges and deletions that failed; they are tried again. */
  maintenanceFailures: number;
}

/** What the opening found and mended after the process before had not ended cleanly. */
export interface RepairReport {
  /** Records that were read back from logs. */
  rowsReplayed: number;
  segmentsReplayed: number;
  /** Octets of the ends of logs that were half written. */
  tornOctets: number;
  /** Logs of segments whose Parquet file was already complete. */
  logsRemoved: number;
  temporaryFilesRemoved: number;
  /** Parquet files that the database did not know. */
  filesAdopted: number;
  filesUnreadable: number;
  /** Files whose records were in a merged one already. */
  filesReplaced: number;
}

export interface StoreStatus {
  readonly dataDirectory: string;
  readonly rowCount: number;
  /** Of them in memory and in logs. */
  readonly openRowCount: number;
  /** Hours (ISO 8601) that have open segments. */
  readonly openHours: readonly string[];
  readonly fileCount: number;
  /** Of the records, in files and logs. */
  readonly octetsOnDisk: number;
  /** What goes next, and how much there may be. */
  readonly retention: RetentionStatus;
  /** The disk that the store is on; absent until it was looked at. */
  readonly disk?: DiskStatus;
  /** End of the oldest and of the newest flow, ISO 8601; absent in an empty store. */
  readonly oldest?: string;
  readonly newest?: string;
  readonly exporterCount: number;
  readonly counters: Readonly<StoreCounters>;
  readonly repair: Readonly<RepairReport>;
}

/** All counts at nothing. */
export function newCounters(): StoreCounters {
  return {
    batchesTaken: 0,
    rowsTaken: 0,
    logWriteFailures: 0,
    logOctetsWritten: 0,
    segmentsSealed: 0,
    rowsSealed: 0,
    sealFailures: 0,
    batchesDelayed: 0,
    queriesAnswered: 0,
    queriesFailed: 0,
    queriesCancelled: 0,
    filesExpired: 0,
    keysRefused: 0,
    timesCleared: 0,
    batchesRefused: 0,
    filesMerged: 0,
    rollUpsWritten: 0,
    rowsRolledUp: 0,
    rowsMerged: 0,
    maintenanceFailures: 0,
  };
}

/** A start that found nothing to repair. */
export function newReport(): RepairReport {
  return {
    rowsReplayed: 0,
    segmentsReplayed: 0,
    tornOctets: 0,
    logsRemoved: 0,
    temporaryFilesRemoved: 0,
    filesAdopted: 0,
    filesUnreadable: 0,
    filesReplaced: 0,
  };
}
