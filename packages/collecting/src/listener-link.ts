import { Worker } from 'node:worker_threads';
import { type Logger, UserError } from '@weir/base';
import type {
  ListenerAnswers,
  ListenerEvent,
  ListenerNotice,
  ListenerQuestion,
  ListenerRequest,
  ListenerSetup,
} from './listener-protocol.ts';
import type { ListenerStatus } from './listener-status.ts';

/** The main thread's end of a running listener thread. */
export interface ListenerLink {
  /** As it was when the socket was open. */
  readonly firstStatus: ListenerStatus;
  /** Resolves when the thread has ended, asked or not. */
  readonly ended: Promise<void>;
  /** Rejects when the thread ends before it answers. */
  ask<Q extends ListenerQuestion>(question: Q): Promise<ListenerAnswers[Q]>;
  tell(notice: ListenerNotice): void;
  terminate(): Promise<void>;
}

/**
 * A listener leaves little behind. With the engine's own 48 MB the old generation, which is small too, is found full as
 * soon as the young one could fill it, and all of it is marked several times a second.
 */
const YOUNG_GENERATION_MB = 12;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts the thread of a listener, from the worker's file `entry`, and resolves when its socket is open. Rejects with UserError when that cannot
 * be had, with what was thrown when the thread fails otherwise; it is then gone.
 */
export function openListenerLink(
  setup: ListenerSetup,
  logger: Logger,
  entry = new URL('./listener-worker.ts', import.meta.url),
): Promise<ListenerLink> {
  const { name } = setup.source;
  const { storePort, flushPort } = setup;
  const waiting = new Map<number, Waiting>();
  const worker = new Worker(entry, {
    name: `listener ${name}`,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    workerData: setup,
    transferList: flushPort === undefined ? [storePort] : [storePort, flushPort],
  });
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      for (const { reject } of waiting.values()) reject(new Error(`the listener of "${name}" ended`));
      waiting.clear();
      resolve();
    });
  });
  let requestId = 0;

  function ask<Q extends ListenerQuestion>(question: Q): Promise<ListenerAnswers[Q]> {
    requestId += 1;
    const id = requestId;
    return new Promise<ListenerAnswers[Q]>((resolve, reject) => {
      waiting.set(id, { resolve: (value) => resolve(value as ListenerAnswers[Q]), reject });
      worker.postMessage({ id, question } satisfies ListenerRequest);
    });
  }

  async function terminate(): Promise<void> {
    await worker.terminate();
    await ended;
  }

  return new Promise((resolve, reject) => {
    function fail(error: unknown): void {
      void terminate().then(() => reject(error));
    }
    worker.on('message', (event: ListenerEvent) => {
      if (event.kind === 'answer') {
        waiting.get(event.id)?.resolve(event.value);
        waiting.delete(event.id);
      } else if (event.kind === 'log') {
        logger[event.level]({ source: name, ...event.facts }, event.message);
      } else if (event.kind === 'listening') {
        const tell = (notice: ListenerNotice) => worker.postMessage(notice);
        resolve({ firstStatus: event.status, ended, ask, tell, terminate });
      } else {
        fail(new UserError(event.code, `flow source "${name}": ${event.message}`, event.exitCode));
      }
    });
    worker.on('error', (error) => {
      const stack = error instanceof Error ? error.stack : error;
      logger.error({ source: name, error: String(stack) }, 'the listener failed');
      fail(error);
    });
  });
}
