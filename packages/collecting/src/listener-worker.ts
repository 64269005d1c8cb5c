/** Entry of a listener's worker thread: opens the listener and answers the main thread. */
import { parentPort, workerData } from 'node:worker_threads';
import { ensure, type Logger, type LogMethod, systemClock, UserError } from '@weir/base';
import type {
  ListenerAnswers,
  ListenerEvent,
  ListenerQuestion,
  ListenerRequest,
  ListenerSetup,
} from './listener-protocol.ts';
import { type ListenerThread, openListenerThread } from './listener-thread.ts';

const port = ensure(parentPort, 'this file is the entry of a worker thread');

function post(event: ListenerEvent): void {
  port.postMessage(event);
}

function logTo(level: 'info' | 'warn' | 'error'): LogMethod {
  return (factsOrMessage: object | string, message?: string) => {
    if (typeof factsOrMessage === 'string') post({ kind: 'log', level, facts: {}, message: factsOrMessage });
    else post({ kind: 'log', level, facts: factsOrMessage, message: message ?? '' });
  };
}

const logger: Logger = { debug: () => {}, info: logTo('info'), warn: logTo('warn'), error: logTo('error') };

async function answer(
  listener: ListenerThread,
  question: ListenerQuestion,
): Promise<ListenerAnswers[ListenerQuestion]> {
  switch (question) {
    case 'status':
      return listener.status();
    case 'metrics':
      return listener.metrics();
    case 'options':
      return listener.options();
    case 'exporters':
      return listener.exporters();
    case 'templates':
      return listener.templates();
    case 'stop':
      return listener.stop();
  }
}

async function main(): Promise<void> {
  let listener: ListenerThread;
  try {
    listener = await openListenerThread(workerData as ListenerSetup, { clock: systemClock, logger });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    post({ kind: 'refused', code: error.code, message: error.message, exitCode: error.exitCode });
    return;
  }
  port.on('message', async ({ id, question }: ListenerRequest) => {
    post({ kind: 'answer', id, value: await answer(listener, question) });
  });
  post({ kind: 'listening', status: listener.status() });
}

await main();
