import { readFileSync, renameSync } from 'node:fs';
import type { Logger } from './logger.ts';
import { replaceFile } from './replace-file.ts';

/** A little state of a component that survives a restart: read once, replaced as a whole. */
export interface StateFile<State> {
  /** What was written last, or the initial state. */
  read(): State;
  /**
   * Resolves when `state`, or one that was written after it, is on the disk. Writes follow each other; of those
   * that wait only the newest is made.
   */
  write(state: State): Promise<void>;
}

export interface StateFileOptions<State> {
  readonly path: string;
  readonly initial: State;
  /** Reads what JSON says; throws when it is no state. */
  readonly parse: (value: unknown) => State;
  readonly logger: Logger;
}

/**
 * Opens the state in a JSON file. A file that cannot be read as such is set aside as `NAME.damaged` and said in the
 * log: a component that starts anew is better than one that does not start.
 */
export function createStateFile<State>(options: StateFileOptions<State>): StateFile<State> {
  const { path } = options;
  let state = readState(options);
  let waiting: Promise<void> | undefined;
  let running: Promise<void> = Promise.resolve();

  return {
    read: () => state,
    write(next) {
      state = next;
      waiting ??= running
        .catch(() => {})
        .then(() => {
          waiting = undefined;
          running = replaceFile(path, `${JSON.stringify(state)}\n`);
          return running;
        });
      return waiting;
    },
  };
}

function readState<State>({ path, initial, parse, logger }: StateFileOptions<State>): State {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return initial;
    throw error;
  }
  try {
    return parse(JSON.parse(text));
  } catch (error) {
    renameSync(path, `${path}.damaged`);
    logger.warn(
      { error: String(error) },
      `${path} could not be read: it is now ${path}.damaged, and begins anew`,
    );
    return initial;
  }
}
