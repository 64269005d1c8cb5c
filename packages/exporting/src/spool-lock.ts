/** One exporter at a time: two that sent the same spool would send its messages twice. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/**
 * Takes the lock file, also from a process that is no more. Gives how to release it; undefined when another
 * process, or this one, has it. Throws what the file system throws.
 */
export function lockSpool(path: string): (() => void) | undefined {
  const holder = `${process.pid} ${startOf(process.pid)}`;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      writeFileSync(path, holder, { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    if (isAlive(readFileSync(path, 'utf8'))) return undefined;
    rmSync(path, { force: true });
  }
  return undefined;
}

function isAlive(holder: string): boolean {
  const [pid = '', start = ''] = holder.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  return startOf(Number(pid)) === start;
}

/** proc(5), field 22: when a process started, so that another one with its number is told apart. */
function startOf(pid: number): string {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
