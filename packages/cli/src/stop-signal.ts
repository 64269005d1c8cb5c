import process from 'node:process';
import { EXIT_FAILED } from '@weir/base';

/**
 * Resolves at the first SIGINT or SIGTERM: the command then stops cleanly. A second signal means that the
 * person will not wait: the process ends at once.
 */
export function untilStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signalled = false;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (signalled) process.exit(EXIT_FAILED);
        signalled = true;
        resolve(signal);
      });
    }
  });
}
