/** Metrics of what only some sources do: relaying, and reading files. The others have no samples. */
import type { MetricsRegistry } from '@weir/base';
import type { FileSourceStatus } from './file-source-status.ts';
import type { ListenerStatus } from './listener-status.ts';
import type { RelayDestinationStatus, RelayStatus } from './relay-status.ts';
import { formatSocketAddress } from './socket-address.ts';

type NumberOf<T> = (from: T) => number;
type Table<T> = readonly (readonly [string, string, NumberOf<T>])[];

const RELAY_COUNTERS: Table<RelayStatus> = [
  ['datagrams_total', 'Datagrams handed over to be sent to the destinations.', ({ datagrams }) => datagrams],
  ['dropped_total', 'Datagrams not relayed because sending was behind.', ({ dropped }) => dropped],
  ['oversized_total', 'Messages of a stream that no datagram can hold.', ({ oversized }) => oversized],
  [
    'template_messages_total',
    'Messages with known templates that were sent before a datagram.',
    ({ templateMessages }) => templateMessages,
  ],
];

const DESTINATION_COUNTERS: Table<RelayDestinationStatus> = [
  ['sent_total', 'Datagrams that the kernel took for this destination.', ({ sent }) => sent],
  ['sent_octets_total', 'Octets of payload that the kernel took.', ({ sentOctets }) => sentOctets],
  ['sampled_out_total', 'Datagrams left out because only some are wanted.', ({ sampledOut }) => sampledOut],
  ['refused_total', 'Datagrams given up because the kernel took them too slowly.', ({ refused }) => refused],
  ['failed_total', 'Datagrams not sent, or answered with an error.', ({ failed }) => failed],
];

const FILE_COUNTERS: Table<FileSourceStatus> = [
  ['taken_total', 'Files read to the end.', ({ taken }) => taken],
  ['failed_total', 'Files of which not all, or nothing, could be taken.', ({ failed }) => failed],
];

const FILE_GAUGES: Table<FileSourceStatus> = [
  ['waiting', 'Files at rest that are not taken yet.', ({ waiting }) => waiting],
  ['unfinished', 'Files that are still being written.', ({ unfinished }) => unfinished],
];

/** Where metrics are declared. */
export type MetricDeclarations = Pick<MetricsRegistry, 'counter' | 'gauge'>;

/** Adds them to the metrics of a listener. */
export function addSourceMetrics(registry: MetricDeclarations, status: () => ListenerStatus): void {
  const labelNames = ['source'];

  function sampleOf<T>(find: (status: ListenerStatus) => T | undefined, read: NumberOf<T>) {
    const now = status();
    const found = find(now);
    return found === undefined ? [] : [{ labels: { source: now.source }, value: read(found) }];
  }

  for (const [name, help, read] of RELAY_COUNTERS) {
    registry.counter({ name: `weir_collector_relay_${name}`, help, labelNames }, () =>
      sampleOf(({ relay }) => relay, read),
    );
  }
  for (const [name, help, read] of FILE_COUNTERS) {
    registry.counter({ name: `weir_collector_files_${name}`, help, labelNames }, () =>
      sampleOf(({ files }) => files, read),
    );
  }
  for (const [name, help, read] of FILE_GAUGES) {
    registry.gauge({ name: `weir_collector_files_${name}`, help, labelNames }, () =>
      sampleOf(({ files }) => files, read),
    );
  }
  addDestinationMetrics(registry, status);
}

function addDestinationMetrics(registry: MetricDeclarations, status: () => ListenerStatus): void {
  const labelNames = ['source', 'destination'];
  for (const [name, help, read] of DESTINATION_COUNTERS) {
    registry.counter({ name: `weir_collector_relay_destination_${name}`, help, labelNames }, () => {
      const { source, relay } = status();
      return (relay?.destinations ?? []).map((destination) => ({
        labels: { source, destination: formatSocketAddress(destination) },
        value: read(destination),
      }));
    });
  }
}
