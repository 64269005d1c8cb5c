/** RFC 7011 section 3.2: what one field of a template says. */
export interface FieldSpecifier {
  /** 0 for IANA. */
  readonly enterpriseNumber: number;
  /** Without the enterprise bit: 0 … 32767. */
  readonly elementId: number;
  /** Octets, or VARIABLE_LENGTH. */
  readonly length: number;
}

/** RFC 7011 section 7: the length in a Field Specifier that announces a variable-length field. */
export const VARIABLE_LENGTH = 65535;

/** RFC 7011 sections 3.4.1 and 3.4.2: a Template Record, or an Options Template Record when it has scopes. */
export interface Template {
  /** 256 … 65535. */
  readonly templateId: number;
  /** The first so many fields are scopes; 0 for a Template Record. */
  readonly scopeFieldCount: number;
  readonly fields: readonly FieldSpecifier[];
}
