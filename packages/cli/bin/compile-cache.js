// What Node compiled of Weir's modules, kept from one start to the next: TypeScript without its types, and
// bytecode. A command that ends at once starts in about a third of the CPU time.
import { mkdirSync, statSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

/**
 * Lets Node keep compiled code in the user's cache folder; does without where that cannot be. The folder has
 * to be the user's own, because what is in it is run: one that others can write to, such as the system's
 * temporary folder, would let them run code as this user.
 */
export function keepCompiledCode() {
  try {
    const folder = path.join(cacheHome(), 'weir');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    if (isOurs) module.enableCompileCache(folder);
  } catch {
    // No home folder, or one that cannot be written to: a start costs what it costs without.
  }
}

function cacheHome() {
  if (process.platform === 'win32')
    return process.env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData/Local');
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library/Caches');
  return process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
}
