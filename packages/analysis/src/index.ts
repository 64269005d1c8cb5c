export {
  type Address,
  formatAddress,
  formatNetwork,
  isIPv4,
  type Network,
  networkContains,
  networkOf,
  parseAddress,
  parseNetwork,
} from './address.ts';
export {
  ALERT_SEVERITIES,
  ALERT_STATES,
  ALERT_SUBJECT_KINDS,
  type Alert,
  type AlertEvidence,
  type AlertFinding,
  type AlertSeverity,
  type AlertState,
  type AlertSubject,
  addressesOf,
  type EvidenceNumber,
  severityOf,
  severityRank,
  subjectIsIn,
} from './alert.ts';
export {
  type BillingAccount,
  type BillingDirection,
  type BillingScope,
  billingScopes,
  checkBillingAccount,
} from './billing/billing-account.ts';
export {
  BILLING_MEASURES,
  BIN_MS,
  type BillingBins,
  type BillingPlan,
  billedOctets,
  type Charge,
  chargeOf,
  mbitOf,
  PLAN_KINDS,
} from './billing/billing-charge.ts';
export { discardedBins, PERCENTILE_CONVENTIONS, percentileOf } from './billing/billing-percentile.ts';
export {
  type BillingCalendar,
  type BillingPeriod,
  periodAt,
  periodBefore,
  periodNamed,
} from './billing/billing-period.ts';
export { type CommitDistance, commitDistance } from './billing/commit-distance.ts';
export {
  type DimensionRef,
  dimensionField,
  EITHER_SIDE,
  formatDimension,
  isEitherSide,
  parseDimension,
} from './dimension.ts';
export { renderSql } from './duckdb-dialect.ts';
export { renderFilter, type SqlScope } from './duckdb-expression.ts';
export {
  type AnswerColumn,
  type AnswerKind,
  type RenderedPlan,
  type RenderOptions,
  renderTimeRange,
} from './duckdb-source.ts';
export {
  FIELDS,
  type FieldDefinition,
  type FieldKind,
  fieldNamed,
  formatFieldValue,
} from './field.ts';
export {
  type AskedValues,
  type CompletionOptions,
  completeFilter,
  type FilterSuggestion,
  quoteIfNeeded,
  valueAsked,
} from './filter-completion.ts';
export { operatorsOf } from './filter-condition.ts';
export { type FlowRecord, matchesFilter } from './filter-evaluator.ts';
export { EXAMPLE_LISTS, FILTER_EXAMPLES } from './filter-example.ts';
export { type ComparisonOperator, FilterError, type FilterExpression } from './filter-expression.ts';
export { type FilterLists, listNamesIn } from './filter-list.ts';
export { type ParseFilterOptions, parseFilter } from './filter-parser.ts';
export { PHRASES, STATE_WORDS, SUBJECTS } from './filter-vocabulary.ts';
export {
  type BaseMeasure,
  MEASURES,
  type Measure,
  NAMED_MEASURES,
  parseMeasure,
} from './measure.ts';
export {
  choosePlanSource,
  type PlanSource,
  planNotes,
  type RollupCoverage,
  type StoreCoverage,
} from './plan-source.ts';
export {
  automaticStepMs,
  furtherMeasures,
  type GroupsPlan,
  isPlanError,
  LIMIT_MAX,
  type ParsePlanOptions,
  type PlanSourceKind,
  parseQueryPlan,
  type QueryPlan,
  type RecordsPlan,
  rangeRead,
  SESSION_ORDERS,
  type SeriesPlan,
  type SessionsPlan,
  type TimeRange,
} from './query-plan.ts';
export {
  type AnswerRow,
  type AnswerValue,
  type EngineValue,
  hexOf,
  isoTime,
  nextCursorOf,
  plainValue,
  type QueryResult,
  type ReadExtra,
  shapeRows,
} from './query-result.ts';
export {
  formatMac,
  formatTcpFlags,
  parseMac,
  parseTcpFlags,
  protocolName,
  protocolNumber,
} from './value-name.ts';
export { type CalendarDay, checkTimeZone, instantOf, type LocalTime, localTimeOf } from './zoned-time.ts';
