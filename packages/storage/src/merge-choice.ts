/** Which sealed files are worth merging. */
import { isSortable } from './lake.ts';
import type { SealedFile } from './sealed-file.ts';

/** Files that one merge reads. */
const MERGE_FILES_MAX = 64;

export interface MergePolicy {
  /** A file of half as many records is left as it is, if it is sorted. */
  readonly segmentRowsMax: number;
  /** Files of one hour become one, or files of one day. */
  readonly spanMs: number;
  /** Only spans that ended before are merged: their files come no more. */
  readonly endedBeforeMs: number;
  /** Whether a file and others may become one: those that something else keeps apart may not. */
  readonly groupOf: (file: SealedFile) => string;
}

/**
 * The files of one hour or day to merge next: two or more small ones, or one that was sealed in a hurry and is not
 * sorted. Undefined when all is well.
 */
export function chooseMerge(
  files: Iterable<SealedFile>,
  { segmentRowsMax, spanMs, endedBeforeMs, groupOf }: MergePolicy,
): readonly SealedFile[] | undefined {
  const groups = new Map<string, SealedFile[]>();
  for (const file of files) {
    const span = Math.floor(file.id.hourMs / spanMs);
    if ((span + 1) * spanMs > endedBeforeMs) continue;
    if (!file.sorted && isSortable(file) && file.rowCount >= segmentRowsMax / 2) return [file];
    if (file.rowCount >= segmentRowsMax / 2) continue;
    const key = `${span} ${groupOf(file)}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  for (const group of groups.values()) {
    const chosen = upTo(group, 2 * segmentRowsMax);
    if (chosen.length > 1) return chosen;
  }
  return undefined;
}

/** The oldest ones, as many as fit into one file. */
function upTo(files: readonly SealedFile[], rowsMax: number): SealedFile[] {
  const chosen: SealedFile[] = [];
  let rows = 0;
  for (const file of [...files].sort((a, b) => a.id.hourMs - b.id.hourMs)) {
    if (chosen.length === MERGE_FILES_MAX || rows + file.rowCount > rowsMax) break;
    rows += file.rowCount;
    chosen.push(file);
  }
  return chosen;
}
