/** RFC 7012 section 3.1 and RFC 9740: the abstract data types, at the index that RFC 5610 gives each. */
export const ABSTRACT_DATA_TYPES = [
  'octetArray',
  'unsigned8',
  'unsigned16',
  'unsigned32',
  'unsigned64',
  'signed8',
  'signed16',
  'signed32',
  'signed64',
  'float32',
  'float64',
  'boolean',
  'macAddress',
  'string',
  'dateTimeSeconds',
  'dateTimeMilliseconds',
  'dateTimeMicroseconds',
  'dateTimeNanoseconds',
  'ipv4Address',
  'ipv6Address',
  'basicList',
  'subTemplateList',
  'subTemplateMultiList',
  'unsigned256',
] as const;

export type AbstractDataType = (typeof ABSTRACT_DATA_TYPES)[number];

/** RFC 7012 section 3.2, RFC 6313 and RFC 8038: at the index that RFC 5610 gives each. */
export const DATA_TYPE_SEMANTICS = [
  'default',
  'quantity',
  'totalCounter',
  'deltaCounter',
  'identifier',
  'flags',
  'list',
  'snmpCounter',
  'snmpGauge',
] as const;

export type DataTypeSemantics = (typeof DATA_TYPE_SEMANTICS)[number];

/** RFC 5610 section 3.3 and IANA's registry of units: at the index that it gives each. */
export const ELEMENT_UNITS = [
  'none',
  'bits',
  'octets',
  'packets',
  'flows',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
  '4-octet words',
  'messages',
  'hops',
  'entries',
  'frames',
  'ports',
  'inferred',
] as const;

export type ElementUnits = (typeof ELEMENT_UNITS)[number];

/** RFC 7012 section 2: what is known of an Information Element. */
export interface InformationElement {
  /** 0 for IANA. */
  readonly enterpriseNumber: number;
  /** 1 … 32767; NetFlow v9 alone has ids up to 65535. */
  readonly elementId: number;
  /** No two elements of the built-in model have the same name. */
  readonly name: string;
  readonly dataType: AbstractDataType;
  readonly semantics?: DataTypeSemantics;
  readonly units?: ElementUnits;
}

/** RFC 5103 section 6.1: an IANA element under this number describes the reverse direction of a biflow. */
export const REVERSE_ENTERPRISE_NUMBER = 29305;

/** Octets of a value at full size; 0 for the types that have no size of their own. */
export const DATA_TYPE_OCTETS: Readonly<Record<AbstractDataType, number>> = {
  octetArray: 0,
  unsigned8: 1,
  unsigned16: 2,
  unsigned32: 4,
  unsigned64: 8,
  signed8: 1,
  signed16: 2,
  signed32: 4,
  signed64: 8,
  float32: 4,
  float64: 8,
  boolean: 1,
  macAddress: 6,
  string: 0,
  dateTimeSeconds: 4,
  dateTimeMilliseconds: 8,
  dateTimeMicroseconds: 8,
  dateTimeNanoseconds: 8,
  ipv4Address: 4,
  ipv6Address: 16,
  basicList: 0,
  subTemplateList: 0,
  subTemplateMultiList: 0,
  unsigned256: 32,
};
