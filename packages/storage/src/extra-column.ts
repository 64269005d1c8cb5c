/**
 * Columns for the fields that have none in FLOW_COLUMNS: one for each Information Element, by its name (or
 * `PEN/ID`), typed by the information model. In memory such fields are octets beside their layout; they
 * become columns when a query or the sealing asks for them.
 *
 * A layout is readable as columns when each of its fields has a length that fits its type. Records of other
 * layouts keep their octets, in the columns `extra` and `extraLayoutId`.
 */
import duckdb from '@duckdb/node-bindings';
import { type AbstractDataType, builtInElements, type ExtraLayout, elementById } from '@weir/ipfix';
import { STORED_COLUMNS } from './stored-column.ts';

export const VARIABLE_LENGTH = 65535;
/** Columns of one segment; layouts that need more keep their octets. Each costs some 100 octets of metadata a row group. */
export const EXTRA_COLUMNS_MAX = 500;
/** Fields of one element in a record, each a column: `name`, `name#2`, … */
const OCCURRENCES_MAX = 8;

export type ExtraKind =
  | 'unsigned'
  | 'signed'
  | 'float'
  | 'boolean'
  | 'seconds'
  | 'milliseconds'
  | 'ntp'
  | 'text';

export interface ExtraColumn {
  readonly name: string;
  readonly sqlType: string;
  readonly kind: ExtraKind;
  /** Undefined where the element is unknown: its octets. */
  readonly dataType: AbstractDataType | undefined;
}

/** Where a column's value lies in the octets of a record. */
export interface ExtraPlace {
  /** Octets before the field, when all fields before it are of fixed length. */
  readonly fixedOffset: number | undefined;
  readonly index: number;
  readonly length: number;
}

const KINDS: Readonly<Partial<Record<AbstractDataType, ExtraKind>>> = {
  unsigned8: 'unsigned',
  unsigned16: 'unsigned',
  unsigned32: 'unsigned',
  unsigned64: 'unsigned',
  macAddress: 'unsigned',
  signed8: 'signed',
  signed16: 'signed',
  signed32: 'signed',
  signed64: 'signed',
  float32: 'float',
  float64: 'float',
  boolean: 'boolean',
  dateTimeSeconds: 'seconds',
  dateTimeMilliseconds: 'milliseconds',
  dateTimeMicroseconds: 'ntp',
  dateTimeNanoseconds: 'ntp',
};

const SQL_TYPES: Readonly<Record<ExtraKind, string>> = {
  unsigned: 'UBIGINT',
  signed: 'BIGINT',
  float: 'DOUBLE',
  boolean: 'BOOLEAN',
  seconds: 'TIMESTAMP_MS',
  milliseconds: 'TIMESTAMP_MS',
  ntp: 'TIMESTAMP',
  text: 'VARCHAR',
};

const TYPE_IDS: Readonly<Record<ExtraKind, duckdb.Type>> = {
  unsigned: duckdb.Type.UBIGINT,
  signed: duckdb.Type.BIGINT,
  float: duckdb.Type.DOUBLE,
  boolean: duckdb.Type.BOOLEAN,
  seconds: duckdb.Type.TIMESTAMP_MS,
  milliseconds: duckdb.Type.TIMESTAMP_MS,
  ntp: duckdb.Type.TIMESTAMP,
  text: duckdb.Type.VARCHAR,
};

export function extraTypeId(kind: ExtraKind): duckdb.Type {
  return TYPE_IDS[kind];
}

/** The column of an element, or of its `occurrence`th field in a record. */
export function extraColumnOf(enterpriseNumber: number, elementId: number, occurrence = 1): ExtraColumn {
  const dataType = elementById(enterpriseNumber, elementId)?.dataType;
  const kind = (dataType === undefined ? undefined : KINDS[dataType]) ?? 'text';
  const name = columnName(enterpriseNumber, elementId);
  return {
    name: occurrence === 1 ? name : `${name}#${occurrence}`,
    sqlType: SQL_TYPES[kind],
    kind,
    dataType,
  };
}

/** The columns of a layout's fields in their order; undefined when it cannot be read as columns. */
export function columnsOfLayout(layout: ExtraLayout): ExtraColumn[] | undefined {
  const occurrences = new Map<string, number>();
  const columns: ExtraColumn[] = [];
  for (const { enterpriseNumber, elementId, length } of layout) {
    const key = `${enterpriseNumber}/${elementId}`;
    const occurrence = (occurrences.get(key) ?? 0) + 1;
    occurrences.set(key, occurrence);
    const column = extraColumnOf(enterpriseNumber, elementId, occurrence);
    if (occurrence > OCCURRENCES_MAX || !lengthFits(column, length)) return undefined;
    columns.push(column);
  }
  return columns;
}

export function placesOfLayout(layout: ExtraLayout): ExtraPlace[] {
  let offset: number | undefined = 0;
  return layout.map(({ length }, index) => {
    const place = { fixedOffset: offset, index, length };
    offset = length === VARIABLE_LENGTH || offset === undefined ? undefined : offset + length;
    return place;
  });
}

function lengthFits({ kind, dataType }: ExtraColumn, length: number): boolean {
  switch (kind) {
    case 'unsigned':
      return dataType === 'macAddress' ? length === 6 : length >= 1 && length <= 8;
    case 'signed':
    case 'milliseconds':
    case 'seconds':
      return length >= 1 && length <= 8;
    case 'float':
      return length === 4 || length === 8;
    case 'boolean':
      return length === 1;
    case 'ntp':
      return length === 8;
    case 'text':
      return true;
  }
}

const STORED_NAMES = new Set(STORED_COLUMNS.map(({ name }) => name.toLowerCase()));
let ambiguousNames: ReadonlySet<string> | undefined;

/** SQL knows no case in names: where a name alone would not do, the numbers are the name. */
function columnName(enterpriseNumber: number, elementId: number): string {
  const element = elementById(enterpriseNumber, elementId);
  const numbers = `${enterpriseNumber}/${elementId}`;
  if (element === undefined) return numbers;
  const lower = element.name.toLowerCase();
  ambiguousNames ??= findAmbiguousNames();
  return STORED_NAMES.has(lower) || ambiguousNames.has(lower) ? numbers : element.name;
}

function findAmbiguousNames(): Set<string> {
  const [seen, twice] = [new Set<string>(), new Set<string>()];
  for (const { name } of builtInElements()) {
    const lower = name.toLowerCase();
    if (seen.has(lower)) twice.add(lower);
    seen.add(lower);
  }
  return twice;
}
