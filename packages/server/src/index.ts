export {
  type AnalysisCounters,
  type AnalysisQueue,
  type AnalysisStore,
  createAnalysisQueue,
} from './analyses/analysis-queue.ts';
export type { ApiTopic } from './analyses/api-topic.ts';
export { statusAnswerSchema } from './answers.ts';
export { describeCollector, describeStore } from './describe-status.ts';
export type { EnrichmentObserver } from './enrichment-routes.ts';
export { type ExportersAnswer, exportersAnswerSchema } from './exporter-routes.ts';
export { createListFolder, type ListFolder } from './list-folder.ts';
export { createServer, type Server, type ServerCounters, type ServerOptions } from './server.ts';
export type { QueryableStore } from './store-questions.ts';
export type {
  ExporterStatus,
  ListenerStatus,
  MeteredInterfaceStatus,
  MeteringStatus,
  StoreStatus,
  SystemStatus,
} from './system-status.ts';
