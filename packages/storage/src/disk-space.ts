/**
 * How much room the disk has. Before it is full the store stops writing its log, because the database does
 * not survive a write that fails: records then wait in memory, and questions are answered as before.
 */
import { statfsSync } from 'node:fs';
import type { Clock, Logger } from '@weir/base';

/** A segment's Parquet file has 20 to 40 MB; and the log grows by some 10 MB between two looks. */
const RESERVE_OCTETS = 64 * 1024 * 1024;
/** Of a small disk. */
const RESERVE_SHARE = 0.05;

export interface DiskStatus {
  readonly freeOctets: number;
  readonly totalOctets: number;
  /** Since when nothing is written for lack of room (ISO 8601). */
  readonly fullSince?: string;
}

export class DiskSpace {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #free = Number.POSITIVE_INFINITY;
  #total = Number.POSITIVE_INFINITY;
  #fullSinceMs: number | undefined;

  constructor(directory: string, clock: Clock, logger: Logger) {
    this.#directory = directory;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Looks, and says so when writing stops and when it goes on. */
  look(): void {
    const { bavail, blocks, bsize } = statfsSync(this.#directory);
    this.#free = bavail * bsize;
    this.#total = blocks * bsize;
    const reserve = this.#reserve();
    if (this.#fullSinceMs === undefined && this.#free < reserve) this.#stop();
    else if (this.#fullSinceMs !== undefined && this.#free > reserve * 1.5) this.#resume();
  }

  get isFull(): boolean {
    return this.#fullSinceMs !== undefined;
  }

  /** Whether a file of so many octets leaves half of the reserve. */
  hasRoomFor(octets: number): boolean {
    return !this.isFull || this.#free - octets > this.#reserve() / 2;
  }

  status(): DiskStatus | undefined {
    if (!Number.isFinite(this.#free)) return undefined;
    const since = this.#fullSinceMs;
    return {
      freeOctets: this.#free,
      totalOctets: this.#total,
      ...(since === undefined ? {} : { fullSince: new Date(since).toISOString() }),
    };
  }

  #reserve(): number {
    return Math.min(RESERVE_OCTETS, this.#total * RESERVE_SHARE);
  }

  #stop(): void {
    this.#fullSinceMs = this.#clock.nowMs();
    this.#logger.error(
      { freeOctets: this.#free, path: this.#directory },
      'the disk is full: records wait in memory, questions are answered; make room or shorten the retention',
    );
  }

  #resume(): void {
    this.#fullSinceMs = undefined;
    this.#logger.info({ freeOctets: this.#free }, 'the disk has room again: the store writes on');
  }
}
