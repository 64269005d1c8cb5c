import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Component, Logger } from '@weir/base';
import type { Enrichment } from '../enrichment/enrichment.ts';
import { sessionParameters } from '../session-parameters.ts';
import type { BatchStagesCounters } from './batch-stages.ts';
import type { LocalNameList } from './local-names.ts';
import { stageSetupOf } from './stage-setup.ts';
import type { StagedWriterAnswer, StagedWriterData, StagedWriterRequest } from './staged-writer-worker.ts';

/** A thread that answers later than this is busy with a batch or gone. */
const ANSWER_MS_MAX = 2000;

/**
 * A way into the store for flows that this process meters itself, through the stages that flows of other exporters
 * pass too. A thread of its own, so that the meter's packets do not wait for them.
 */
export interface StagedWriter extends Component {
  /** For the meter: base's buffer channel, as a port of the store is. */
  readonly port: MessagePort;
  /** Tells what this machine's interfaces and its overlays' peers are called. */
  setNames(names: LocalNameList): void;
  /** As they are now, or were last. */
  counters(): Promise<BatchStagesCounters | undefined>;
}

export interface StagedWriterServices {
  readonly logger: Logger;
  readonly connectWriter: () => MessagePort;
  readonly enrichment: Enrichment | undefined;
}

/**
 * Creates the writer; `start` starts its thread. To be stopped after the meter, which closes its end of `port` when
 * the store has everything.
 */
export function createStagedWriter(services: StagedWriterServices): StagedWriter {
  const { port1: meterPort, port2: port } = new MessageChannel();
  let worker: Worker | undefined;
  let latest: BatchStagesCounters | undefined;
  let names: LocalNameList | undefined;

  function tell(request: StagedWriterRequest): void {
    worker?.postMessage(request);
  }

  function launch(): Worker {
    const { connectWriter, enrichment, logger } = services;
    const storePort = connectWriter();
    const setupNow = () =>
      stageSetupOf({ sessions: sessionParameters(undefined), asymmetricFlows: false }, enrichment);
    const setup = setupNow();
    const launched = new Worker(new URL('./staged-writer-worker.ts', import.meta.url), {
      name: 'stages of the meter',
      workerData: { meterPort, storePort, setup } satisfies StagedWriterData,
      transferList: [meterPort, storePort],
    });
    launched.on('error', (error) => logger.error({ error: String(error) }, 'the stages of the meter failed'));
    launched.on('message', (counters: StagedWriterAnswer) => {
      latest = counters;
    });
    const stopTables = enrichment?.onChange((tables) => tell({ kind: 'tables', tables }));
    const stopSettings = enrichment?.onSettings(() => tell({ kind: 'setup', setup: setupNow() }));
    launched.once('exit', () => {
      stopTables?.();
      stopSettings?.();
    });
    return launched;
  }

  return {
    port,
    async start() {
      worker = launch();
      if (names !== undefined) tell({ kind: 'names', names });
    },
    async stop() {
      await worker?.terminate();
    },
    setNames(list) {
      names = list;
      tell({ kind: 'names', names: list });
    },
    async counters() {
      const running = worker;
      if (running === undefined) return latest;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ANSWER_MS_MAX);
        timer.unref();
        running.once('message', () => {
          clearTimeout(timer);
          resolve();
        });
        running.once('exit', () => resolve());
        running.postMessage({ kind: 'counters' } satisfies StagedWriterRequest);
      });
      return latest;
    },
  };
}
