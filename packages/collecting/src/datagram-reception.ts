/**
 * Receives over UDP. A turn: take what arrived (waiting up to RECEIVE_WAIT_MS), decode it into the batch, send
 * the batch when it is full or old, answer questions. While the store has no buffer free the socket is not
 * read: the kernel's buffer takes the burst, and what it drops it counts.
 */
import type { Clock, Logger } from '@weir/base';
import { createSenderFilter } from '@weir/host';
import type { BatchWriter } from './batch-writer.ts';
import { createDatagramIntake } from './datagram-intake.ts';
import type { AlarmLimits } from './exporter-health.ts';
import type { FlowSource } from './flow-source.ts';
import { openPolledReceiver, type ReceiverKind } from './polled-receiver.ts';
import type { Reception } from './reception.ts';
import { formatSocketAddress } from './socket-address.ts';
import { moveTemplates, type TemplateRecords } from './template-file.ts';

/** How long a turn waits for a datagram: a batch's age is looked at and questions are answered so often. */
const RECEIVE_WAIT_MS = 50;
/** At the end, the socket is read until it is empty, but not longer: exporters do not stop sending for us. */
const DRAIN_MS_MAX = 2000;
/**
 * Fill of the kernel's buffer from which on records go to the store without what takes time, and below which they get
 * it again: earlier than datagrams are left out for want of time (overload-gate.ts), and long before the kernel drops.
 */
const HURRIED_FROM = 1 / 16;
const HURRIED_UNTIL = 1 / 64;

export interface DatagramReceptionOptions {
  source: FlowSource;
  alarmLimitsOf: (address: string) => AlarmLimits;
  /** Whether the operator named an exporter. */
  isNamed?: (address: string) => boolean;
  /** How to receive; undefined for the fastest way that the platform has. */
  kind: ReceiverKind | undefined;
  /** What was known when the last listener of this source stopped. */
  templates: TemplateRecords | undefined;
  writer: BatchWriter;
  clock: Clock;
  logger: Logger;
}

/** Opens the socket and begins to receive. Rejects with the UserError of `host` when it cannot be opened. */
export async function openDatagramReception(options: DatagramReceptionOptions): Promise<Reception> {
  const { source, alarmLimitsOf, isNamed, templates, writer, clock, logger } = options;
  const { monitoringAddress: address, monitoringPort: port, monitoringInterface } = source;
  const intake = createDatagramIntake({
    source,
    alarmLimitsOf,
    ...(isNamed === undefined ? {} : { isNamed }),
    localSocket: () => formatSocketAddress({ address, port: receiver.localPort }),
    addressOf: (senderKey) => receiver.senderAddress(senderKey),
    writer,
    clock,
    logger,
  });
  const onInterface = monitoringInterface === 'any' ? {} : { interfaceName: monitoringInterface };
  const senders = source.allow === undefined ? undefined : createSenderFilter(source.allow);
  const receiver = await openPolledReceiver(
    { address, port, senders, ...onInterface },
    intake.datagram,
    options.kind,
  );
  if (templates !== undefined) restoreTemplates(templates);
  let stopping = false;
  const running = run();

  function restoreTemplates(saved: TemplateRecords): void {
    const localSocket = formatSocketAddress({ address, port: receiver.localPort });
    const restored = intake.messages.decoder.restore(moveTemplates(saved, localSocket, source.name));
    logger.info({ ...restored }, 'templates of an earlier run are known again');
  }

  async function run(): Promise<void> {
    while (!stopping) {
      writer.wait();
      const fill = receiver.bufferFill();
      writer.hurried = fill >= (writer.hurried ? HURRIED_UNTIL : HURRIED_FROM);
      intake.gate.look(fill);
      await receiver.receive(RECEIVE_WAIT_MS);
      intake.messages.tick();
    }
  }

  return {
    localPort: receiver.localPort,
    kind: receiver.kind,
    receiveBufferOctets: receiver.receiveBufferOctets,
    messages: intake.messages,
    counters() {
      const { datagrams, octets, truncated, strangers, kernelDrops } = receiver.statistics();
      const refused = intake.refusedVersions().reduce((sum, version) => sum + version.datagrams, 0);
      const [nameless, rateLimited] = [intake.nameless(), intake.rateLimited()];
      const { unheard } = intake.gate;
      return {
        datagrams,
        octets,
        truncated,
        kernelDrops,
        refused,
        nameless,
        strangers,
        rateLimited,
        unheard,
      };
    },
    refusedVersions: () => intake.refusedVersions(),
    stream: () => undefined,
    async finish() {
      stopping = true;
      await running;
      const untilMs = clock.monotonicMs() + DRAIN_MS_MAX;
      while (clock.monotonicMs() < untilMs) {
        writer.wait();
        if ((await receiver.receive(0)) === 0) return;
      }
    },
    close: () => receiver.close(),
  };
}
