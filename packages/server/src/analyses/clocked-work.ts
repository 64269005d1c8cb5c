/** Work of an analysis that the clock asks for, and sometimes a person: one turn after the other, until the program ends. */
import { type CancelTimer, type Clock, type Component, UserError } from '@weir/base';

export interface ClockedWork extends Component {
  /** Aborted with UserError `analysis_stopped` when the program ends. */
  readonly signal: AbortSignal;
  /** Runs `work` when all before it has ended, however that did. */
  inTurn<T>(work: () => Promise<T> | T): Promise<T>;
}

/** `tick` is called at the start and then every `everyMs`; what it begins goes through `inTurn`. */
export function createClockedWork(clock: Clock, everyMs: number, tick: () => void): ClockedWork {
  const stop = new AbortController();
  let cancelTimer: CancelTimer | undefined;
  let running: Promise<unknown> = Promise.resolve();

  return {
    signal: stop.signal,
    inTurn<T>(work: () => Promise<T> | T): Promise<T> {
      const turn = running.catch(() => {}).then(work);
      running = turn;
      return turn;
    },
    async start() {
      cancelTimer = clock.every(everyMs, tick);
      tick();
    },
    async stop() {
      cancelTimer?.();
      stop.abort(new UserError('analysis_stopped', 'the program ends'));
      await running.catch(() => {});
    },
  };
}
