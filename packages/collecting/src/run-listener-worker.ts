import { parentPort, workerData } from 'node:worker_threads';
import { ensure, type Logger, type LogMethod, systemClock, UserError } from '@weir/base';
import type {
  ListenerAnswers,
  ListenerEvent,
  ListenerNotice,
  ListenerQuestion,
  ListenerRequest,
  ListenerSetup,
} from './listener-protocol.ts';
import { type ListenerThread, openListenerThread } from './listener-thread.ts';
import type { ReadExportPackets } from './packet-file.ts';

/** What a listener's worker can use that is not of this package. */
export interface ListenerWorkerParts {
  readonly readExportPackets?: ReadExportPackets;
}

/**
 * What the entry of a listener's worker does: opens the listener that `workerData` describes and answers the main
 * thread.
 */
export async function runListenerWorker(parts: ListenerWorkerParts = {}): Promise<void> {
  const port = ensure(parentPort, 'a listener runs in a worker thread');
  const post = (event: ListenerEvent) => port.postMessage(event);
  const services = { clock: systemClock, logger: createForwardingLogger(post), ...parts };
  let listener: ListenerThread;
  try {
    listener = await openListenerThread(workerData as ListenerSetup, services);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    post({ kind: 'refused', code: error.code, message: error.message, exitCode: error.exitCode });
    return;
  }
  port.on('message', async (message: ListenerRequest | ListenerNotice) => {
    if ('tables' in message) listener.adopt(message.tables);
    else if ('settings' in message) listener.adapt(message.settings);
    else post({ kind: 'answer', id: message.id, value: await answer(listener, message.question) });
  });
  post({ kind: 'listening', status: listener.status() });
}

function createForwardingLogger(post: (event: ListenerEvent) => void): Logger {
  const logTo =
    (level: 'info' | 'warn' | 'error'): LogMethod =>
    (factsOrMessage: object | string, message?: string) => {
      if (typeof factsOrMessage === 'string')
        post({ kind: 'log', level, facts: {}, message: factsOrMessage });
      else post({ kind: 'log', level, facts: factsOrMessage, message: message ?? '' });
    };
  return { debug: () => {}, info: logTo('info'), warn: logTo('warn'), error: logTo('error') };
}

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
    case 'deliveries':
      return listener.deliveries();
    case 'templates':
      return listener.templates();
    case 'stop':
      return listener.stop();
  }
}
