/**
 * Data Records from named values: the inverse of the record reader. For exporting many flow records see the
 * message encoder's `reserve`, which takes octets and makes no objects.
 */
import type { EncodableField, EncodableFieldMap, EncodableRecord } from './field-value.ts';
import type { InformationElement } from './information-element.ts';
import { elementById, elementNumberText } from './information-model.ts';
import type { OctetWriter } from './octet-writer.ts';
import { encodeStructuredData } from './structured-data-encoder.ts';
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';
import {
  type EncodableValue,
  encodeValue,
  isStructured,
  type PlainDataType,
  valueOctets,
} from './value-codec.ts';

interface ElementSource {
  elementById(enterpriseNumber: number, elementId: number): InformationElement | undefined;
}

export interface EncodeContext {
  /** Where the templates of structured data come from. */
  templateById?(templateId: number): Template | undefined;
  /** What is known of elements beyond the built-in model. */
  readonly elements?: ElementSource | undefined;
}

/** RFC 7011 section 7: contents up to here have their length in one octet. */
const SHORT_LENGTH_MAX = 254;

/** Appends one record of the template. Throws a RangeError when a value is missing or does not fit its field. */
export function encodeRecord(
  writer: OctetWriter,
  template: Template,
  record: EncodableRecord,
  context: EncodeContext = {},
): void {
  const { fields, scopeFieldCount } = template;
  encodeFields(writer, fields.slice(0, scopeFieldCount), record.scope ?? {}, context);
  encodeFields(writer, fields.slice(scopeFieldCount), record.fields, context);
}

/** Appends the fields in their order; the values of a repeated element are taken from its array in turn. */
export function encodeFields(
  writer: OctetWriter,
  fields: readonly FieldSpecifier[],
  values: EncodableFieldMap,
  context: EncodeContext,
): void {
  const seen = new Map<string, number>();
  for (const field of fields) {
    const element = elementOf(field, context);
    const index = seen.get(element.name) ?? 0;
    seen.set(element.name, index + 1);
    const given = values[element.name] ?? values[elementNumberText(field.enterpriseNumber, field.elementId)];
    const value = Array.isArray(given) ? given[index] : given;
    if (value === undefined || (index > 0 && !Array.isArray(given))) {
      throw new RangeError(`the record has no value for ${element.name}`);
    }
    encodeField(writer, element, field.length, value, context);
  }
}

/** Appends one value in `length` octets, or with its own length in front when `length` is VARIABLE_LENGTH. */
export function encodeField(
  writer: OctetWriter,
  element: InformationElement,
  length: number,
  value: EncodableField,
  context: EncodeContext,
): void {
  if (isStructured(element.dataType)) {
    encodeList(writer, element, length, value, context);
    return;
  }
  const plain = plainValue(value, element.name);
  const dataType: PlainDataType = element.dataType;
  const octets = length === VARIABLE_LENGTH ? valueOctets(dataType, plain) : length;
  if (length === VARIABLE_LENGTH) appendVariableLength(writer, octets);
  const at = writer.reserve(octets);
  encodeValue(writer.bytes, at, { name: element.name, dataType }, octets, plain);
}

/** RFC 7011 section 7: the length in front of a variable-length field, in 1 or 3 octets. */
function appendVariableLength(writer: OctetWriter, octets: number): void {
  if (octets <= SHORT_LENGTH_MAX) {
    writer.uint8(octets);
    return;
  }
  if (octets > 65535) throw new RangeError(`a field of ${octets} octets`);
  writer.uint8(255);
  writer.uint16(octets);
}

/** RFC 6313 section 4.5: a list's length is known after it is written, so the 3-octet form is always used. */
function encodeList(
  writer: OctetWriter,
  element: InformationElement,
  length: number,
  value: EncodableField,
  context: EncodeContext,
): void {
  if (length === VARIABLE_LENGTH) writer.uint8(255);
  const lengthAt = length === VARIABLE_LENGTH ? writer.reserve(2) : writer.length;
  const start = writer.length;
  if (value !== null) encodeStructuredData(writer, element, value, context);
  const octets = writer.length - start;
  if (length === VARIABLE_LENGTH) writer.setUint16(lengthAt, octets);
  else if (octets !== length)
    throw new RangeError(`${element.name} has ${octets} octets instead of ${length}`);
}

function elementOf(
  { enterpriseNumber, elementId }: FieldSpecifier,
  context: EncodeContext,
): InformationElement {
  const known =
    context.elements?.elementById(enterpriseNumber, elementId) ?? elementById(enterpriseNumber, elementId);
  if (known !== undefined) return known;
  const name = elementNumberText(enterpriseNumber, elementId);
  return { enterpriseNumber, elementId, name, dataType: 'octetArray' };
}

function plainValue(value: EncodableField, name: string): EncodableValue {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array || value instanceof Date) return value;
  throw new RangeError(`${name} takes one plain value`);
}
