/** The metrics of the exporter's device: one row a metric, read from its status when somebody asks. */
import { createMetricsRegistry, type MetricsRegistry, type ReadMetric } from '@weir/base';
import type { CollectorState, ExporterCounters } from '@weir/exporting';
import type { PeerSourceState } from '@weir/host';
import type { DropCounters, InterfaceStatus, LiveMeterStatus } from '@weir/metering';
import type { ExporterDeviceStatus } from './exporter-status.ts';

interface ExporterMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly read: (status: ExporterDeviceStatus) => ReturnType<ReadMetric>;
}

type Count<Source> = { [Name in keyof Source]-?: Source[Name] extends number ? Name : never }[keyof Source];

function ofMeter(
  name: string,
  count: Count<LiveMeterStatus['meter']>,
  help: string,
  kind: ExporterMetric['kind'] = 'counter',
): ExporterMetric {
  return { name: `weir_meter_${name}`, kind, help, read: ({ meter }) => meter?.[count] ?? 0 };
}

function ofOutlet(name: string, count: Count<LiveMeterStatus['outlet']>, help: string): ExporterMetric {
  return {
    name: `weir_meter_${name}`,
    kind: 'counter',
    help,
    read: ({ outlet }) => outlet?.[count] ?? 0,
  };
}

function ofInterface(name: string, count: Count<InterfaceStatus>, help: string): ExporterMetric {
  return {
    name: `weir_interface_${name}`,
    kind: 'counter',
    help,
    labelNames: ['interface'],
    read: ({ interfaces }) =>
      interfaces.map((status) => ({ labels: { interface: status.name }, value: status[count] })),
  };
}

function ofExporter(name: string, count: Count<ExporterCounters>, help: string): ExporterMetric {
  return {
    name: `weir_exporter_${name}`,
    kind: 'counter',
    help,
    read: ({ exporter }) => exporter?.[count] ?? 0,
  };
}

function ofDrops(
  name: string,
  count: Count<DropCounters>,
  help: string,
  kind: ExporterMetric['kind'] = 'counter',
): ExporterMetric {
  return { name: `weir_drops_${name}`, kind, help, read: ({ drops }) => drops?.ledger[count] ?? 0 };
}

function ofCollector(
  name: string,
  help: string,
  read: (state: CollectorState) => number,
  kind: ExporterMetric['kind'] = 'counter',
): ExporterMetric {
  return {
    name: `weir_exporter_collector_${name}`,
    kind,
    help,
    labelNames: ['collector'],
    read: ({ collectors }) =>
      collectors.map((state) => ({ labels: { collector: state.name }, value: read(state) })),
  };
}

function countOfCollector(
  name: string,
  count: Count<CollectorState['counters']>,
  help: string,
): ExporterMetric {
  return ofCollector(name, help, ({ counters }) => counters[count]);
}

function ofPeerSource(name: string, help: string, read: (state: PeerSourceState) => number): ExporterMetric {
  return {
    name: `weir_exporter_${name}`,
    kind: 'gauge',
    help,
    labelNames: ['source'],
    read: ({ peerSources }) =>
      peerSources.map((state) => ({ labels: { source: state.name }, value: read(state) })),
  };
}

/** Counts of the meter and the exporter begin again where a change of the profile replaced them. */
export const EXPORTER_METRICS: readonly ExporterMetric[] = [
  {
    name: 'weir_exporter_enabled',
    kind: 'gauge',
    help: '1 while it meters or waits for an interface, 0 while the profile disables it.',
    read: ({ state }) => (state === 'metering' || state === 'waiting' ? 1 : 0),
  },
  {
    name: 'weir_exporter_profile_refused',
    kind: 'gauge',
    help: '1 while the profile in the file is not in force because something is wrong with it.',
    read: ({ profileProblem }) => (profileProblem === undefined ? 0 : 1),
  },
  {
    name: 'weir_exporter_uptime_seconds',
    kind: 'gauge',
    help: 'Seconds since the start of the process.',
    read: ({ uptimeMs }) => uptimeMs / 1000,
  },
  ofInterface('packets_total', 'packets', 'Packets taken from the ring of the interface.'),
  ofInterface('kernel_drops_total', 'kernelDrops', 'Packets that the kernel dropped: the ring was full.'),
  ofMeter('packets_total', 'packets', 'Packets of the IP layer that were metered.'),
  ofMeter('octets_total', 'octets', 'Octets of the IP layer that were metered.'),
  ofMeter('flows', 'flowsHeld', 'Flows in the cache.', 'gauge'),
  ofMeter('cache_octets', 'cacheOctets', 'Memory that the flow cache has touched.', 'gauge'),
  ofMeter('flows_started_total', 'flowsStarted', 'Flows that began.'),
  ofMeter('records_total', 'records', 'Flow records written.'),
  ofMeter('records_active_total', 'recordsActive', 'Interim records of flows that went on.'),
  ofMeter(
    'records_lack_of_resources_total',
    'recordsLackOfResources',
    'Records of flows that had to go because the cache was full.',
  ),
  ofMeter('records_excluded_total', 'recordsExcluded', 'Records of our own export traffic, left out.'),
  ofMeter('frames_not_ip_total', 'notIp', 'Frames that hold no IP packet.'),
  ofMeter('frames_malformed_total', 'malformed', 'Frames that are not laid out as they should be.'),
  ofMeter('frames_truncated_total', 'truncated', 'Frames too short to be metered.'),
  ofOutlet('records_lost_total', 'recordsLost', 'Records given up because the exporter held every buffer.'),
  ofOutlet('packets_lost_total', 'packetsLost', 'Packets that those records counted.'),
  ofExporter('records_taken_total', 'recordsTaken', 'Flow records that the exporter took.'),
  ofExporter('records_packed_total', 'recordsPacked', 'Flow records packed into messages.'),
  ofExporter('messages_packed_total', 'messagesPacked', 'Messages packed, each for every collector.'),
  ofExporter('records_too_long_total', 'recordsTooLong', 'Records packed without their extra fields.'),
  ofDrops('frames_total', 'frames', 'Frames that policy dropped, as the drop sources tell.'),
  ofDrops('frames_lost_total', 'framesLost', 'Of those, frames that are known by number only.'),
  ofDrops(
    'frames_overflow_total',
    'framesOverflow',
    'Of those, frames counted in aggregates: the slab was full.',
  ),
  ofDrops('records_total', 'records', 'Drop records written.'),
  ofDrops('flows', 'flowsHeld', 'Dropped flows held.', 'gauge'),
  ofCollector(
    'connected',
    '1 while messages go to the collector; over UDP, while the socket is open.',
    ({ state }) => (state === 'connected' ? 1 : 0),
    'gauge',
  ),
  ofCollector('queued_messages', 'Messages that wait.', ({ queuedMessages }) => queuedMessages, 'gauge'),
  ofCollector('queued_octets', 'Octets of them.', ({ queuedOctets }) => queuedOctets, 'gauge'),
  ofCollector('spool_octets', 'Octets that wait on disk.', ({ spoolOctets }) => spoolOctets, 'gauge'),
  countOfCollector('connections_opened_total', 'connectionsOpened', 'Transport sessions that were opened.'),
  countOfCollector('connections_broken_total', 'connectionsBroken', 'Transport sessions that broke.'),
  countOfCollector('messages_spooled_total', 'messagesSpooled', 'Messages that went to the spool.'),
  countOfCollector('messages_replayed_total', 'messagesReplayed', 'Messages sent from the spool.'),
  countOfCollector('messages_sent_total', 'messagesSent', 'Messages sent to the collector.'),
  countOfCollector('flows_sent_total', 'flowsSent', 'Flow records sent to the collector.'),
  countOfCollector('octets_sent_total', 'octetsSent', 'Octets of messages sent to the collector.'),
  countOfCollector('messages_not_sent_total', 'messagesNotSent', 'Messages that could not be sent.'),
  countOfCollector('flows_not_sent_total', 'flowsNotSent', 'Flow records that could not be sent.'),
  countOfCollector('packets_not_sent_total', 'packetsNotSent', 'Packets that those records counted.'),
  countOfCollector('octets_not_sent_total', 'octetsNotSent', 'Octets that those records counted.'),
  countOfCollector('refused_total', 'refused', 'Reports that nothing listens at the collector.'),
  countOfCollector('send_errors_total', 'sendErrors', 'Sends that failed for another reason.'),
  ofPeerSource('peers', 'Peers that the source told of when it last answered.', ({ peers }) => peers),
  ofPeerSource('peer_source_failed', '1 while the source of peers cannot be asked.', ({ problem }) =>
    problem === undefined ? 0 : 1,
  ),
];

/** A registry of EXPORTER_METRICS over `status`. */
export function createExporterMetrics(status: () => ExporterDeviceStatus): MetricsRegistry {
  const registry = createMetricsRegistry();
  for (const { name, kind, help, labelNames = [], read } of EXPORTER_METRICS) {
    registry[kind]({ name, help, labelNames }, () => read(status()));
  }
  return registry;
}
