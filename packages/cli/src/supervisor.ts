/**
 * Keeps a process running: one that crashes is started again, later and later while it goes on crashing.
 * One that ends as it was told to, or because its configuration is wrong, is not.
 */
import { type CancelTimer, type Clock, EXIT_DONE, EXIT_USAGE, type Logger } from '@weir/base';

const BACK_OFF_FIRST_MS = 1_000;
const BACK_OFF_MAX_MS = 60_000;
/** Who has run for so long has not crashed at its start: the back-off begins anew. */
const STABLE_MS = 60_000;

/** A process that was started. */
export interface SupervisedProcess {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

export interface SupervisorOptions {
  readonly launch: () => SupervisedProcess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called whenever one of the public counts has changed. */
  readonly onChange?: () => void;
}

export interface Supervisor {
  /** Starts the process and resolves with the exit code when it is not to be started again. */
  run(): Promise<number>;
  /** Passes a signal on. After SIGTERM nothing is started any more. */
  signal(signal: NodeJS.Signals): void;
  readonly restarts: number;
  readonly lastExit: string | undefined;
  readonly pid: number | undefined;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { launch, clock, logger, onChange = () => {} } = options;
  let running: SupervisedProcess | undefined;
  let isStopping = false;
  let restarts = 0;
  let lastExit: string | undefined;
  let backOffMs = BACK_OFF_FIRST_MS;
  let wake: (() => void) | undefined;

  async function runOnce(): Promise<number | NodeJS.Signals> {
    const startedAtMs = clock.monotonicMs();
    running = launch();
    onChange();
    const exit = await running.ended;
    running = undefined;
    lastExit = typeof exit === 'number' ? `exit code ${exit}` : exit;
    if (clock.monotonicMs() - startedAtMs >= STABLE_MS) backOffMs = BACK_OFF_FIRST_MS;
    onChange();
    return exit;
  }

  function pause(): Promise<void> {
    logger.warn(`the exporter ended with ${lastExit}; it is started again in ${backOffMs / 1000} s`);
    const delayMs = backOffMs;
    backOffMs = Math.min(2 * backOffMs, BACK_OFF_MAX_MS);
    return new Promise((resolve) => {
      const cancel: CancelTimer = clock.after(delayMs, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  }

  return {
    async run() {
      for (;;) {
        const exit = await runOnce();
        if (exit === EXIT_DONE || exit === EXIT_USAGE) return exit;
        if (!isStopping) await pause();
        if (isStopping) return typeof exit === 'number' ? exit : EXIT_DONE;
        restarts += 1;
      }
    },
    signal(signal) {
      if (signal === 'SIGTERM') isStopping = true;
      running?.kill(signal);
      if (isStopping) wake?.();
    },
    get restarts() {
      return restarts;
    },
    get lastExit() {
      return lastExit;
    },
    get pid() {
      return running?.pid;
    },
  };
}
