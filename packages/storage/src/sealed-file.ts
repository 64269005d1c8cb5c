/** What is known of a sealed segment without opening its file. */
import type { ExporterIdentity } from '@weir/ipfix';
import type { AskedColumn } from './flows-relation.ts';
import { formatSegmentId, HOUR_MS, type SegmentId } from './segment.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * Of what this program writes. 1: fields without a column were octets in all records; no labels. 2: labels
 * as text, elements as columns, `sorted` and `replaces` in the metadata.
 */
export const SCHEMA_VERSION = 2;

export interface SealedFile {
  readonly id: SegmentId;
  readonly path: string;
  readonly rowCount: number;
  readonly octets: number;
  readonly bounds: Readonly<TimeBounds>;
  /** The stored columns that the file has; the others are null in all of its records. */
  readonly columnNames: readonly string[];
  /** Columns of elements beyond those; none in files of schema 1. */
  readonly extraColumns: readonly AskedColumn[];
  /** Whether its records are in the order of their source addresses. */
  readonly sorted: boolean;
  /** Names of all segments whose records it has, its own first. */
  readonly lineage: readonly string[];
  /** The end of the last hour in which its records arrived; its id has the first one. */
  readonly endMs: number;
  /** What of it came from files of other stores. */
  readonly imported: readonly string[];
}

/** What a file says of itself, under the key `weir`: enough to rebuild everything else from the files. */
export interface FileMetadata {
  readonly schemaVersion: number;
  readonly rowCount: number;
  readonly bounds: TimeBounds;
  readonly columnNames: readonly string[];
  readonly extraColumns?: readonly AskedColumn[];
  readonly sorted?: boolean;
  /** The segments that this file has the records of: whoever finds one of theirs too, removes that. */
  readonly replaces?: readonly string[];
  readonly imported?: readonly string[];
  /** The last hour in which its records arrived, when it is not that of its name. */
  readonly lastHourMs?: number;
  readonly exporters: readonly (readonly [number, ExporterIdentity])[];
  readonly layouts: readonly (readonly [number, string])[];
}

export function sealedFile(id: SegmentId, path: string, octets: number, metadata: FileMetadata): SealedFile {
  const { rowCount, bounds, columnNames, extraColumns = [], sorted = false } = metadata;
  const { replaces = [], imported = [], lastHourMs = id.hourMs } = metadata;
  return {
    id,
    path,
    octets,
    rowCount,
    bounds,
    columnNames: columnNames.filter((name) => STORED_NAMES.has(name)),
    extraColumns,
    sorted,
    lineage: [formatSegmentId(id), ...replaces],
    endMs: lastHourMs + HOUR_MS,
    imported,
  };
}

const STORED_NAMES = new Set(STORED_COLUMNS.map(({ name }) => name));
