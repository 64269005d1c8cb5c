/** The thread that owns a store: it opens it when told to, and answers messages until it is closed. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ensure, type Logger, type LogMethod, receiveBuffers, systemClock } from '@weir/base';
import type { FlowBatchNote } from '@weir/ipfix';
import { errorToWire, type OwnerMessage, type OwnerReply } from './owner-message.ts';
import type { StoreOptions } from './store-options.ts';
import { StoreOwner } from './store-owner.ts';

const port = ensure(parentPort, 'this file runs as a worker');
const config = workerData as { dataDirectory: string; options: StoreOptions };
const cancellable = new Map<number, AbortController>();
const writers: MessagePort[] = [];
let owner: StoreOwner | undefined;

port.on('message', (message: OwnerMessage) => {
  switch (message.kind) {
    case 'attach':
      writers.push(message.port);
      receiveBuffers<FlowBatchNote>(
        message.port,
        (buffer, note) => opened().take(buffer, note),
        (error) => opened().logRefused(error),
      );
      return;
    case 'cancel':
      cancellable.get(message.id)?.abort();
      return;
    default:
      void answer(message);
  }
});

type Question = Exclude<OwnerMessage, { kind: 'attach' | 'cancel' }>;

async function answer(message: Question): Promise<void> {
  const controller = new AbortController();
  cancellable.set(message.id, controller);
  try {
    reply({ kind: 'done', id: message.id, value: await perform(message, controller.signal) });
  } catch (error) {
    reply({ kind: 'failed', id: message.id, error: errorToWire(error) });
  } finally {
    cancellable.delete(message.id);
  }
}

async function perform(message: Question, signal: AbortSignal): Promise<unknown> {
  switch (message.kind) {
    case 'open':
      owner = await StoreOwner.open({ ...config, clock: systemClock, logger: forwardingLogger() });
      return undefined;
    case 'query':
      return opened().query(message.plan, signal);
    case 'sql':
      return opened().sql(message.text, {
        signal,
        ...(message.range === undefined ? {} : { range: message.range }),
      });
    case 'flush':
      return opened().flush();
    case 'seal':
      return opened().sealAll();
    case 'check':
      return opened().check(message.repair, signal);
    case 'export':
      return opened().exportRecords(message.range, message.folder);
    case 'import':
      return opened().importRecords(message.paths);
    case 'estimate':
      return opened().estimate(message.plan);
    case 'coverage':
      return opened().coverage();
    case 'compact':
      return opened().compact();
    case 'status':
      return opened().status();
    case 'close':
      for (const writer of writers) writer.close();
      return opened().close();
  }
}

function opened(): StoreOwner {
  return ensure(owner, 'the store was opened first');
}

function reply(message: OwnerReply): void {
  port.postMessage(message);
}

/** Log lines belong to the process's log, so they go there as messages. */
function forwardingLogger(): Logger {
  const method =
    (level: 'debug' | 'info' | 'warn' | 'error'): LogMethod =>
    (facts: object | string, message?: string) => {
      reply(
        typeof facts === 'string'
          ? { kind: 'log', level, facts: {}, message: facts }
          : { kind: 'log', level, facts, message: message ?? '' },
      );
    };
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}
