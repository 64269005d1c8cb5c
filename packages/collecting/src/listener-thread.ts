/**
 * What a listener's worker does, from the socket to the store. In a file of its own so that the worker's entry
 * only connects it to its thread's port.
 *
 * A turn: take what arrived (waiting up to RECEIVE_WAIT_MS), decode it into the batch, send the batch when it
 * is full or old, answer questions. While the store has no buffer free the socket is not read: the kernel's
 * buffer takes the burst, and what it drops it counts.
 */
import { type Clock, createBufferSender, type Logger, type MetricsSnapshot } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { createBatchWriter } from './batch-writer.ts';
import { createDatagramIntake } from './datagram-intake.ts';
import type { ExporterOptions } from './exporter-options.ts';
import { createListenerMetrics } from './listener-metrics.ts';
import type { ListenerAnswers, ListenerSetup } from './listener-protocol.ts';
import { EXPORTERS_IN_STATUS_MAX, type ListenerStatus } from './listener-status.ts';
import { openPolledReceiver } from './polled-receiver.ts';
import { formatSocketAddress } from './socket-address.ts';
import type { TemplateRecords } from './template-file.ts';

/**
 * Buffers between this thread and the store: one being filled, the others on their way. 8 × 8,192 rows are an
 * eighth of a second at 500,000 records/s; more only hide a store that is too slow.
 */
const BUFFERS = 8;
/** How long a turn waits for a datagram: a batch's age is looked at and questions are answered so often. */
const RECEIVE_WAIT_MS = 50;
/** At the end, the socket is read until it is empty, but not longer: exporters do not stop sending for us. */
const DRAIN_MS_MAX = 2000;
/** How long the store may take to hand back the last buffers. */
const STORE_DRAIN_MS_MAX = 10_000;

export interface ListenerThread {
  status(): ListenerStatus;
  metrics(): Promise<MetricsSnapshot>;
  options(): ExporterOptions[];
  templates(): TemplateRecords;
  /** Reads the socket empty, closes it, and resolves with the last word when the store has everything. */
  stop(): Promise<ListenerAnswers['stop']>;
}

/** Opens the socket and begins to receive. Rejects with the UserError of `host` when it cannot be opened. */
export async function openListenerThread(
  { source, storePort, templates, receiver: kind }: ListenerSetup,
  { clock, logger }: { clock: Clock; logger: Logger },
): Promise<ListenerThread> {
  const sender = createBufferSender<FlowBatchNote>(
    storePort,
    BUFFERS,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  const writer = createBatchWriter({ sender, capacity: FLOW_BATCH_ROWS_DEFAULT, clock });
  const { monitoringAddress: address, monitoringPort, monitoringInterface } = source;
  const intake = createDatagramIntake({
    source,
    localSocket: () => formatSocketAddress({ address, port: receiver.localPort }),
    addressOf: (senderKey) => receiver.senderAddress(senderKey),
    writer,
    clock,
    logger,
  });
  const receiver = await openPolledReceiver(
    {
      address,
      port: monitoringPort,
      ...(monitoringInterface === 'any' ? {} : { interfaceName: monitoringInterface }),
    },
    intake.datagram,
    kind,
  );
  const startedAtMs = clock.nowMs();
  if (templates !== undefined) restoreTemplates(templates);
  let stopping = false;

  function restoreTemplates(saved: TemplateRecords): void {
    const localSocket = formatSocketAddress({ address, port: receiver.localPort });
    const restored = intake.decoder.restore(moveSnapshot(saved, localSocket));
    logger.info({ ...restored }, 'templates of an earlier run are known again');
  }

  async function run(): Promise<void> {
    while (!stopping) {
      writer.wait();
      await receiver.receive(RECEIVE_WAIT_MS);
      intake.tick();
    }
  }

  async function drainSocket(): Promise<void> {
    const untilMs = clock.monotonicMs() + DRAIN_MS_MAX;
    while (clock.monotonicMs() < untilMs) {
      writer.wait();
      if ((await receiver.receive(0)) === 0) return;
    }
  }

  function status(): ListenerStatus {
    const { datagrams, octets, truncated, kernelDrops } = receiver.statistics();
    const refusedVersions = intake.refusedVersions();
    const refused = refusedVersions.reduce((sum, version) => sum + version.datagrams, 0);
    intake.ledger.look(clock.nowMs());
    const exporters = intake.ledger.exporters();
    return {
      source: source.name,
      address,
      port: receiver.localPort,
      receiver: receiver.kind,
      receiveBufferOctets: receiver.receiveBufferOctets,
      startedAtMs,
      counters: { datagrams, octets, truncated, kernelDrops, refused, nameless: intake.nameless() },
      refusedVersions,
      decoder: intake.decoder.counters(),
      writer: { ...writer.counters },
      unattributedProblems: intake.ledger.unattributedProblems(),
      exporters: exporters.slice(0, EXPORTERS_IN_STATUS_MAX),
      exporterCount: exporters.length,
    };
  }

  const templatesNow = () => intake.decoder.snapshot();
  const running = run();
  const metrics = createListenerMetrics(status);

  return {
    status,
    metrics: () => metrics.snapshot(),
    options: () => intake.exporterOptions(),
    templates: templatesNow,
    async stop() {
      stopping = true;
      await running;
      await drainSocket();
      writer.flush();
      await Promise.race([sender.drained(), delay(STORE_DRAIN_MS_MAX)]);
      const last = { status: status(), templates: templatesNow() };
      sender.close();
      await receiver.close();
      return last;
    },
  };
}

/**
 * The snapshot as one of the socket `localSocket`: templates belong to a flow source, which has one socket, and
 * stay good when that moves to another port. What is no snapshot is given on for the decoder to refuse.
 */
function moveSnapshot(snapshot: TemplateRecords, localSocket: string): unknown {
  if (!Array.isArray(snapshot?.exporters)) return snapshot;
  return { ...snapshot, exporters: snapshot.exporters.map((exporter) => ({ ...exporter, localSocket })) };
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs).unref());
}
