export * from './browser.ts';
export { type BufferSender, createBufferSender, receiveBuffers } from './buffer-channel.ts';
export { COMPRESSION_HEAD_OCTETS, decompressorFor } from './compression.ts';
export {
  createMetricsRegistry,
  type MetricDefinition,
  type MetricLabels,
  type MetricsRegistry,
  type MetricsSnapshot,
  type ReadMetric,
  renderMetrics,
} from './metrics.ts';
export { checkReplaceable, replaceFile } from './replace-file.ts';
export { createStateFile, type StateFile, type StateFileOptions } from './state-file.ts';
export { createStderrLogger, type LogLevel } from './stderr-logger.ts';
