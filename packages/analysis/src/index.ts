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
export { type DimensionRef, formatDimension, parseDimension } from './dimension.ts';
export {
  type AnswerColumn,
  type AnswerKind,
  type RenderedPlan,
  type RenderOptions,
  renderSql,
  renderTimeRange,
} from './duckdb-dialect.ts';
export { renderFilter, type SqlScope } from './duckdb-expression.ts';
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
export { type FlowRecord, matchesFilter } from './filter-evaluator.ts';
export { type ComparisonOperator, FilterError, type FilterExpression } from './filter-expression.ts';
export { type FilterLists, listNamesIn } from './filter-list.ts';
export { type ParseFilterOptions, parseFilter } from './filter-parser.ts';
export {
  automaticStepMs,
  type GroupsPlan,
  isPlanError,
  LIMIT_MAX,
  MEASURES,
  type Measure,
  parseQueryPlan,
  type QueryPlan,
  type RecordsPlan,
  type SeriesPlan,
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
