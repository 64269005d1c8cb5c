import type { EncodableValue, PlainValue } from './value-codec.ts';

/** A field of a record as `decode --json` shows it; arrays and objects only for repeated and structured ones. */
export type FieldValue = PlainValue | readonly FieldValue[] | { readonly [key: string]: FieldValue };

/**
 * Values by the name of their element, or by `PEN/ID`. An element that its template has several times has an
 * array, in the template's order.
 */
export type FieldMap = { [name: string]: FieldValue };

/** A Data Record for people; `scope` when its template is an Options Template. */
export interface RecordFields {
  readonly scope?: FieldMap;
  readonly fields: FieldMap;
}

/** What a program gives to have a record encoded: the decoded form, or plainer types of its own. */
export type EncodableField =
  | EncodableValue
  | readonly EncodableField[]
  | { readonly [key: string]: EncodableField };
export type EncodableFieldMap = { readonly [name: string]: EncodableField };
export interface EncodableRecord {
  readonly scope?: EncodableFieldMap;
  readonly fields: EncodableFieldMap;
}

/** RFC 6313 section 4.4: how the items of a list relate to the flow; other octets are shown as numbers. */
export const LIST_SEMANTICS: Readonly<Record<string, number>> = {
  noneOf: 0,
  exactlyOneOf: 1,
  oneOrMoreOf: 2,
  allOf: 3,
  ordered: 4,
  undefined: 255,
};
