/**
 * The one way from HTTP to the store. A browser can ask faster than a store can answer, and collecting must
 * never feel it: few questions run at once, equal ones are asked once, and one that nobody waits for any
 * more is cancelled.
 */
import type { Clock } from '@weir/base';

/** More would only take turns on the same cores, and make every question slower. */
const CONCURRENT_MAX = 2;
/** Beyond, a page waits longer than it is worth: better to say so. */
const WAITING_MAX = 64;
/** Answers are reused for this long: nobody sees the difference, many tabs cost as much as one. */
const CACHE_MS = 900;
/** 128 answers of some 100 KiB at most. */
const CACHE_ENTRIES_MAX = 128;
const TIMEOUT_MS = 30_000;

/** The question was not asked (`busy`), or not answered in time (`timeout`). */
export class GateError extends Error {
  override readonly name = 'GateError';
  readonly code: 'busy' | 'timeout';

  constructor(code: 'busy' | 'timeout', message: string) {
    super(message);
    this.code = code;
  }
}

export interface QueryGate {
  /**
   * Answers `ask`, or shares the answer of an equal `key`. Rejects with GateError, with `signal`'s reason
   * when the caller goes away, or with what `ask` rejected with.
   */
  run<T>(key: string, ask: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>;
  counters(): GateCounters;
}

export interface GateCounters {
  asked: number;
  answeredFromCache: number;
  refused: number;
  cancelled: number;
  timedOut: number;
  failed: number;
}

interface Question {
  answer: Promise<unknown>;
  controller: AbortController;
  callers: number;
  /** Monotonic time of the answer; undefined while it is awaited. */
  answeredAtMs: number | undefined;
}

export function createQueryGate(clock: Clock): QueryGate {
  const questions = new Map<string, Question>();
  const waiting: (() => void)[] = [];
  const counters: GateCounters = {
    asked: 0,
    answeredFromCache: 0,
    refused: 0,
    cancelled: 0,
    timedOut: 0,
    failed: 0,
  };
  let running = 0;

  function enter(): Promise<void> {
    if (running < CONCURRENT_MAX) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  async function answer<T>(
    ask: (signal: AbortSignal) => Promise<T>,
    controller: AbortController,
  ): Promise<T> {
    await enter();
    const cancelTimer = clock.after(TIMEOUT_MS, () => {
      counters.timedOut += 1;
      controller.abort(new GateError('timeout', `The question took longer than ${TIMEOUT_MS / 1000} s.`));
    });
    try {
      controller.signal.throwIfAborted();
      return await abortable(ask(controller.signal), controller.signal);
    } finally {
      cancelTimer();
      leave();
    }
  }

  function open<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Question {
    if (waiting.length >= WAITING_MAX) {
      counters.refused += 1;
      throw new GateError('busy', 'Too many questions wait for the store; try again in a moment.');
    }
    counters.asked += 1;
    const controller = new AbortController();
    const question: Question = {
      answer: answer(ask, controller),
      controller,
      callers: 0,
      answeredAtMs: undefined,
    };
    remember(key, question);
    return question;
  }

  function remember(key: string, question: Question): void {
    questions.set(key, question);
    question.answer.then(
      () => {
        question.answeredAtMs = clock.monotonicMs();
      },
      () => {
        if (!question.controller.signal.aborted) counters.failed += 1;
        if (questions.get(key) === question) questions.delete(key);
      },
    );
    for (const [oldKey, old] of questions) {
      const stale = old.answeredAtMs !== undefined && clock.monotonicMs() - old.answeredAtMs > CACHE_MS;
      if (stale || (questions.size > CACHE_ENTRIES_MAX && old.answeredAtMs !== undefined))
        questions.delete(oldKey);
    }
  }

  function find(key: string): Question | undefined {
    const question = questions.get(key);
    if (question === undefined || question.controller.signal.aborted) return undefined;
    const { answeredAtMs } = question;
    return answeredAtMs === undefined || clock.monotonicMs() - answeredAtMs <= CACHE_MS
      ? question
      : undefined;
  }

  return {
    async run(key, ask, signal) {
      signal?.throwIfAborted();
      const known = find(key);
      if (known !== undefined) counters.answeredFromCache += 1;
      const question = known ?? open(key, ask);
      question.callers += 1;
      try {
        return (await abortable(question.answer, signal)) as Awaited<ReturnType<typeof ask>>;
      } finally {
        question.callers -= 1;
        if (question.callers === 0 && question.answeredAtMs === undefined && signal?.aborted === true) {
          counters.cancelled += 1;
          question.controller.abort(signal.reason);
          if (questions.get(key) === question) questions.delete(key);
        }
      }
    },
    counters: () => ({ ...counters }),
  };
}

/** `promise`, or a rejection with the signal's reason as soon as it is aborted. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
