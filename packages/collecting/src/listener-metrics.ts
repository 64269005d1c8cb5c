import { createMetricsRegistry, type MetricsRegistry } from '@weir/base';
import { EXPORTER_ALARM_CODES, SOURCE_ALARM_CODES } from './exporter-alarm.ts';
import type { ExporterStatus, ListenerStatus } from './listener-status.ts';
import { addSourceMetrics, type MetricDeclarations } from './source-metrics.ts';
import type { StreamStatus } from './stream-status.ts';

/** Exporters with metrics of their own, those with the most records first: a scrape must stay readable. */
const EXPORTERS_IN_METRICS_MAX = 1000;

type NumberOf<T> = (from: T) => number;

const LISTENER_COUNTERS: readonly (readonly [string, string, NumberOf<ListenerStatus>])[] = [
  ['datagrams_total', 'Datagrams taken from the socket.', ({ counters }) => counters.datagrams],
  ['octets_total', 'Octets of UDP payload taken from the socket.', ({ counters }) => counters.octets],
  ['kernel_drops_total', 'Datagrams that the kernel dropped, its buffer being full.', kernelDrops],
  [
    'strangers_total',
    'Datagrams (over TCP and TLS connections) from outside the networks that are allowed.',
    ({ counters }) => counters.strangers,
  ],
  [
    'rate_limited_total',
    'Datagrams that were beyond the rate limit of their exporter.',
    ({ counters }) => counters.rateLimited,
  ],
  [
    'unheard_total',
    'Datagrams of senders that are not established, left out because more arrived than can be decoded.',
    ({ counters }) => counters.unheard,
  ],
  ['messages_total', 'Messages decoded.', ({ decoder }) => decoder.messages],
  ['records_total', 'Flow records handed to the store.', ({ writer }) => writer.records],
  ['batches_total', 'Batches handed to the store.', ({ writer }) => writer.batches],
  [
    'records_dropped_total',
    'Flow records given up because the store took nothing.',
    ({ writer }) => writer.recordsDropped,
  ],
  [
    'records_hurried_total',
    'Flow records stored without sessions and origins, because more arrived than could be taken.',
    ({ writer }) => writer.recordsHurried,
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
  [
    'sessions_total',
    'Sessions that records were marked with.',
    ({ stages }) => stages.sessions?.sessions ?? 0,
  ],
  [
    'sessions_paired_total',
    'Sessions of which both directions were seen.',
    ({ stages }) => stages.sessions?.paired ?? 0,
  ],
  [
    'sessions_evicted_total',
    'Sessions given up because their table was full.',
    ({ stages }) => stages.sessions?.evicted ?? 0,
  ],
  [
    'duplicate_records_total',
    'Flow records marked as duplicates.',
    ({ stages }) => stages.sessions?.duplicates ?? 0,
  ],
  [
    'host_names_learned_total',
    'Names of hosts learned from records.',
    ({ stages }) => stages.hostNames.learned,
  ],
  [
    'labels_refused_total',
    'Names left out because there were too many.',
    ({ stages }) => stages.labels.refused + stages.labels.batchFull,
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

/** Samples only of exporters of which it is known. */
const EXPORTER_GAUGES: readonly (readonly [string, string, (from: ExporterStatus) => number | undefined])[] =
  [
    [
      'last_seen_timestamp_seconds',
      'When this exporter was last heard of.',
      ({ lastSeenMs }) => lastSeenMs / 1000,
    ],
    [
      'clock_skew_seconds',
      'How far the clock of this exporter is ahead.',
      ({ clockSkewMs }) => clockSkewMs && clockSkewMs / 1000,
    ],
    [
      'loss_ratio',
      'Part of what this exporter sent in the last 5 minutes that is missing by sequence number.',
      ({ loss }) => loss,
    ],
    [
      'records_per_second',
      'Flow records of the last minute, as a mean.',
      ({ recordsPerSecond }) => recordsPerSecond,
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
  ['octets_total', 'Octets of the messages of this exporter and domain.', ({ octets }) => octets],
  [
    'template_changes_total',
    'Template IDs that were announced with another content.',
    ({ templateConflicts }) => templateConflicts,
  ],
  ['templates_refused_total', 'Templates that were not kept.', ({ templatesRefused }) => templatesRefused],
  [
    'undecoded_sets_total',
    'Data Sets that came before their template.',
    ({ undecodedSets }) => undecodedSets,
  ],
  ['problems_total', 'Malformed units in what this exporter sent.', ({ problems }) => problems],
];

/** A metric as the reference page lists it. */
export interface MetricDescription {
  readonly kind: 'counter' | 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

/** The metrics of one listener, read from its status when somebody asks: once for all of them. */
export function createListenerMetrics(status: () => ListenerStatus): MetricsRegistry {
  const registry = createMetricsRegistry();
  declareMetrics(registry, onceATurn(status));
  return registry;
}

/** Every metric that a listener has. */
export function listenerMetrics(): MetricDescription[] {
  const found: MetricDescription[] = [];
  const noStatus = () => {
    throw new Error('metrics are declared here, not read');
  };
  declareMetrics(
    {
      counter: (definition) => void found.push({ kind: 'counter', ...definition }),
      gauge: (definition) => void found.push({ kind: 'gauge', ...definition }),
    },
    noStatus,
  );
  return found;
}

/** A status costs as much as there are exporters, and a scrape reads some fifty metrics of it. */
function onceATurn(status: () => ListenerStatus): () => ListenerStatus {
  let known: ListenerStatus | undefined;
  return () => {
    if (known === undefined) {
      known = status();
      setImmediate(() => {
        known = undefined;
      });
    }
    return known;
  };
}

function declareMetrics(registry: MetricDeclarations, status: () => ListenerStatus): void {
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
  addSourceMetrics(registry, status);
  addAlarmMetrics(registry, status);
  addExporterMetrics(registry, () => status().exporters.slice(0, EXPORTERS_IN_METRICS_MAX));
}

/** Only of listeners over TCP and TLS: the others have no samples. */
function addStreamMetrics(registry: MetricDeclarations, status: () => ListenerStatus): void {
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

function addExporterMetrics(registry: MetricDeclarations, exporters: () => readonly ExporterStatus[]): void {
  const labelNames = ['source', 'exporter', 'domain', 'version'];
  for (const [name, help, read] of EXPORTER_COUNTERS) {
    registry.counter({ name: `weir_collector_exporter_${name}`, help, labelNames }, () =>
      exporters().map((exporter) => ({ labels: labelsOf(exporter), value: read(exporter) })),
    );
  }
  for (const [name, help, read] of EXPORTER_GAUGES) {
    registry.gauge({ name: `weir_collector_exporter_${name}`, help, labelNames }, () =>
      exporters().flatMap((exporter) => {
        const value = read(exporter);
        return value === undefined ? [] : [{ labels: labelsOf(exporter), value }];
      }),
    );
  }
  registry.gauge(
    {
      name: 'weir_collector_exporter_alarm',
      help: 'Alarms of exporters: 1 while one holds.',
      labelNames: [...labelNames, 'code'],
    },
    () =>
      exporters().flatMap((exporter) =>
        exporter.alarms.map(({ code }) => ({ labels: { ...labelsOf(exporter), code }, value: 1 })),
      ),
  );
}

/** Alarms by code: those of the source, and how many of its exporters have one, all of them counted. */
function addAlarmMetrics(registry: MetricDeclarations, status: () => ListenerStatus): void {
  registry.gauge(
    {
      name: 'weir_collector_alarms',
      help: 'Alarms that hold, by code: of the source (0 or 1), and exporters that have one.',
      labelNames: ['source', 'code'],
    },
    () => {
      const { source, alarms, exporters } = status();
      const counts = new Map<string, number>();
      for (const code of [...SOURCE_ALARM_CODES, ...EXPORTER_ALARM_CODES]) counts.set(code, 0);
      for (const { code } of [...alarms, ...exporters.flatMap((exporter) => exporter.alarms)]) {
        counts.set(code, (counts.get(code) ?? 0) + 1);
      }
      return Array.from(counts, ([code, value]) => ({ labels: { source, code }, value }));
    },
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
