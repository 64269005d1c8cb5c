/** What the collector and the store say of themselves, as SystemStatus has it. */
import type { CollectorStatus, SourceStatus } from '@weir/collecting';
import type { StoreStatus as OwnStoreStatus } from '@weir/storage';
import type { ExporterStatus, ListenerStatus, StoreStatus } from './system-status.ts';

export function describeCollector(status: CollectorStatus): {
  listeners: ListenerStatus[];
  exporters: ExporterStatus[];
} {
  const enabled = status.sources.filter(({ state }) => state !== 'disabled');
  return { listeners: enabled.map(describeListener), exporters: enabled.flatMap(describeExporters) };
}

function describeListener({ source, state, problem, remarks, listener }: SourceStatus): ListenerStatus {
  return {
    source: source.name,
    transport: source.transport,
    address: listener?.address ?? source.monitoringAddress,
    port: listener?.port ?? source.monitoringPort,
    ...(state === 'listening'
      ? { state }
      : { state: 'failed', problem: problem ?? `The listener is ${state}.` }),
    remarks,
    datagrams: listener?.counters.datagrams ?? 0,
    kernelDrops: listener?.counters.kernelDrops ?? 0,
    refused: (listener?.refusedVersions ?? []).map(({ version, datagrams }) => ({ version, datagrams })),
    ...(listener?.files === undefined ? {} : { files: listener.files }),
    ...(listener?.relay === undefined ? {} : { relay: listener.relay }),
    ...(listener?.stream === undefined ? {} : { connections: listener.stream.connections }),
  };
}

function describeExporters({ listener }: SourceStatus): ExporterStatus[] {
  return (listener?.exporters ?? []).map((exporter) => ({
    address: exporter.address,
    observationDomainId: exporter.observationDomainId,
    source: exporter.source,
    version: exporter.version,
    records: exporter.records,
    lost: exporter.unitsLost,
    lastSeenAt: exporter.lastSeenMs,
  }));
}

export function describeStore(status: OwnStoreStatus): StoreStatus {
  const { dataDirectory, rowCount, octetsOnDisk, oldest, newest } = status;
  return {
    dataDirectory,
    records: rowCount,
    octets: octetsOnDisk,
    oldestAt: oldest === undefined ? null : Date.parse(oldest),
    newestAt: newest === undefined ? null : Date.parse(newest),
  };
}
