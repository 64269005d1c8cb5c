/**
 * RFC 6313: lists inside a field. Every item takes octets of the field, so the work for one field is
 * bounded by its length times the nesting allowed, whatever the lists claim.
 */
import { formatHex } from './address-text.ts';
import { BoundedReader } from './bounded-reader.ts';
import { decodeProblem, problemOf } from './decode-error.ts';
import type { ElementRegistry } from './element-registry.ts';
import { type FieldMap, type FieldValue, LIST_SEMANTICS } from './field-value.ts';
import { elementNumberText } from './information-model.ts';
import type { RecordContext, RecordReader } from './record-reader.ts';
import { type Template, VARIABLE_LENGTH } from './template.ts';
import { recordOctetsMin } from './template-layout.ts';
import { decodeValue, isStructured, type StructuredDataType } from './value-codec.ts';

/** The deepest structure known, DPI in YAF, nests three lists. */
export const LIST_NESTING_MAX = 8;

export interface ListContext extends RecordContext {
  readonly elements: Pick<ElementRegistry, 'elementById'>;
  readonly records: Pick<RecordReader, 'readMerged'>;
  /** Lists around this one. */
  readonly nesting: number;
}

const SEMANTIC_NAMES = new Map(Object.entries(LIST_SEMANTICS).map(([name, octet]) => [octet, name]));
/** Octets before the content of a list: section 4.5, figures 3 to 5. */
const HEADER_OCTETS: Readonly<Record<StructuredDataType, number>> = {
  basicList: 5,
  subTemplateList: 3,
  subTemplateMultiList: 1,
};

/**
 * The list in the next `octets` octets, which the caller knows to be there; the reader stays where it is.
 * A malformed list is shown as hexadecimal digits and reported.
 */
export function readStructuredData(
  reader: BoundedReader,
  octets: number,
  dataType: StructuredDataType,
  context: ListContext,
): FieldValue {
  if (octets === 0) return null;
  const { bytes, position, baseOffset } = reader;
  if (octets < HEADER_OCTETS[dataType]) {
    context.problem?.(decodeProblem('list_truncated', reader.offset, `(${octets} octets)`));
    return formatHex(bytes, position, octets);
  }
  try {
    const list = new BoundedReader(bytes, 'list_truncated', position, position + octets, baseOffset);
    return readList(list, dataType, context);
  } catch (error) {
    const problem = problemOf(error);
    if (context.nesting > 0) throw error;
    context.problem?.(problem);
    return formatHex(bytes, position, octets);
  }
}

function readList(list: BoundedReader, dataType: StructuredDataType, context: ListContext): FieldValue {
  if (context.nesting >= LIST_NESTING_MAX) list.fail('list_nesting_excessive');
  const inner = { ...context, nesting: context.nesting + 1 };
  const octet = list.uint8();
  const semantic = SEMANTIC_NAMES.get(octet) ?? octet;
  switch (dataType) {
    case 'basicList':
      return { semantic, ...readBasicList(list, inner) };
    case 'subTemplateList':
      return { semantic, ...readRecords(list, list.uint16(), inner) };
    case 'subTemplateMultiList':
      return { semantic, entries: readEntries(list, inner) };
  }
}

/**
 * Section 4.5.1.
 *
 *     |   Semantic    |E|         Field ID            |   Element...  |
 *     | ...Length     |  (Enterprise Number, when E)  |   content ... |
 */
function readBasicList(list: BoundedReader, context: ListContext): FieldMap {
  const fieldId = list.uint16();
  const length = list.uint16();
  const enterpriseNumber = (fieldId & 0x8000) === 0 ? 0 : list.uint32();
  const elementId = fieldId & 0x7fff;
  const element = context.elements.elementById(enterpriseNumber, elementId);
  const dataType = element?.dataType ?? 'octetArray';
  if (length === 0 && list.remaining > 0) list.fail('list_item_empty');
  const values: FieldValue[] = [];
  while (list.remaining > 0) {
    const octets = length === VARIABLE_LENGTH ? list.variableLength() : length;
    list.require(octets);
    values.push(
      isStructured(dataType)
        ? readStructuredData(list, octets, dataType, context)
        : decodeValue(list.bytes, list.position, octets, dataType),
    );
    list.position += octets;
  }
  return { [element?.name ?? elementNumberText(enterpriseNumber, elementId)]: values };
}

/**
 * Section 4.5.3: entries of
 *
 *     |          Template ID          |      Data Records Length      |
 *     |                     Data Records ...                          |
 *
 * whose length counts the four octets of these two fields.
 */
function readEntries(list: BoundedReader, context: ListContext): FieldValue[] {
  const entries: FieldValue[] = [];
  while (list.remaining > 0) {
    const templateId = list.uint16();
    const octets = list.uint16() - 4;
    if (octets < 0) list.fail('list_truncated', `(Data Records Length ${octets + 4})`);
    entries.push(readRecords(list.window(octets), templateId, context));
  }
  return entries;
}

/** Records of one template to the end of the window; as octets when the template is not known. */
function readRecords(window: BoundedReader, templateId: number, context: ListContext): FieldMap {
  if (window.remaining === 0) return { templateId, records: [] };
  const template = context.templateById(templateId);
  if (template === undefined) {
    context.problem?.(decodeProblem('list_template_unknown', window.offset, `(Template ID ${templateId})`));
    return { templateId, octets: formatHex(window.bytes, window.position, window.remaining) };
  }
  return { templateId, records: recordsOf(window, template, context) };
}

function recordsOf(window: BoundedReader, template: Template, context: ListContext): FieldValue[] {
  if (recordOctetsMin(template) === 0) window.fail('list_item_empty', `(Template ID ${template.templateId})`);
  const records: FieldValue[] = [];
  while (window.remaining > 0) {
    records.push(context.records.readMerged(window, template, context, context.nesting));
  }
  return records;
}
