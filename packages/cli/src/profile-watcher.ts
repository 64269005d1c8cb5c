/** Notices that a file has changed: at once where the platform says so, else when its times are looked at. */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { CancelTimer, Clock, Component } from '@weir/base';

/** Network and overlay file systems report no changes, so the file's times are looked at as well. */
const POLL_INTERVAL_MS = 2_000;
/** Editors write in several steps: the file is read when nothing has happened for so long. */
const SETTLE_MS = 200;

/**
 * Watches `file`, which need not exist. `onChange` is called once for a burst of changes; what the file then
 * holds may be the same as before.
 */
export function createProfileWatcher(file: string, clock: Clock, onChange: () => void): Component {
  let watcher: FSWatcher | undefined;
  let cancelPoll: CancelTimer | undefined;
  let cancelSettle: CancelTimer | undefined;
  let seen: string | undefined;

  function noticed(): void {
    cancelSettle?.();
    cancelSettle = clock.after(SETTLE_MS, () => {
      cancelSettle = undefined;
      onChange();
    });
  }

  async function look(): Promise<void> {
    const now = await fingerprint(file);
    if (now === seen) return;
    seen = now;
    noticed();
  }

  /** The folder and not the file: editors put a new file in the place of the old one. */
  function watchFolder(): FSWatcher | undefined {
    try {
      const folder = watch(path.dirname(file), { persistent: false }, (_, name) => {
        if (name === null || name === path.basename(file)) void look();
      });
      folder.on('error', () => folder.close());
      return folder;
    } catch {
      return undefined;
    }
  }

  return {
    async start() {
      seen = await fingerprint(file);
      watcher = watchFolder();
      cancelPoll = clock.every(POLL_INTERVAL_MS, () => void look());
    },
    async stop() {
      watcher?.close();
      cancelPoll?.();
      cancelSettle?.();
    },
  };
}

async function fingerprint(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return 'absent';
  }
}
