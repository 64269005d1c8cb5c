/**
 * A segment: the records that arrived in (a part of) one hour. It is open while records are appended to it
 * (in memory and in its log), closed when the hour is over or it is large enough, and sealed when it has
 * become a Parquet file. Its id names both files.
 */
import type { ExtraColumn } from './extra-column.ts';
import {
  appendToBlock,
  type BatchKeys,
  BLOCK_ROWS,
  type BlockPool,
  blockHasColumn,
  type FlowBlock,
} from './flow-block.ts';
import { LabelDictionary } from './label-dictionary.ts';
import type { PackedBatch } from './packed-batch.ts';
import { SegmentExtras } from './segment-extras.ts';
import type { SegmentLog } from './segment-log.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import { emptyBounds, type TimeBounds, widenBounds } from './time-bounds.ts';

export const HOUR_MS = 3_600_000;

/** `20260503T12-000017`: the hour in UTC, and a number that is not used twice. */
export interface SegmentId {
  readonly hourMs: number;
  readonly sequence: number;
}

export function formatSegmentId({ hourMs, sequence }: SegmentId): string {
  const text = new Date(hourMs).toISOString();
  return `${text.slice(0, 13).replaceAll('-', '')}-${String(sequence).padStart(6, '0')}`;
}

export function parseSegmentId(text: string): SegmentId | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)-(\d{6,12})$/.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, sequence] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { hourMs: Date.UTC(year, month - 1, day, hour), sequence };
}

/** Where the Parquet file of a segment lies, below the folder `flows`; that of several hours beside their folders. */
export function parquetName(id: SegmentId, lastHourMs = id.hourMs): string {
  const text = new Date(id.hourMs).toISOString();
  const hour = lastHourMs === id.hourMs ? `hour=${text.slice(11, 13)}/` : '';
  return `date=${text.slice(0, 10)}/${hour}${formatSegmentId(id)}.parquet`;
}

/** The fields without a column, of records whose layout cannot be read as columns. */
const OCTET_COLUMNS: ReadonlySet<string> = new Set(['extraLayoutId', 'extra']);

/** Keys of the store's dimension tables. */
type DimensionKeys = Omit<BatchKeys, 'labelIds'>;

export class OpenSegment {
  readonly id: SegmentId;
  readonly log: SegmentLog;
  readonly blocks: FlowBlock[] = [];
  readonly bounds: TimeBounds = emptyBounds();
  readonly labels = new LabelDictionary();
  readonly extras = new SegmentExtras();
  readonly #pool: BlockPool;
  /** Keys of the dimension table that its records use. */
  readonly exporterIds = new Set<number>();
  rowCount = 0;
  /** Of the monotonic clock; 0 for one that was read back from its log. */
  openedMs = 0;
  /** Whether it was full so soon that it should be sealed without being sorted. */
  filledFast = false;
  /** Readers that hold its blocks; they go back to the pool when it is sealed and nobody reads. */
  #pins = 0;
  #sealed = false;

  constructor(id: SegmentId, log: SegmentLog, pool: BlockPool) {
    this.id = id;
    this.log = log;
    this.#pool = pool;
  }

  /** Appends to memory; the caller has written the log. */
  append(packed: PackedBatch, dimensionKeys: DimensionKeys): void {
    const { batch } = packed;
    const keys = { ...dimensionKeys, labelIds: batch.labels.map((label) => this.labels.keyOf(label)) };
    let row = 0;
    while (row < batch.rowCount) {
      let block = this.blocks[this.blocks.length - 1];
      if (block === undefined || block.rowCount === BLOCK_ROWS) {
        block = this.#pool.create();
        this.blocks.push(block);
      }
      row += appendToBlock(block, packed, row, keys, this.labels, this.#pool);
    }
    for (const key of keys.exporterIds) if (key !== undefined) this.exporterIds.add(key);
    keys.layoutIds.forEach((key, index) => {
      if (key !== undefined) this.extras.add(key, batch.layouts[index] ?? []);
    });
    this.rowCount += batch.rowCount;
    widenBounds(this.bounds, packed);
  }

  /** Names of the stored columns that any of its records has; without those of `extraColumns`. */
  columnNames(): string[] {
    const names = STORED_COLUMNS.filter((_, index) =>
      this.blocks.some((block) => blockHasColumn(block, index)),
    ).map(({ name }) => name);
    return this.extras.keptLayoutIds.size > 0 ? names : names.filter((name) => !OCTET_COLUMNS.has(name));
  }

  pin(): void {
    this.#pins += 1;
  }

  unpin(): void {
    this.#pins -= 1;
    this.#releaseIfUnused();
  }

  /** The records are in a Parquet file: no new reader will come. */
  markSealed(): void {
    this.#sealed = true;
    this.#releaseIfUnused();
  }

  #releaseIfUnused(): void {
    if (!this.#sealed || this.#pins > 0) return;
    for (const block of this.blocks) this.#pool.release(block);
    this.blocks.length = 0;
  }
}

/** The rows of a segment at one moment, pinned until `release`. */
export class OpenSnapshot {
  readonly parts: readonly { readonly block: FlowBlock; readonly rowCount: number }[];
  readonly rowCount: number;
  /** It may have got texts that came later. */
  readonly labels: LabelDictionary;
  readonly columnNames: readonly string[];
  readonly extras: SegmentExtras;
  readonly extraColumns: readonly ExtraColumn[];
  readonly #segment: OpenSegment;

  constructor(segment: OpenSegment) {
    this.#segment = segment;
    segment.pin();
    this.parts = segment.blocks.map((block) => ({ block, rowCount: block.rowCount }));
    this.rowCount = segment.rowCount;
    this.labels = segment.labels;
    this.columnNames = segment.columnNames();
    this.extras = segment.extras;
    this.extraColumns = segment.extras.columns();
  }

  release(): void {
    this.#segment.unpin();
  }
}
