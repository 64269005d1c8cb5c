export { formatHex, formatIPv4, formatIPv6, formatMacAddress, parseIPv4, parseIPv6 } from './address-text.ts';
export type { BatchSink } from './column-reader.ts';
export { READER_LIMITS_DEFAULT, type ReaderLimits } from './datagram-reader.ts';
export {
  DECODE_ERRORS,
  DecodeError,
  type DecodeErrorCode,
  type DecodeProblem,
  decodeProblem,
} from './decode-error.ts';
export type { DecoderSnapshot, RestoreResult } from './decoder-snapshot.ts';
export type { DomainCounters, ProblemTally } from './domain-state.ts';
export {
  createElementRegistry,
  DEFINED_ELEMENTS_MAX,
  type ElementRegistry,
  type ElementRegistryCounters,
  elementOfTypeRecord,
} from './element-registry.ts';
export type {
  EncodableField,
  EncodableFieldMap,
  EncodableRecord,
  FieldMap,
  FieldValue,
  RecordFields,
} from './field-value.ts';
export {
  clearFlowBatch,
  createFlowBatch,
  type ExporterIdentity,
  type ExtraField,
  type ExtraLayout,
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatch,
  type FlowBatchNote,
  type FlowColumnArrays,
  flowBatchOctets,
  isPresent,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
  u64AsBigInt,
  u64AsNumber,
  viewFlowBatch,
} from './flow-batch.ts';
export {
  COLUMN_TYPE_OCTETS,
  type ColumnType,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowColumnDefinition,
  type FlowColumnName,
} from './flow-column.ts';
export {
  createFlowDecoder,
  type DomainTemplate,
  type DomainView,
  type FlowDecoder,
  type FlowDecoderCounters,
  type FlowDecoderOptions,
  type FlowSink,
  type OptionsRecord,
} from './flow-decoder.ts';
export {
  ABSTRACT_DATA_TYPES,
  type AbstractDataType,
  DATA_TYPE_OCTETS,
  DATA_TYPE_SEMANTICS,
  type DataTypeSemantics,
  ELEMENT_UNITS,
  type ElementUnits,
  type InformationElement,
  REVERSE_ENTERPRISE_NUMBER,
} from './information-element.ts';
export {
  builtInElements,
  elementById,
  elementByName,
  elementNumberText,
  reverseOf,
  valueName,
} from './information-model.ts';
export { readList } from './list-reader.ts';
export {
  createMessageEncoder,
  MESSAGE_OCTETS_MAX_DEFAULT,
  type MessageEncoder,
  type MessageEncoderCounters,
  type MessageEncoderOptions,
} from './message-encoder.ts';
export {
  createMessageSplitter,
  type MessageSink,
  type MessageSplitter,
  type MessageSplitterCounters,
} from './message-splitter.ts';
export {
  createRecordDecoder,
  type DecodedRecord,
  decodeRecords,
  type RecordDecoder,
  type RecordDecoderCounters,
  type RecordSink,
} from './record-decoder.ts';
export { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';
export { V9_SCOPE_ELEMENT_IDS } from './template-set.ts';
export type { TransportKind, TransportSession } from './transport-session.ts';
export { decodeValue, type EncodableValue, encodeValue, type PlainValue } from './value-codec.ts';
export { WEIR_ELEMENTS, WEIR_ENTERPRISE_NUMBER } from './weir-elements.ts';
