/**
 * What a listener's worker does, from the sockets to the store. In a file of its own so that the worker's entry
 * only connects it to its thread's port.
 */
import { isDeepStrictEqual } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import {
  type BufferSender,
  type Clock,
  createBufferSender,
  type Logger,
  type MetricsSnapshot,
  UserError,
} from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { type BatchWriter, createBatchWriter } from './batch-writer.ts';
import { openDatagramReception } from './datagram-reception.ts';
import type { DeliveryStatement } from './delivery-statements.ts';
import type { AlarmLimits } from './exporter-health.ts';
import type { ExporterOptions } from './exporter-options.ts';
import { type ExporterReport, reportExporters } from './exporter-report.ts';
import { createAlarmLimits, type ExporterSettings } from './exporter-settings.ts';
import { openFileReception } from './file-reception.ts';
import { createListenerMetrics } from './listener-metrics.ts';
import type { ListenerAnswers, ListenerSettings, ListenerSetup } from './listener-protocol.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { ReadExportPackets } from './packet-file.ts';
import type { Reception } from './reception.ts';
import { createSourceWatch } from './source-watch.ts';
import type { BatchStages, StageTables } from './stages/batch-stages.ts';
import { openStages, type StageSetup } from './stages/stage-setup.ts';
import { openStreamReception } from './stream-reception.ts';
import type { TemplateRecords } from './template-file.ts';

/**
 * Buffers between this thread and the store: one being filled, the others on their way. 8 × 8,192 rows are an
 * eighth of a second at 500,000 records/s; more only hide a store that is too slow.
 */
const BUFFERS = 8;
/** How long the store may take to hand back the last buffers. */
const STORE_DRAIN_MS_MAX = 10_000;

export interface ListenerThread {
  status(): ListenerStatus;
  metrics(): Promise<MetricsSnapshot>;
  options(): ExporterOptions[];
  exporters(): ExporterReport[];
  /** Those since the last call. */
  deliveries(): DeliveryStatement[];
  templates(): TemplateRecords;
  /** Looks addresses up in other tables from the next batch on. */
  adopt(tables: StageTables): void;
  /** Goes on with other settings; what they do not touch keeps what it knows. */
  adapt(settings: ListenerSettings): void;
  /** Takes what has arrived, closes the sockets, and resolves with the last word when the store has everything. */
  stop(): Promise<ListenerAnswers['stop']>;
}

interface Services {
  clock: Clock;
  logger: Logger;
  readExportPackets?: ReadExportPackets;
}

/** Opens the socket and begins to receive. Rejects with UserError when it cannot be opened. */
export async function openListenerThread(setup: ListenerSetup, services: Services): Promise<ListenerThread> {
  const { source, storePort } = setup;
  const { clock } = services;
  const octets = flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT);
  const sender = createBufferSender<FlowBatchNote>(storePort, BUFFERS, octets);
  let stages: BatchStages | undefined;
  const writer = createBatchWriter({
    sender,
    finish: (batch, hurried) => stages?.finish(batch, hurried),
    capacity: FLOW_BATCH_ROWS_DEFAULT,
    clock,
    // What a reliable transport has delivered is not given up: the exporter, or the file, waits with us.
    ...(source.transport === 'udp' && source.sourceFilePath === undefined
      ? {}
      : { waitMsMax: Number.POSITIVE_INFINITY }),
  });
  let alarmLimits = createAlarmLimits(source, setup.exporters);
  let named = addressesOf(setup.exporters);
  const operator: OperatorWord = {
    alarmLimitsOf: (address) => alarmLimits(address),
    isNamed: (address) => named.has(address),
  };
  const reception = await openReception(setup, operator, writer, sender, services);
  const { messages } = reception;
  let settings: ListenerSettings = setup;
  let opened = openStages(setup.stages, messages.knowledge);
  stages = opened;
  messages.knowledge.restore(setup.templates?.knowledge, clock.nowMs());
  messages.ledger.restore(setup.templates?.exporterMemory, source.name, clock.nowMs());
  const startedAtMs = clock.nowMs();
  const watch = createSourceWatch({ type: source.type, ...services, ...reception });

  function status(): ListenerStatus {
    messages.ledger.look(clock.nowMs());
    const exporters = messages.ledger.exporters();
    return {
      source: source.name,
      address: source.monitoringAddress,
      port: reception.localPort,
      transport: source.transport,
      receiver: reception.kind,
      receiveBufferOctets: reception.receiveBufferOctets,
      startedAtMs,
      counters: reception.counters(),
      refusedVersions: reception.refusedVersions(),
      decoder: messages.decoder.counters(),
      writer: { ...writer.counters },
      stages: opened.counters(),
      unattributedProblems: messages.ledger.unattributedProblems(),
      exporters,
      exporterCount: messages.ledger.exporterCount(),
      stream: reception.stream(),
      files: reception.files?.(),
      relay: messages.relay?.status(),
      alarms: watch.alarms(),
    };
  }

  const templatesNow = () => messages.snapshot();
  const metrics = createListenerMetrics(status);

  return {
    status,
    metrics: () => metrics.snapshot(),
    options: () => messages.exporterOptions(),
    exporters() {
      messages.ledger.look(clock.nowMs());
      return reportExporters(messages);
    },
    deliveries: () => messages.deliveries.drain(),
    templates: templatesNow,
    adopt: (tables) => opened.adopt(tables),
    adapt(next) {
      const before = settings;
      settings = next;
      alarmLimits = createAlarmLimits(next.source, next.exporters);
      named = addressesOf(next.exporters);
      if (!isDeepStrictEqual(before.source.forwarding, next.source.forwarding)) messages.forward(next.source);
      if (isSameButTables(before.stages, next.stages)) {
        opened.adopt(next.stages.tables);
        return;
      }
      opened.stop();
      opened = openStages(next.stages, messages.knowledge);
      stages = opened;
    },
    async stop() {
      watch.stop();
      await reception.finish();
      await messages.relay?.finish();
      writer.flush();
      await Promise.race([sender.drained(), delay(STORE_DRAIN_MS_MAX)]);
      const deliveries = messages.deliveries.drain();
      const last = { status: status(), templates: templatesNow(), deliveries };
      opened.stop();
      sender.close();
      await reception.close();
      return last;
    },
  };
}

function isSameButTables({ tables: _before, ...one }: StageSetup, { tables: _after, ...other }: StageSetup) {
  return isDeepStrictEqual(one, other);
}

function addressesOf(exporters: readonly ExporterSettings[]): ReadonlySet<string> {
  return new Set(exporters.map(({ address }) => address));
}

/** What the operator says now of an exporter. */
interface OperatorWord {
  alarmLimitsOf(address: string): AlarmLimits;
  isNamed(address: string): boolean;
}

function openReception(
  setup: ListenerSetup,
  { alarmLimitsOf, isNamed }: OperatorWord,
  writer: BatchWriter,
  sender: BufferSender<FlowBatchNote>,
  services: Services,
): Promise<Reception> {
  const { source, templates, receiver: kind } = setup;
  if (source.sourceFilePath !== undefined) {
    async function settle(): Promise<void> {
      writer.flush();
      await sender.drained();
      await flushed(setup.flushPort);
    }
    return openFileReception({ ...fileParts(setup, services), alarmLimitsOf, templates, writer, settle });
  }
  return source.transport === 'udp'
    ? openDatagramReception({ source, alarmLimitsOf, isNamed, kind, templates, writer, ...services })
    : openStreamReception({ source, alarmLimitsOf, writer, ...services });
}

/** What reading files needs; throws UserError where this listener has it not. */
function fileParts({ source, dataDirectory }: ListenerSetup, services: Services) {
  const { readExportPackets, clock, logger } = services;
  const { sourceFilePath } = source;
  if (readExportPackets === undefined || dataDirectory === undefined || sourceFilePath === undefined) {
    throw new UserError('source_file_unsupported', 'sourceFilePath: this device reads no files');
  }
  return { source, sourceFilePath, dataDirectory, readExportPackets, clock, logger };
}

/** Resolves when the store says that it holds everything on disk. */
function flushed(port: MessagePort | undefined): Promise<void> {
  if (port === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    port.once('message', (problem: string | undefined) => {
      if (problem === undefined) resolve();
      else reject(new Error(problem));
    });
    port.postMessage('flush');
  });
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs).unref());
}
