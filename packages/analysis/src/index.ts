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
export { type ActivityCell, activityOf, type HourJudgement, judgeByCells } from './behaviour/activity.ts';
export {
  SUBJECT_KINDS,
  type Subject,
  type SubjectKind,
  subjectFilter,
  subjectOf,
} from './behaviour/subject.ts';
export {
  HISTORY_SETS,
  type SubjectAsked,
  subjectAddressesSql,
  subjectCountriesSql,
  subjectDropsSql,
  subjectHistorySql,
  subjectListSql,
  subjectNamesSql,
  subjectPeersSql,
  subjectPerformanceSql,
  subjectSeriesSql,
  subjectServicesSql,
} from './behaviour/subject-question.ts';
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
  billedVolume,
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
export { addAmounts, amountDifference } from './billing/decimal.ts';
export {
  BAND_SHARE,
  crossingOf,
  DAYS_NEEDED,
  type Forecast,
  forecastOf,
  type ShortHistory,
} from './capacity/forecast.ts';
export { hourOfWeekProfile } from './capacity/hour-of-week.ts';
export { type CsvValue, csvLine } from './csv.ts';
export {
  type AddressFeed,
  AddressFeeds,
  FEED_ENTRIES_MAX,
  parseAddressFeed,
} from './detection/address-feed.ts';
export {
  type AskFlows,
  type Detection,
  type DetectionContext,
  type DetectionParameter,
  defaultParameters,
} from './detection/detection.ts';
export { DetectionMemory, type MemoryState, NO_MEMORY } from './detection/detection-memory.ts';
export { DETECTIONS } from './detection/detections.ts';
export { HOME_NETWORKS_DEFAULT } from './detection/flow-sql.ts';
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
export { renderRecordEnds } from './duckdb-records.ts';
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
export { LOSS_GROUPS, type LossGroup, lossCoverageSql, lossSql } from './performance/joined-loss.ts';
export { performanceSql } from './performance/performance-element.ts';
export {
  HEAT_ENDS_MS,
  PERFORMANCE_GROUPS,
  type PerformanceAsked,
  type PerformanceGroup,
  performanceGroupsSql,
  performanceHeatSql,
  performanceSeriesSql,
  performanceTotalsSql,
} from './performance/performance-question.ts';
export {
  choosePlanSource,
  type PlanSource,
  planNotes,
  type RollupCoverage,
  type StoreCoverage,
} from './plan-source.ts';
export * from './policy/policy-door.ts';
export {
  type Baseline,
  baselineAt,
  deviationsAbove,
  medianOf,
  type ObservedHour,
} from './profile/baseline.ts';
export { type ChangeStory, mainPair, storyOf } from './profile/change-story.ts';
export { explanatoryPower, surprise } from './profile/contribution.ts';
export {
  HOUR_MS,
  hourOfWeek,
  hourOfWeekText,
  hourStartOf,
  isWeekendHour,
  WEEK_HOURS,
  WEEK_MS,
  weekNumber,
} from './profile/hour-of-week.ts';
export {
  accessWhoOf,
  hourAccessSql,
  hourPerformanceSql,
  hourTrafficOf,
  hourTrafficSql,
} from './profile/hour-question.ts';
export {
  filterOfKey,
  retransmissionFinding,
  roundTripFinding,
  trafficFinding,
  unusualHourFinding,
} from './profile/profile-finding.ts';
export {
  changeOf,
  changesOf,
  changesSql,
  type PeriodsAsked,
  periodsRange,
  serversOfChangeSql,
  type TrafficChange,
} from './profile/traffic-change.ts';
export {
  automaticStepMs,
  formatCursor,
  furtherMeasures,
  type GroupsPlan,
  isPlanError,
  LIMIT_MAX,
  type ParsePlanOptions,
  type PlanSourceKind,
  parseCursor,
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
  lastDue,
  nextDue,
  REPORT_INTERVALS,
  type ReportSchedule,
  reportedRange,
} from './reports/schedule.ts';
export { type FlowFilter, serviceFilter, serviceText } from './traffic-sql.ts';
export {
  formatMac,
  formatTcpFlags,
  parseMac,
  parseTcpFlags,
  protocolName,
  protocolNumber,
} from './value-name.ts';
export { type CalendarDay, checkTimeZone, instantOf, type LocalTime, localTimeOf } from './zoned-time.ts';
