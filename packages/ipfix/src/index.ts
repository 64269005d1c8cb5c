export {
  DECODE_ERRORS,
  DecodeError,
  type DecodeErrorCode,
  type DecodeProblem,
  decodeProblem,
} from './decode-error.ts';
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
