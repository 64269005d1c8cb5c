/** RFC 6313: lists inside a field, from the form in which the record reader shows them. */

import { parseHex } from './address-text.ts';
import { type EncodableField, type EncodableFieldMap, LIST_SEMANTICS } from './field-value.ts';
import { DATA_TYPE_OCTETS, type InformationElement } from './information-element.ts';
import { elementByName } from './information-model.ts';
import type { OctetWriter } from './octet-writer.ts';
import { type EncodeContext, encodeField, encodeFields } from './record-encoder.ts';
import { VARIABLE_LENGTH } from './template.ts';

/**
 * Appends the content of a list. A basicList is `{semantic, NAME: [values]}`, a subTemplateList
 * `{semantic, templateId, records: [fields]}`, a subTemplateMultiList `{semantic, entries: [{templateId,
 * records}]}`. Throws a RangeError for anything else.
 */
export function encodeStructuredData(
  writer: OctetWriter,
  element: InformationElement,
  value: EncodableField,
  context: EncodeContext,
): void {
  const list = fieldMapOf(value, element.name);
  writer.uint8(semanticOctet(list['semantic'], element.name));
  if (element.dataType === 'basicList') encodeBasicList(writer, list, context);
  else if (element.dataType === 'subTemplateList') encodeSubTemplateList(writer, list, context);
  else for (const entry of arrayOf(list['entries'], 'entries')) encodeEntry(writer, entry, context);
}

/** Section 4.5.1: items of one element at its full size, each with its length where the type has no size. */
function encodeBasicList(writer: OctetWriter, list: EncodableFieldMap, context: EncodeContext): void {
  const name = Object.keys(list).find((key) => key !== 'semantic');
  const element = name === undefined ? undefined : (elementByName(name) ?? unknownElement(name, context));
  if (name === undefined || element === undefined)
    throw new RangeError(`a basicList of ${name ?? 'nothing'}`);
  const { enterpriseNumber, elementId, dataType } = element;
  const length = DATA_TYPE_OCTETS[dataType] || VARIABLE_LENGTH;
  writer.uint16(enterpriseNumber === 0 ? elementId : elementId | 0x8000);
  writer.uint16(length);
  if (enterpriseNumber !== 0) writer.uint32(enterpriseNumber);
  for (const value of arrayOf(list[name], name)) encodeField(writer, element, length, value, context);
}

/** Section 4.5.2. */
function encodeSubTemplateList(writer: OctetWriter, list: EncodableFieldMap, context: EncodeContext): void {
  writer.uint16(templateIdOf(list));
  encodeRecords(writer, list, context);
}

/** Section 4.5.3: the length counts its own four octets of header. */
function encodeEntry(writer: OctetWriter, value: EncodableField, context: EncodeContext): void {
  const entry = fieldMapOf(value, 'an entry');
  writer.uint16(templateIdOf(entry));
  const lengthAt = writer.reserve(2);
  encodeRecords(writer, entry, context);
  writer.setUint16(lengthAt, writer.length - lengthAt + 2);
}

function encodeRecords(writer: OctetWriter, list: EncodableFieldMap, context: EncodeContext): void {
  const { octets } = list;
  if (typeof octets === 'string') {
    writer.append(parseHex(octets) ?? new Uint8Array());
    return;
  }
  const records = arrayOf(list['records'], 'records');
  const template = context.templateById?.(templateIdOf(list));
  if (records.length > 0 && template === undefined) {
    throw new RangeError(`Template ID ${templateIdOf(list)} is not known`);
  }
  for (const record of records) {
    encodeFields(writer, template?.fields ?? [], fieldMapOf(record, 'a record'), context);
  }
}

function unknownElement(name: string, context: EncodeContext): InformationElement | undefined {
  const numbers = /^(\d{1,10})\/(\d{1,5})$/.exec(name);
  if (numbers === null) return undefined;
  const [enterpriseNumber, elementId] = [Number(numbers[1]), Number(numbers[2])];
  const known = context.elements?.elementById(enterpriseNumber, elementId);
  return known ?? { enterpriseNumber, elementId, name, dataType: 'octetArray' };
}

function semanticOctet(semantic: EncodableField | undefined, name: string): number {
  const octet = typeof semantic === 'string' ? LIST_SEMANTICS[semantic] : semantic;
  if (typeof octet !== 'number' || octet < 0 || octet > 255) throw new RangeError(`the semantic of ${name}`);
  return octet;
}

function templateIdOf(list: EncodableFieldMap): number {
  const { templateId } = list;
  if (typeof templateId !== 'number') throw new RangeError('a list of records needs its templateId');
  return templateId;
}

function fieldMapOf(value: EncodableField | undefined, name: string): EncodableFieldMap {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isMap && !(value instanceof Uint8Array) && !(value instanceof Date)) return value as EncodableFieldMap;
  throw new RangeError(`${name} takes an object`);
}

function arrayOf(value: EncodableField | undefined, name: string): readonly EncodableField[] {
  if (Array.isArray(value)) return value;
  throw new RangeError(`${name} takes an array`);
}
