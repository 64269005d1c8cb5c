export { PROCESS_KEY_FILE } from './access/access.ts';
export { ROLES, type Role } from './access/role.ts';
export { createTokenStore, type TokenStore } from './access/token-store.ts';
export { createUserStore, type UserStore } from './access/user-store.ts';
export { type AgentRegister, createAgentRegister } from './agents/agent-register.ts';
export { createAgentTopic } from './agents/agent-routes.ts';
export { type RegisterState, registerSchema } from './agents/agent-schema.ts';
export type { AlertBook } from './alerts/alert-book.ts';
export { ALERT_METRICS } from './alerts/alert-metrics.ts';
export {
  type AnalysisCounters,
  type AnalysisQueue,
  type AnalysisStore,
  createAnalysisQueue,
} from './analyses/analysis-queue.ts';
export type { ApiTopic } from './analyses/api-topic.ts';
export { statusAnswerSchema } from './answers.ts';
export { type Billing, type BillingOptions, createBilling } from './billing/billing.ts';
export { createBillingTopic } from './billing/billing-routes.ts';
export type { Statement } from './billing/billing-schema.ts';
export { statementCsv, statementDocument } from './billing/statement-document.ts';
export { type Capacity, type CapacityOptions, createCapacity } from './capacity/capacity.ts';
export { createCapacityTopic } from './capacity/capacity-routes.ts';
export {
  type ApiClient,
  ApiError,
  type ApiResources,
  type ClientOptions,
  createClient,
} from './client/api-client.ts';
export { describeCollector, describeStore } from './describe-status.ts';
export { type Alerting, createAlerting } from './detections/alerting.ts';
export { pdfDocument } from './documents/pdf-document.ts';
export type { EnrichmentObserver } from './enrichment-routes.ts';
export { type ExportersAnswer, exportersAnswerSchema } from './exporter-routes.ts';
export { createListFolder, type ListFolder } from './list-folder.ts';
export type { Mailer, MailMessage } from './notifications/mailer.ts';
export { createPerformanceTopic } from './performance/performance-routes.ts';
export { createPolicyAnalysis, type MatrixAnswer } from './policy/policy.ts';
export { auditCsv } from './policy/policy-audit.ts';
export { createPolicyTopic } from './policy/policy-routes.ts';
export { createProfileKeeper, type ProfileKeeper } from './profile/profile-keeper.ts';
export { createProfileTopic } from './profile/profile-routes.ts';
export { createReportTopic } from './reports/report-routes.ts';
export type { ReportRun } from './reports/report-schema.ts';
export { createReportDesk, type ReportDesk } from './reports/reports.ts';
export { createUsageMetrics } from './reports/usage-metrics.ts';
export { createServer, type Server, type ServerCounters, type ServerOptions } from './server.ts';
export type { QueryableStore } from './store-questions.ts';
export { createSubjectTopic } from './subjects/subject-routes.ts';
export type {
  ExporterStatus,
  ListenerStatus,
  MeteredInterfaceStatus,
  MeteringStatus,
  StoreStatus,
  SystemStatus,
} from './system-status.ts';
export { createViews } from './views/view-routes.ts';
