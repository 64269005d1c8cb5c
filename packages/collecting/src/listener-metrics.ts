import { createMetricsRegistry, type MetricsRegistry } from '@weir/base';
import type { ExporterStatus, ListenerStatus } from './listener-status.ts';
import type { StreamStatus } from './stream-status.ts';

/** Exporters with metrics of their own, those with the most records first: a scrape must stay readable. */
const EXPORTERS_IN_METRICS_MAX = 1000;

type NumberOf<T> = (from: T) => number;

const LISTENER_COUNTERS: readonly (readonly [string, string, NumberOf<ListenerStatus>])[] = [
  ['datagrams_total', 'Datagrams taken from the socket.', ({ counters }) => counters.datagrams],
  ['octets_total', 'Octets of UDP payload taken from the socket.', ({ counters }) => counters.octets],
  ['kernel_drops_total', 'Datagrams that the kernel dropped, its buffer being full.', kernelDrops],
  ['messages_total', 'Messages decoded.', ({ decoder }) => decoder.messages],
  ['records_total', 'Flow records handed to the store.', ({ writer }) => writer.records],
  ['batches_total', 'Batches handed to the store.', ({ writer }) => writer.batches],
  [
    'records_dropped_total',
    'Flow records given up because the store took nothing.',
    ({ writer }) => writer.recordsDropped,
  ],
  ['store_waits_total', 'Times that the store had no buffer free.', ({ writer }) => writer.waits],
  ['store_wait_seconds_total', 'Time spent waiting for the store.', ({ writer }) => writer.waitedMs / 1000],
  [
    'datagrams_unreadable_total',
    'Datagrams without a readable message.',
    ({ decoder }) => decoder.datagramsUnreadable,
  ],
  ['sets_pending_total', 'Data Sets kept until their template comes.', ({ decoder }) => decoder.pendingKept],
  [
    'sets_replayed_total',
    'Data Sets decoded after their template came.',
    ({ decoder }) => decoder.pendingReplayed,
  ],
  [
    'sets_expired_total',
    'Data Sets given up because their template did not come.',
    ({ decoder }) => decoder.pendingExpired + decoder.pendingDropped,
  ],
  [
    'exporters_evicted_total',
    'Exporters forgotten to make room for others.',
    ({ decoder }) => decoder.exportersEvicted,
  ],
];

const STREAM_COUNTERS: readonly (readonly [string, string, NumberOf<StreamStatus>])[] = [
  ['connections_accepted_total', 'Connections accepted.', ({ counters }) => counters.accepted],
  [
    'connections_refused_total',
    'Connections turned away because there were too many.',
    ({ counters }) => counters.refusedFull + counters.refusedAddress,
  ],
  ['read_pauses_total', 'Times that reading stopped for the store.', ({ counters }) => counters.pauses],
  [
    'read_pause_seconds_total',
    'Time in which nothing was read because the store was behind.',
    ({ counters }) => counters.pausedMs / 1000,
  ],
  [
    'certificate_reloads_total',
    'Times that changed certificate files were taken over.',
    ({ counters }) => counters.certificateReloads,
  ],
  [
    'certificate_reload_failures_total',
    'Times that changed certificate files could not be used.',
    ({ counters }) => counters.certificateReloadFailures,
  ],
];

const EXPORTER_COUNTERS: readonly (readonly [string, string, NumberOf<ExporterStatus>])[] = [
  ['messages_total', 'Messages of this exporter and domain.', ({ messages }) => messages],
  ['records_total', 'Flow records of this exporter and domain.', ({ records }) => records],
  [
    'options_records_total',
    'Options records of this exporter and domain.',
    ({ optionsRecords }) => optionsRecords,
  ],
  ['templates_total', 'Template Records of this exporter, repetitions included.', templateRecords],
  ['units_lost_total', 'Records (v9: datagrams) missing by sequence number.', ({ unitsLost }) => unitsLost],
  ['duplicates_total', 'Messages that arrived twice.', ({ duplicates }) => duplicates],
  ['reordered_total', 'Messages that arrived after a later one.', ({ reordered }) => reordered],
  ['restarts_total', 'Times that the exporter began to count anew.', ({ restarts }) => restarts],
  [
    'undecoded_sets_total',
    'Data Sets that came before their template.',
    ({ undecodedSets }) => undecodedSets,
  ],
  ['problems_total', 'Malformed units in what this exporter sent.', ({ problems }) => problems],
];

/** The metrics of one listener, read from its status when somebody asks. */
export function createListenerMetrics(status: () => ListenerStatus): MetricsRegistry {
  const registry = createMetricsRegistry();
  const sourceOnly = { labelNames: ['source'] } as const;
  for (const [name, help, read] of LISTENER_COUNTERS) {
    registry.counter({ name: `weir_collector_${name}`, help, ...sourceOnly }, () => {
      const now = status();
      return [{ labels: { source: now.source }, value: read(now) }];
    });
  }
  registry.counter(
    {
      name: 'weir_collector_datagrams_refused_total',
      help: 'Datagrams whose version the type of the source does not accept.',
      labelNames: ['source', 'version'],
    },
    () => {
      const { source, refusedVersions } = status();
      return refusedVersions.map(({ version, datagrams }) => ({
        labels: { source, version: String(version) },
        value: datagrams,
      }));
    },
  );
  registry.gauge(
    {
      name: 'weir_collector_receive_buffer_bytes',
      help: 'Octets of the socket buffer as obtained.',
      ...sourceOnly,
    },
    () => {
      const { source, receiveBufferOctets } = status();
      return [{ labels: { source }, value: receiveBufferOctets }];
    },
  );
  addStreamMetrics(registry, status);
  addExporterMetrics(registry, () => status().exporters.slice(0, EXPORTERS_IN_METRICS_MAX));
  return registry;
}

/** Only of listeners over TCP and TLS: the others have no samples. */
function addStreamMetrics(registry: MetricsRegistry, status: () => ListenerStatus): void {
  const labelNames = ['source'];
  function sample(read: NumberOf<StreamStatus>) {
    const { source, stream } = status();
    return stream === undefined ? [] : [{ labels: { source }, value: read(stream) }];
  }
  registry.gauge(
    { name: 'weir_collector_connections', help: 'Connections of exporters that are open.', labelNames },
    () => sample(({ connections }) => connections.length),
  );
  for (const [name, help, read] of STREAM_COUNTERS) {
    registry.counter({ name: `weir_collector_${name}`, help, labelNames }, () => sample(read));
  }
  registry.counter(
    {
      name: 'weir_collector_connections_closed_total',
      help: 'Connections that are no more, by reason.',
      labelNames: ['source', 'reason'],
    },
    () => {
      const { source, stream } = status();
      const closed = Object.entries(stream?.counters.closed ?? {});
      return closed.map(([reason, value]) => ({ labels: { source, reason }, value }));
    },
  );
}

function addExporterMetrics(registry: MetricsRegistry, exporters: () => readonly ExporterStatus[]): void {
  const labelNames = ['source', 'exporter', 'domain', 'version'];
  for (const [name, help, read] of EXPORTER_COUNTERS) {
    registry.counter({ name: `weir_collector_exporter_${name}`, help, labelNames }, () =>
      exporters().map((exporter) => ({ labels: labelsOf(exporter), value: read(exporter) })),
    );
  }
  registry.gauge(
    {
      name: 'weir_collector_exporter_last_seen_timestamp_seconds',
      help: 'When this exporter was last heard of.',
      labelNames,
    },
    () => exporters().map((exporter) => ({ labels: labelsOf(exporter), value: exporter.lastSeenMs / 1000 })),
  );
}

function labelsOf({ source, address, observationDomainId, version }: ExporterStatus) {
  return { source, exporter: address, domain: String(observationDomainId), version: String(version) };
}

function kernelDrops({ counters }: ListenerStatus): number {
  return counters.kernelDrops ?? 0;
}

function templateRecords(exporter: ExporterStatus): number {
  return exporter.templateRecords;
}
