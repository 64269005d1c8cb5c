/**
 * The device behind `weir up` and `weir collect`: store, collector, optionally a meter of this machine,
 * optionally the console. Configuration and wiring; what the parts do is in their packages.
 */
import path from 'node:path';
import {
  type Clock,
  type Component,
  createLifecycle,
  type Lifecycle,
  type Logger,
  systemClock,
} from '@weir/base';
import {
  type Collector,
  createCollector,
  createEnrichment,
  createFlowSourceEditor,
  createStagedWriter,
  ENRICHMENT_DEFAULT,
  type Enrichment,
  type FlowSource,
  type FlowSourceEditor,
  type FlowSourceOrigin,
  type StagedWriter,
  type StagedWriterServices,
} from '@weir/collecting';
import type { ExcludedSocket, LiveMeter } from '@weir/metering';
import { createLiveMeter } from '@weir/metering';
import { createServer, createViews, type EnrichmentObserver, type Server } from '@weir/server';
import { createStoreMetrics, type FlowStore, openStore, type StoreOptions } from '@weir/storage';
import { createAgents } from './agent/agent-topic.ts';
import { type Analyses, createAnalyses } from './analyses.ts';
import type { Endpoint } from './endpoint.ts';
import { observeEnrichment } from './enrichment-observer.ts';
import { createInterfaceFollower, interfacesByDefault } from './interface-follower.ts';
import { createLocalNameWatch } from './local-name-watch.ts';
import { CONSOLE_DIRECTORY } from './places.ts';
import { recordCounter } from './record-counter.ts';
import { removeServiceAddress, writeServiceAddress } from './service-address.ts';
import { createStatusReader, type MeteringPlan } from './status-reader.ts';

const FILE_WORKER = new URL('./file-listener-worker.ts', import.meta.url);
const TCP = 6;
const UDP = 17;
/**
 * A device that shows traffic live reports a flow that goes on every few seconds, and one that fell silent soon
 * after: what the page shows is then at most so old.
 */
const LIVE_ACTIVE_TIMEOUT_MS = 5_000;
const LIVE_IDLE_TIMEOUT_MS = 15_000;

export interface CollectorDeviceOptions {
  readonly dataDirectory: string;
  /** Where the flow sources are written down. */
  readonly origin: FlowSourceOrigin;
  /** Sources beside them that nobody edits. */
  readonly pinned?: readonly FlowSource[];
  /** Whether to go on without sources whose ports are taken, which are then tried again and again. */
  readonly tolerant: boolean;
  /** Where the console is served; undefined: nowhere. */
  readonly http: Endpoint | undefined;
  readonly metering: MeteringPlan;
  /** Name of the source over which made-up flows come in, if any do. */
  readonly demoSource: string | undefined;
  /** What differs from the store's defaults. */
  readonly store?: Partial<StoreOptions>;
  readonly logger: Logger;
}

export interface CollectorDevice extends Component {
  /** Known after `start`; undefined without the console. */
  url(): string | undefined;
  collector(): Collector;
  /** Of the console, and who may ask them; none without it. */
  routes(): ReturnType<Server['routes']>;
  flowSources(): FlowSourceEditor;
  /**
   * Reads again where the sources are written down, and goes by it: sources, exporters, enrichment. Rejects with
   * UserError when that cannot be used.
   */
  reload(): Promise<void>;
}

interface Parts {
  readonly enrichment: Enrichment;
  readonly collector: Collector;
  readonly flowSources: FlowSourceEditor;
  readonly server: Server | undefined;
}

/** Creates the device. `start` throws a UserError when the store, a socket or the console cannot be opened. */
export function createCollectorDevice(options: CollectorDeviceOptions): CollectorDevice {
  const { logger } = options;
  const lifecycle = createLifecycle(logger);
  let parts: Parts | undefined;

  function started(): Parts {
    if (parts === undefined) throw new Error('the device has not been started');
    return parts;
  }

  return {
    url: () => parts?.server?.address().url,
    routes: () => parts?.server?.routes() ?? [],
    collector: () => started().collector,
    flowSources: () => started().flowSources,
    async reload() {
      const { flowSources, collector, enrichment, server } = started();
      await flowSources.reload();
      const { enrichment: settings = ENRICHMENT_DEFAULT, ...exporterConfig } = options.origin.exporters();
      collector.describeExporters(exporterConfig);
      await enrichment.reconfigure(settings);
      await server?.reload();
    },
    async start() {
      const store = await openStore({
        dataDirectory: options.dataDirectory,
        logger,
        ...(options.store === undefined ? {} : { options: options.store }),
      });
      lifecycle.add('store', { start: async () => {}, stop: () => closeStore(store, options) });
      parts = assemble(lifecycle, options, store, systemClock);
      await lifecycle.start();
    },
    stop: () => lifecycle.stop(),
  };
}

async function closeStore(
  store: FlowStore,
  { dataDirectory, logger }: CollectorDeviceOptions,
): Promise<void> {
  const { rowCount } = await store.status();
  await store.close();
  logger.info(`stopped; ${dataDirectory} holds ${rowCount} flow records`);
}

/** Parts stop in reverse: first who asks, then who produces, the store last. */
function assemble(
  lifecycle: Lifecycle,
  options: CollectorDeviceOptions,
  store: FlowStore,
  clock: Clock,
): Parts {
  const { dataDirectory, origin, pinned = [], tolerant, logger, metering } = options;
  const sources = [...pinned, ...origin.read()];
  const connectWriter = () => store.connectWriter();
  const { enrichment: settings = ENRICHMENT_DEFAULT, ...exporterConfig } = origin.exporters();
  const enrichment = lifecycle.add(
    'enrichment',
    createEnrichment(settings, { logger, clock, cacheFolder: dataDirectory }),
  );
  const collector = lifecycle.add(
    'collector',
    createCollector(
      { sources, dataDirectory, tolerant, ...exporterConfig },
      {
        logger,
        clock,
        connectWriter,
        enrichment,
        countRecords: recordCounter(store),
        files: { worker: FILE_WORKER, flushStore: () => store.flush() },
      },
    ),
  );
  const flowSources = createFlowSourceEditor({ collector, origin, pinned, dataDirectory, logger });
  lifecycle.add('flow sources', { start: () => flowSources.start(), stop: async () => {} });
  const metered =
    metering.state === 'on'
      ? addMeter(lifecycle, metering, { logger, connectWriter, enrichment })
      : undefined;
  const analyses = createAnalyses({ store, dataDirectory, lifecycle, clock, logger });
  const served = {
    analyses,
    collector,
    flowSources,
    meter: metered?.meter,
    enrichment: observeEnrichment(enrichment, collector, metered?.writer),
  };
  const server =
    options.http === undefined
      ? undefined
      : lifecycle.add('server', serve(options, options.http, store, served));
  return { enrichment, collector, flowSources, server };
}

/** The meter, and before it what its flows pass on their way into the store. */
function addMeter(
  lifecycle: Lifecycle,
  { interfaces, followsInterfaces, capture }: MeteringPlan & { state: 'on' },
  services: StagedWriterServices,
): { meter: LiveMeter; writer: StagedWriter } {
  const { logger } = services;
  const writer = lifecycle.add('stages', createStagedWriter(services));
  lifecycle.add('names', createLocalNameWatch(writer, logger));
  const timeouts = { idleTimeoutMs: LIVE_IDLE_TIMEOUT_MS, activeTimeoutMs: LIVE_ACTIVE_TIMEOUT_MS };
  const meter = createLiveMeter({ interfaces, capture, ...timeouts }, { port: writer.port, logger });
  lifecycle.add('meter', meter);
  const follower = createInterfaceFollower({
    clock: systemClock,
    logger,
    metered: () => meter.status()?.interfaces.map(({ name }) => name) ?? interfaces,
    choose: () => (followsInterfaces ? interfacesByDefault() : undefined),
    onChange(names) {
      logger.info(`the interfaces that are up have changed: metering ${names.join(', ')}`);
      meter.adapt({ interfaces: names, ...timeouts }).catch((error: Error) => logger.warn(error.message));
    },
  });
  lifecycle.add('interfaces', follower);
  return { meter, writer };
}

/** What the server tells of beside the store. */
interface Served extends Pick<Parts, 'collector' | 'flowSources'> {
  readonly analyses: Analyses;
  readonly meter: LiveMeter | undefined;
  readonly enrichment: EnrichmentObserver;
}

/** What the browser and the console say to each other, and made-up records, is traffic that nobody asked about. */
function ownSockets(consolePort: number, demo: Endpoint | undefined): ExcludedSocket[] {
  const sockets: ExcludedSocket[] = [{ protocol: TCP, localPort: consolePort }];
  if (demo !== undefined) sockets.push({ protocol: UDP, localPort: demo.port });
  return sockets;
}

function serve(
  options: CollectorDeviceOptions,
  http: Endpoint,
  store: FlowStore,
  { analyses, collector, flowSources, meter, enrichment }: Served,
): Server {
  const { dataDirectory, demoSource, logger } = options;
  const settings = options.origin.exporters();
  const storeMetrics = createStoreMetrics(store);
  const agents = createAgents({
    dataDirectory,
    host: http.address,
    certificateFile: settings.http?.tls?.certificate,
    clock: systemClock,
    logger,
  });
  const server = createServer({
    host: http.address,
    port: http.port,
    store,
    consoleDirectory: CONSOLE_DIRECTORY,
    listsDirectory: path.join(dataDirectory, 'lists'),
    accessDirectory: path.join(dataDirectory, 'access'),
    http: settings.http,
    access: settings.access,
    status: createStatusReader({ ...options, demo: demoSource !== undefined, store, collector, meter }),
    metrics: async () => [
      ...(await collector.metrics()),
      await storeMetrics(),
      ...(await analyses.metrics()),
    ],
    flowSources,
    exporters: collector,
    enrichment,
    topics: [...analyses.topics, agents, createViews({ dataDirectory, clock: systemClock, logger })],
    logger,
  });
  return {
    ...server,
    async start() {
      await server.start();
      const { port, url } = server.address();
      writeServiceAddress(dataDirectory, url, settings.http?.tls?.certificate);
      meter?.exclude(ownSockets(port, demoSource === undefined ? undefined : collector.address(demoSource)));
      logger.info(`console at ${url}`);
    },
    async stop() {
      removeServiceAddress(dataDirectory);
      await server.stop();
    },
  };
}
