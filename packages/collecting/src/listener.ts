import { type MessagePort, Worker } from 'node:worker_threads';
import {
  type CancelTimer,
  type Clock,
  type Component,
  type Logger,
  type MetricsSnapshot,
  UserError,
} from '@weir/base';
import type { FlowSource } from './flow-source.ts';
import type {
  ListenerAnswers,
  ListenerEvent,
  ListenerQuestion,
  ListenerRequest,
  ListenerSetup,
} from './listener-protocol.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import { formatSocketAddress, type SocketAddress } from './socket-address.ts';
import type { TemplateRecords } from './template-file.ts';

export type ListenerState = 'stopped' | 'starting' | 'listening' | 'stopping' | 'failed';

/** One flow source's socket and the thread behind it, seen from the main thread. */
export interface Listener extends Component {
  readonly source: FlowSource;
  readonly state: ListenerState;
  /** Times that its thread ended unasked and was replaced. */
  readonly restarts: number;
  /** Where it listens: with the kernel's choice where the source asked for port 0. undefined before `start`. */
  readonly address: SocketAddress | undefined;
  /** The newest status that can be had; after `stop` the last one. undefined before `start`. */
  status(): Promise<ListenerStatus | undefined>;
  metrics(): Promise<MetricsSnapshot>;
  /** Templates and options known now; after `stop` those known then. */
  templates(): Promise<TemplateRecords | undefined>;
}

export interface ListenerServices {
  logger: Logger;
  clock: Clock;
  connectWriter: () => MessagePort;
  /** What an earlier listener of this source knew. */
  templates: TemplateRecords | undefined;
  receiver: ReceiverKind | undefined;
}

/** A thread that died is replaced after this long: soon, but not in a circle that keeps a core busy. */
const RESTART_DELAY_MS = 1000;
/** Draining a socket and a slow store take seconds; a thread that takes longer is ended by force. */
const STOP_MS_MAX = 30_000;

/** A thread answers between two receives, at most 50 ms apart, unless the store holds it up. */
const ANSWER_MS_MAX = 2000;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Creates the listener of one enabled source. `start` rejects with UserError when its socket cannot be opened. */
export function createListener(source: FlowSource, services: ListenerServices): Listener {
  const { logger, clock } = services;
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let state: ListenerState = 'stopped';
  let restarts = 0;
  let requestId = 0;
  let lastStatus: ListenerStatus | undefined;
  let lastTemplates = services.templates;
  let cancelRestart: CancelTimer | undefined;

  async function open(): Promise<void> {
    const storePort = services.connectWriter();
    const { receiver } = services;
    const setup: ListenerSetup = { source, storePort, templates: lastTemplates, receiver };
    const opened = new Worker(new URL('./listener-worker.ts', import.meta.url), {
      name: `listener ${source.name}`,
      workerData: setup,
      transferList: [storePort],
    });
    worker = opened;
    await new Promise<void>((resolve, reject) => {
      opened.on('message', (event: ListenerEvent) => {
        if (event.kind === 'listening') {
          lastStatus = event.status;
          resolve();
        } else if (event.kind === 'refused') {
          reject(new UserError(event.code, `flow source "${source.name}": ${event.message}`, event.exitCode));
        } else if (event.kind === 'answer') {
          waiting.get(event.id)?.resolve(event.value);
          waiting.delete(event.id);
        } else {
          logger[event.level]({ source: source.name, ...event.facts }, event.message);
        }
      });
      opened.on('error', (error) => {
        logger.error({ source: source.name, error: String(error.stack ?? error) }, 'the listener failed');
        reject(error);
      });
      opened.on('exit', () => {
        reject(new Error(`the listener of "${source.name}" ended before it listened`));
        if (worker === opened) ended();
      });
    });
  }

  function ended(): void {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(new Error(`the listener of "${source.name}" ended`));
    waiting.clear();
    if (state !== 'listening') return;
    state = 'failed';
    restarts += 1;
    logger.error({ source: source.name, restarts }, 'the listener ended unasked and is started again');
    cancelRestart = clock.after(RESTART_DELAY_MS, () => void restart());
  }

  async function restart(): Promise<void> {
    state = 'starting';
    try {
      await open();
      state = 'listening';
    } catch (error) {
      state = 'failed';
      logger.error({ source: source.name, error: String(error) }, 'the listener cannot listen again yet');
      cancelRestart = clock.after(RESTART_DELAY_MS, () => void restart());
    }
  }

  function ask<Q extends ListenerQuestion>(question: Q): Promise<ListenerAnswers[Q]> {
    const current = worker;
    if (current === undefined)
      return Promise.reject(new Error(`the listener of "${source.name}" is not running`));
    requestId += 1;
    const id = requestId;
    return new Promise<ListenerAnswers[Q]>((resolve, reject) => {
      waiting.set(id, { resolve: (value) => resolve(value as ListenerAnswers[Q]), reject });
      current.postMessage({ id, question } satisfies ListenerRequest);
    });
  }

  /** What the thread answers; `fallback` when it does not listen, dies, or waits for the store too long. */
  async function askOr<Q extends ListenerQuestion, F>(
    question: Q,
    fallback: F,
  ): Promise<ListenerAnswers[Q] | F> {
    if (state !== 'listening') return fallback;
    let cancel: CancelTimer = () => {};
    const late = new Promise<F>((resolve) => {
      cancel = clock.after(ANSWER_MS_MAX, () => resolve(fallback));
    });
    const answer = ask(question).catch(() => fallback);
    return Promise.race([answer, late]).finally(cancel);
  }

  async function close(): Promise<void> {
    const current = worker;
    if (current === undefined) return;
    const cancelKill = clock.after(STOP_MS_MAX, () => void current.terminate());
    try {
      const last = await ask('stop');
      lastStatus = last.status;
      lastTemplates = last.templates;
    } catch (error) {
      logger.error({ source: source.name, error: String(error) }, 'the listener did not end by itself');
    }
    cancelKill();
    await current.terminate();
  }

  return {
    source,
    get state() {
      return state;
    },
    get restarts() {
      return restarts;
    },
    get address() {
      return lastStatus && { address: lastStatus.address, port: lastStatus.port };
    },
    async start() {
      state = 'starting';
      try {
        await open();
      } catch (error) {
        await worker?.terminate();
        state = 'stopped';
        throw error;
      }
      state = 'listening';
      const where = lastStatus === undefined ? '' : formatSocketAddress(lastStatus);
      logger.info({ source: source.name, receiver: lastStatus?.receiver }, `listening on udp/${where}`);
    },
    async stop() {
      cancelRestart?.();
      const wasOpen = state === 'listening';
      state = 'stopping';
      if (wasOpen) await close();
      else await worker?.terminate();
      state = 'stopped';
    },
    async status() {
      lastStatus = await askOr('status', lastStatus);
      return lastStatus;
    },
    metrics: () => askOr('metrics', []),
    async templates() {
      lastTemplates = await askOr('templates', lastTemplates);
      return lastTemplates;
    },
  };
}
