/**
 * What of a folder's files has been taken, over restarts and crashes. One line of JSON for each step, appended
 * and synced; the last line of a file holds. A line that a crash cut short is the last one and is left out: the
 * step before it holds then.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from '@weir/base';
import { replaceFile } from '@weir/base';
import { z } from 'zod';

/** How much of a file's beginning tells it from another one that has its inode: headers, and times of packets. */
export const HEAD_OCTETS_MAX = 4096;
/** A file each minute for two months. 100,000 × ~300 octets = 30 MB; those taken longest ago are forgotten. */
const ENTRIES_MAX = 100_000;
/** The file is written anew when it is opened and holds this many lines more than files. */
const STALE_LINES_MAX = 1000;
const FOLDER_NAME = 'taken-files';

/** A file as the file system knows it; a rename changes nothing of it. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  readonly octets: number;
}

const entrySchema = z.object({
  name: z.string(),
  device: z.number(),
  inode: z.number(),
  /** Size when it was read last. */
  octets: z.number(),
  /** SHA-256 of its first `headOctets` octets. */
  head: z.string(),
  headOctets: z.number(),
  /** Export packets that are in the store. */
  packets: z.number(),
  records: z.number(),
  /** Whether it was read to its end, as that was then. */
  done: z.boolean(),
  problem: z.string().optional(),
  atMs: z.number(),
});
export type TakenFile = Readonly<z.output<typeof entrySchema>>;

export interface FileLedger {
  readonly size: number;
  /** What was noted of this file, which has the path `path` now; undefined for one that is new. */
  find(identity: FileIdentity, path: string): TakenFile | undefined;
  /** Remembers the step; it survives a power cut when this returns. */
  note(entry: TakenFile): void;
}

/** Opens the ledger of a source file path in a data directory. Throws the system's error where it cannot. */
export async function openFileLedger(
  dataDirectory: string,
  sourceFilePath: string,
  logger: Logger,
): Promise<FileLedger> {
  const folder = join(dataDirectory, FOLDER_NAME);
  mkdirSync(folder, { recursive: true });
  const digest = createHash('sha256').update(sourceFilePath).digest('hex').slice(0, 16);
  const path = join(folder, `${digest}.jsonl`);
  const lines = linesOf(path);
  const entries = new Map<string, TakenFile>();
  for (const [index, line] of lines.entries()) {
    const entry = readEntry(line);
    if (entry !== undefined) keep(entry);
    else if (index < lines.length - 1)
      logger.warn({ path, line: index + 1 }, 'a line of the ledger is damaged');
  }
  if (lines.length > entries.size + STALE_LINES_MAX || readEntry(lines.at(-1) ?? '') === undefined) {
    await replaceFile(path, [...entries.values()].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  }

  function keep(entry: TakenFile): void {
    const key = keyOf(entry);
    entries.delete(key);
    entries.set(key, entry);
    const [longestAgo] = entries.keys();
    if (entries.size > ENTRIES_MAX && longestAgo !== undefined) entries.delete(longestAgo);
  }

  return {
    get size() {
      return entries.size;
    },
    find(identity, filePath) {
      const entry = entries.get(keyOf(identity));
      if (entry === undefined || identity.octets < entry.octets) return undefined;
      return headOf(filePath, entry.headOctets) === entry.head ? entry : undefined;
    },
    note(entry) {
      keep(entry);
      const descriptor = openSync(path, 'a', 0o640);
      try {
        appendFileSync(descriptor, `${JSON.stringify(entry)}\n`);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

/** SHA-256 of the first `octets` octets of a file; of all of it where it is shorter. */
export function headOf(path: string, octets: number): string {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(octets);
    const read = readSync(descriptor, bytes);
    return createHash('sha256').update(bytes.subarray(0, read)).digest('hex');
  } finally {
    closeSync(descriptor);
  }
}

function keyOf({ device, inode }: Pick<FileIdentity, 'device' | 'inode'>): string {
  return `${device}:${inode}`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').replace(/\n$/, '').split('\n');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

function readEntry(line: string): TakenFile | undefined {
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
