/**
 * The columns of the relation `flows` as they are stored: those of FLOW_COLUMNS in their order, `exporter`
 * as `exporterId` and `extraLayout` as `extraLayoutId` (keys of the dimension tables), then `extra`. Labels
 * and countries are texts.
 */
import duckdb from '@duckdb/node-bindings';
import {
  COLUMN_TYPE_OCTETS,
  FLOW_COLUMNS,
  type FlowColumnDefinition,
  type FlowColumnName,
} from '@weir/ipfix';

export interface StoredColumn {
  readonly name: string;
  readonly sqlType: string;
  /** Undefined for texts: in memory they are keys of their segment's LabelDictionary. */
  readonly typeId: duckdb.Type | undefined;
  /** Octets of a value in memory, 0 for `extra`. */
  readonly width: number;
  /** Where it comes from; undefined for `extra`. */
  readonly flowColumn?: FlowColumnName;
}

const TYPE_IDS: Readonly<Record<string, duckdb.Type>> = {
  TIMESTAMP_MS: duckdb.Type.TIMESTAMP_MS,
  UTINYINT: duckdb.Type.UTINYINT,
  USMALLINT: duckdb.Type.USMALLINT,
  UINTEGER: duckdb.Type.UINTEGER,
  UBIGINT: duckdb.Type.UBIGINT,
  BLOB: duckdb.Type.BLOB,
};

const SQL_TYPES = { u8: 'UTINYINT', u16: 'USMALLINT', u32: 'UINTEGER', u64: 'UBIGINT' } as const;

export const STORED_COLUMNS: readonly StoredColumn[] = [
  ...FLOW_COLUMNS.map(storedColumn),
  { name: 'extra', sqlType: 'BLOB', typeId: duckdb.Type.BLOB, width: 0 },
];

/** Position of `extra` among STORED_COLUMNS: the only one that is no array of numbers. */
export const EXTRA_COLUMN = STORED_COLUMNS.length - 1;

function storedColumn(column: FlowColumnDefinition & { name: FlowColumnName }): StoredColumn {
  const { name, type, meaning } = column;
  const isKey = meaning === 'exporterIndex' || meaning === 'layoutIndex';
  const isText = meaning === 'labelIndex' || meaning === 'country';
  const sqlType = isText
    ? 'VARCHAR'
    : meaning === 'timeMs'
      ? 'TIMESTAMP_MS'
      : isKey
        ? 'UINTEGER'
        : SQL_TYPES[type];
  return {
    name: isKey ? `${name}Id` : name,
    sqlType,
    typeId: TYPE_IDS[sqlType],
    width: isKey || isText ? 4 : COLUMN_TYPE_OCTETS[type],
    flowColumn: name,
  };
}
