/** What is known of a roll-up file without opening it. */
import type { ExporterIdentity } from '@weir/ipfix';
import type { CatalogueEntry } from './parquet-catalogue.ts';
import type { RollUpLevel } from './roll-up-cube.ts';
import { formatSegmentId, type SegmentId } from './segment.ts';

/** Of one cube in one file: what the values that were not kept have together, and the largest of them. */
export interface CubeLoss {
  readonly rows: number;
  readonly boundOctets: number;
  readonly boundPackets: number;
  readonly boundFlows: number;
  readonly otherOctets: number;
  readonly otherPackets: number;
  readonly otherFlows: number;
}

export interface RollUpFile extends CatalogueEntry {
  readonly id: SegmentId;
  readonly level: RollUpLevel;
  /** Beginning of the first and end of the last bucket. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Names of the sealed segments whose records it sums up. */
  readonly covers: readonly string[];
  readonly columnNames: readonly string[];
  readonly cubes: Readonly<Record<string, CubeLoss>>;
  readonly octetsTotal: number;
  readonly packetsTotal: number;
  readonly flowsTotal: number;
}

/** Under the key `weir` in the file. */
export interface RollUpMetadata extends Omit<RollUpFile, 'id' | 'path' | 'octets' | 'lineage'> {
  readonly schemaVersion: number;
  readonly replaces: readonly string[];
  readonly exporters: readonly (readonly [number, ExporterIdentity])[];
}

export function rollUpFile(
  id: SegmentId,
  path: string,
  octets: number,
  { schemaVersion: _, replaces, exporters: __, ...facts }: RollUpMetadata,
): RollUpFile {
  return { id, path, octets, lineage: [formatSegmentId(id), ...replaces], ...facts };
}

/** Where a roll-up lies, below the data folder. */
export function rollUpName(level: RollUpLevel, id: SegmentId): string {
  const date = new Date(id.hourMs).toISOString().slice(0, 10);
  return `rollup=${level}/date=${date}/${formatSegmentId(id)}.parquet`;
}
