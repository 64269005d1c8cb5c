export { type CaptureSummary, type ReadCaptureOptions, readCapture } from './capture-file.ts';
export type { CapturePacketHandler, CaptureProblem } from './capture-parser.ts';
export { type PayloadHandler, type PayloadOrigin, readPayloads } from './captured-payload.ts';
export type { DropStatus } from './drop-intake.ts';
export type { DropCounters } from './drop-ledger.ts';
export type { DropSourceOptions } from './drop-source.ts';
export type { ExcludedSocket } from './excluded-traffic.ts';
export {
  ACTIVE_TIMEOUT_MS_DEFAULT,
  createFlowCache,
  FLOWS_MAX_DEFAULT,
  type FlowCacheOptions,
  IDLE_TIMEOUT_MS_DEFAULT,
  TCP_LINGER_MS_DEFAULT,
} from './flow-cache.ts';
export type { FlowDetailOptions } from './flow-details.ts';
export { type FlowFields, flowFields } from './flow-fields.ts';
export { type FlowIdKey, flowIdKeyOf } from './flow-id.ts';
export type { FlowRowSink } from './flow-row.ts';
export type { InterfaceStatus, LiveMeterStatus } from './live-capture.ts';
export {
  createLiveMeter,
  type LiveMeter,
  type LiveMeterChange,
  type LiveMeterDependencies,
  type LiveMeterOptions,
} from './live-meter.ts';
export { type MeterFileOptions, type MeterFileSummary, meterFile } from './meter-file.ts';
export type { NameOptions, NameWatchCounters } from './name-watch.ts';
export {
  createPacketMeter,
  type PacketMeter,
  type PacketMeterCounters,
  type PacketMeterOptions,
} from './packet-meter.ts';
