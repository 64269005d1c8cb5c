/** The folders of a store beside those of its Parquet files, and what is said when they cannot be written to. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@weir/base';

export function logDirectoryOf(dataDirectory: string): string {
  return join(dataDirectory, 'open');
}

export function exchangeDirectoryOf(dataDirectory: string): string {
  return join(dataDirectory, 'exchange');
}

/** Throws the UserError `store_unwritable`. */
export function createDirectories(dataDirectory: string, directories: readonly string[]): void {
  try {
    for (const directory of directories) makeDirectory(directory);
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^(\w+): (.*?),.*$/, '$2 ($1)') : String(error);
    throw new UserError('store_unwritable', `cannot write to the data folder ${dataDirectory}: ${reason}`);
  }
}

/** A full or read-only disk is for a person to mend, and is said in one line. */
export function diskFailure(dataDirectory: string, error: unknown): UserError | undefined {
  const [reason = ''] =
    String(error).match(/No space left on device|Read-only file system|Permission denied/i) ?? [];
  if (reason === '') return undefined;
  return new UserError('store_unwritable', `cannot write to the data folder ${dataDirectory}: ${reason}`);
}

/** `mkdir -p`, level by level: Node's own recursion never ends where the system lets nobody create (`/proc/x`). */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) {
    if (statSync(directory).isDirectory()) return;
    throw new Error('ENOTDIR: not a directory, mkdir');
  }
  if (dirname(directory) !== directory) makeDirectory(dirname(directory));
  try {
    mkdirSync(directory);
  } catch (error) {
    // Somebody else may have created it just now.
    if (!existsSync(directory)) throw error;
  }
}
