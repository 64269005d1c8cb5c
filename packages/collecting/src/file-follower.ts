/**
 * Finds files to take: one file, or those that are dropped into a folder and its subfolders. A file that is still being written
 * is left alone until nothing has been written to it for a while; what is appended later is found again.
 */
import { type Dirent, type FSWatcher, readdirSync, type Stats, statSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { type CancelTimer, type Clock, EXIT_USAGE, UserError } from '@weir/base';
import type { FileIdentity } from './file-ledger.ts';

/** The folder is looked through so often, whatever is told of it: network file systems tell nothing. */
const POLL_EVERY_MS = 5_000;
/** A file is at rest when nothing was written to it for so long. Writers that pause longer are taken in parts. */
const REST_MS = 2_000;
/** Names that programs give to what they have not finished; what is renamed from them is found then. */
const UNFINISHED = /^\.|\.(tmp|part|partial|crdownload|filepart|current)$|~$|^nfcapd\.current/;
/** More are not looked at: a folder that grows without end is somebody's mistake. */
const FILES_MAX = 100_000;
/** Folders below folders, such as YYYY/MM/DD/HH: what is deeper is left alone. Links to folders are not followed. */
const SUBFOLDERS_DEEP_MAX = 5;

export interface FoundFile extends FileIdentity {
  readonly path: string;
  /** From the followed folder on. */
  readonly name: string;
  readonly modifiedMs: number;
}

export interface FileFollower {
  /** Files that are at rest, those written longest ago first, and how many are not at rest yet. */
  look(): { files: FoundFile[]; unfinished: number };
  /** Resolves when something may have changed, or at the latest when the next look is due. */
  changed(): Promise<void>;
  close(): void;
}

/** Follows a file or a folder. Throws UserError `source_file_unreadable` where there is none. */
export function createFileFollower(path: string, clock: Clock): FileFollower {
  const isFolder = checkSourcePath(path).isDirectory();
  let wake: () => void = () => {};
  let resolveNow: () => void = () => {};
  let cancel: CancelTimer = () => {};
  const watcher = watchQuietly(path, () => wake());

  return {
    look() {
      const names = isFolder ? filesBelow(path) : [''];
      const found = names.flatMap((name) => fileAt(path, name));
      const restedMs = clock.nowMs() - REST_MS;
      const files = found.filter(({ modifiedMs }) => modifiedMs <= restedMs);
      files.sort((one, other) => one.modifiedMs - other.modifiedMs || (one.name < other.name ? -1 : 1));
      return { files, unfinished: found.length - files.length };
    },
    changed() {
      return new Promise((resolve) => {
        const done = () => {
          cancel();
          resolve();
        };
        resolveNow = done;
        // What changed is not at rest before then.
        wake = () => {
          cancel();
          cancel = clock.after(REST_MS, done);
        };
        cancel = clock.after(POLL_EVERY_MS, done);
      });
    },
    close() {
      watcher?.close();
      resolveNow();
    },
  };
}

/** Files of a folder and of those below it. Throws when the folder itself cannot be read; of those below it, that is none. */
function filesBelow(path: string): string[] {
  const names: string[] = [];
  const folders = [{ name: '', depth: 0 }];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(path, folder.name)) {
      if (UNFINISHED.test(entry.name)) continue;
      const name = join(folder.name, entry.name);
      if (!entry.isDirectory()) names.push(name);
      else if (folder.depth < SUBFOLDERS_DEEP_MAX) folders.push({ name, depth: folder.depth + 1 });
      if (names.length === FILES_MAX) return names;
    }
  }
  return names;
}

function entriesOf(path: string, name: string): Dirent[] {
  try {
    return readdirSync(join(path, name), { withFileTypes: true });
  } catch (error) {
    if (name === '') throw error;
    return [];
  }
}

/** What is there. Throws UserError `source_file_unreadable` where there is nothing. */
export function checkSourcePath(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('source_file_unreadable', `${path}: cannot be read (${reason})`, EXIT_USAGE);
  }
}

/** Regular files only; one that is gone meanwhile is none. */
function fileAt(followed: string, below: string): FoundFile[] {
  const path = join(followed, below);
  try {
    const { dev: device, ino: inode, size: octets, mtimeMs: modifiedMs, ...stats } = statSync(path);
    if (!isRegular(stats.mode)) return [];
    const name = below === '' ? basename(path) : below;
    return [{ path, name, device, inode, octets, modifiedMs }];
  } catch {
    return [];
  }
}

function isRegular(mode: number): boolean {
  return (mode & 0o170_000) === 0o100_000;
}

/** Watching is a wish: there may be no more watches to be had, or a file system that has none. */
function watchQuietly(path: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(path, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
