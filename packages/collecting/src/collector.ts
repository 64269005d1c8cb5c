import type { MessagePort } from 'node:worker_threads';
import type { CancelTimer, Clock, Component, Logger, MetricsSnapshot } from '@weir/base';
import type { ExporterOptions } from './exporter-options.ts';
import {
  checkFlowSources,
  type FlowSource,
  flowSourceError,
  TARGET_COLLECTOR_DEFAULT,
} from './flow-source.ts';
import { createListener, type Listener, type ListenerState } from './listener.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import type { SocketAddress } from './socket-address.ts';
import { readTemplateFile, type TemplateRecords, writeTemplateFile } from './template-file.ts';

export interface CollectorOptions {
  readonly sources: readonly FlowSource[];
  /** Where templates are kept over a restart; left out, they are not. */
  readonly dataDirectory?: string | undefined;
  /** How to receive; left out, the fastest way that the platform has. */
  readonly receiver?: ReceiverKind | undefined;
}

export interface CollectorServices {
  logger: Logger;
  clock: Clock;
  /** A new way into the store, for batches of FLOW_BATCH_ROWS_DEFAULT rows; called once a listener. */
  connectWriter: () => MessagePort;
}

export interface SourceStatus {
  readonly source: FlowSource;
  readonly state: ListenerState | 'disabled';
  /** Times that the listener's thread ended unasked and was replaced. */
  readonly restarts: number;
  /** undefined where it never listened. */
  readonly listener: ListenerStatus | undefined;
}

export interface CollectorStatus {
  readonly sources: readonly SourceStatus[];
}

/** The Collecting Process of RFC 7011: every enabled flow source with a listener of its own. */
export interface Collector extends Component {
  status(): Promise<CollectorStatus>;
  /** One snapshot for each listener's thread. */
  metrics(): Promise<MetricsSnapshot[]>;
  /** What exporters said of themselves: names of interfaces, sampling. Only of those that said something. */
  options(): Promise<ExporterOptions[]>;
  /** Where the source of this name listens; undefined before `start` and where it does not. */
  address(sourceName: string): SocketAddress | undefined;
}

/** An exporter's new template is lost by a crash for at most so long. */
const TEMPLATES_SAVED_EVERY_MS = 60_000;

/**
 * Creates the collector. Throws UserError when the sources contradict each other or ask for what this version
 * does not do. After `start` every socket is open; `start` rejects with UserError when one cannot be.
 */
export function createCollector(options: CollectorOptions, services: CollectorServices): Collector {
  const { dataDirectory, receiver } = options;
  const { logger, clock, connectWriter } = services;
  checkSources(options.sources);
  const sources = options.sources.filter(
    ({ targetCollector }) => targetCollector === TARGET_COLLECTOR_DEFAULT,
  );
  let listeners: readonly Listener[] = [];
  let savedTemplates: ReadonlyMap<string, TemplateRecords> = new Map();
  let cancelSaving: CancelTimer | undefined;
  let saving: Promise<void> = Promise.resolve();

  async function saveTemplates(): Promise<void> {
    if (dataDirectory === undefined) return;
    // What a disabled source knew stays; what a removed one knew goes.
    const templates = new Map([...savedTemplates].filter(([name]) => isConfigured(name)));
    for (const listener of listeners) {
      const known = await listener.templates();
      if (known !== undefined) templates.set(listener.source.name, known);
    }
    savedTemplates = templates;
    await writeTemplateFile(dataDirectory, templates);
  }

  function isConfigured(sourceName: string): boolean {
    return sources.some(({ name }) => name === sourceName);
  }

  /** One save at a time; a failure is said and the next one tries again. */
  function save(): Promise<void> {
    saving = saving.then(saveTemplates).catch((error: unknown) => {
      logger.warn({ error: String(error) }, 'the templates could not be saved');
    });
    return saving;
  }

  async function startAll(): Promise<void> {
    const results = await Promise.allSettled(listeners.map((listener) => listener.start()));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(listeners.map((listener) => listener.stop()));
  }

  return {
    async start() {
      if (dataDirectory !== undefined) savedTemplates = await readTemplateFile(dataDirectory, logger);
      listeners = sources
        .filter(({ enabled }) => enabled)
        .map((source) => {
          const templates = savedTemplates.get(source.name);
          return createListener(source, { logger, clock, connectWriter, templates, receiver });
        });
      if (listeners.length === 0) logger.warn('no flow source is enabled: nothing is collected');
      try {
        await startAll();
      } catch (error) {
        await stopAll();
        throw error;
      }
      cancelSaving = clock.every(TEMPLATES_SAVED_EVERY_MS, () => void save());
    },
    async stop() {
      cancelSaving?.();
      await stopAll();
      await save();
    },
    async status() {
      const all = sources.map(async (source): Promise<SourceStatus> => {
        const listener = listeners.find((candidate) => candidate.source === source);
        if (listener === undefined) {
          return { source, state: source.enabled ? 'stopped' : 'disabled', restarts: 0, listener: undefined };
        }
        const status = await listener.status();
        return { source, state: listener.state, restarts: listener.restarts, listener: status };
      });
      return { sources: await Promise.all(all) };
    },
    metrics: () => Promise.all(listeners.map((listener) => listener.metrics())),
    options: async () => (await Promise.all(listeners.map((listener) => listener.options()))).flat(),
    address: (sourceName) => listeners.find(({ source }) => source.name === sourceName)?.address,
  };
}

function checkSources(sources: readonly FlowSource[]): void {
  const breach = checkFlowSources(sources);
  if (breach === undefined) return;
  const [index, ...parameter] = breach.path;
  const source = typeof index === 'number' ? sources[index] : undefined;
  const where =
    source === undefined ? 'flow sources' : `flow source "${source.name}": ${parameter.join('.')}`;
  throw flowSourceError(`${where}: ${breach.message}`);
}
