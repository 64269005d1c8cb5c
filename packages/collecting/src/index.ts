export {
  type Collector,
  type CollectorOptions,
  type CollectorServices,
  type CollectorStatus,
  createCollector,
  type Deployment,
  type DeployResult,
  type NamedExporter,
  type SourceStatus,
} from './collector.ts';
export { type CollectorConfig, formatCollectorConfig, parseCollectorConfig } from './collector-config.ts';
export { checkCollectorFiles } from './collector-files.ts';
export {
  type AccessSettings,
  consoleSettingsJsonSchema,
  type HttpSettings,
  type OidcSettings,
} from './console-settings.ts';
export {
  type CountingStore,
  type CountingStoreOptions,
  createCountingStore,
  type StoreSums,
} from './counting-store.ts';
export type { CountRecords } from './delivery-audit.ts';
export { createEnrichment, type Enrichment, type EnrichmentStatus } from './enrichment/enrichment.ts';
export { ENRICHMENT_DEFAULT, type EnrichmentSettings } from './enrichment/enrichment-settings.ts';
export {
  type Alarm,
  EXPORTER_ALARM_CODES,
  type ExporterAlarmCode,
  SOURCE_ALARM_CODES,
  type SourceAlarmCode,
} from './exporter-alarm.ts';
export { EXPORTER_NAME_ORIGINS } from './exporter-names.ts';
export type { ExporterOptions, InterfaceName, SamplingRates } from './exporter-options.ts';
export type { ExporterSettings } from './exporter-settings.ts';
export type { FileReport, FileSourceStatus } from './file-source-status.ts';
export {
  createFlowSource,
  defaultFlowSources,
  type FlowSource,
  type FlowSourceInput,
  flowSourceJsonSchema,
  flowSourceOfListen,
  flowSourceSchema,
  nextMonitoringPort,
  type TlsSettings,
} from './flow-source.ts';
export type { FlowSourceChange, ParameterChange } from './flow-source-change.ts';
export { checkFlowSources, type FlowSourceBreach } from './flow-source-check.ts';
export {
  createFlowSourceEditor,
  type FlowSourceEditor,
  type FlowSourceState,
} from './flow-source-editor.ts';
export { type FlowSourceOrigin, fixedFlowSources, flowSourcesInFile } from './flow-source-origin.ts';
export type { FlowSourceProblem, StagedFlowSource } from './flow-source-staging.ts';
export { acceptedVersions, FLOW_SOURCE_TYPES, type FlowSourceType } from './flow-source-type.ts';
export { type GenerateOptions, type GenerateResult, generateRecords } from './generate-records.ts';
export type { ListenerState } from './listener.ts';
export { listenerMetrics } from './listener-metrics.ts';
export type {
  ExporterStatus,
  ListenerCounters,
  ListenerStatus,
  ProblemCount,
  RefusedVersion,
} from './listener-status.ts';
export type { PacketOrigin, PacketTaker, ReadExportPackets } from './packet-file.ts';
export type { ReceiverKind } from './polled-receiver.ts';
export { createRecordMix, MIX_MESSAGE_OCTETS_MAX, type RecordMix } from './record-mix.ts';
export type { RelayDestinationStatus, RelayStatus } from './relay-status.ts';
export {
  type CapturedPayload,
  type ReplayOptions,
  type ReplayResult,
  replayPayloads,
} from './replay-payloads.ts';
export { runListenerWorker } from './run-listener-worker.ts';
export {
  formatSocketAddress,
  type ListenAddress,
  parseListen,
  parseSocketAddress,
  type SocketAddress,
} from './socket-address.ts';
export type { BatchStagesCounters } from './stages/batch-stages.ts';
export type { LocalNameList } from './stages/local-names.ts';
export { createStagedWriter, type StagedWriter, type StagedWriterServices } from './stages/staged-writer.ts';
export { type SyntheticAttack, truthOf } from './synthetic-attack.ts';
export {
  LABELLED_DAYS,
  type LabelledEvent,
  LISTED_ADDRESSES,
  planLabelledTraffic,
  QUIET_DAYS,
} from './synthetic-labelled.ts';
export { createSyntheticMonth, type SyntheticMonth, type SyntheticMonthOptions } from './synthetic-month.ts';
export { TEMPLATE_USES } from './template-uses.ts';
export { type Credentials, loadTlsCredentials, type TlsCredentials } from './tls-credentials.ts';
