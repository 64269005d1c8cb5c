/** SIGHUP says two things: read the configuration again, and the terminal is gone. */
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';
import { isatty } from 'node:tty';

/** The process's own terminal, whatever its standard streams are. */
const TERMINAL = '/dev/tty';
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Calls `reload` at each SIGHUP. Aborts instead when the terminal from which the process was started is gone,
 * unless it was started to outlive that: by `nohup` or as a service none of its streams is a terminal. (That
 * `nohup` has the signal ignored cannot be seen: the runtime undoes it.)
 */
export function followHangUp(reload: () => void): AbortSignal {
  const hungUp = new AbortController();
  const livesWithTerminal = STANDARD_STREAMS.some((descriptor) => isatty(descriptor));
  process.on('SIGHUP', () => {
    if (livesWithTerminal && !hasTerminal()) hungUp.abort();
    else reload();
  });
  return hungUp.signal;
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync(TERMINAL, 'r'));
    return true;
  } catch {
    return false;
  }
}
