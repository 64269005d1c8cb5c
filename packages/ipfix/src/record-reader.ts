/**
 * Data Records as people read them: a map of named values for each, RFC 7011 section 3.4.3. The path for
 * `weir decode`, for options records and for tests; flow records on their way to the store go through the
 * flow decoder, which makes no objects.
 */
import type { BoundedReader } from './bounded-reader.ts';
import type { DecodeProblem } from './decode-error.ts';
import type { ElementRegistry } from './element-registry.ts';
import type { FieldMap, FieldValue, RecordFields } from './field-value.ts';
import { elementNumberText } from './information-model.ts';
import { readStructuredData } from './structured-data-reader.ts';
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from './template.ts';
import {
  decodeFixedString,
  decoderOf,
  isStructured,
  type PlainValue,
  type StructuredDataType,
} from './value-codec.ts';

/**
 * Fields of no octets shown for one template (NetFlow v9 scopes are sent so). They cost the sender nothing,
 * so a template full of them must not cost us a value for each in every record.
 */
const EMPTY_FIELDS_SHOWN_MAX = 16;

/** Where templates named inside structured data come from, and where problems inside a record go. */
export interface RecordContext {
  templateById(templateId: number): Template | undefined;
  problem?(problem: DecodeProblem): void;
}

export interface RecordReader {
  /**
   * The record at the reader's position, which moves past it. Throws a DecodeError when the record reaches
   * beyond the reader's end; structured data that cannot be read is shown as hexadecimal digits, and the
   * reason goes to `context.problem`.
   */
  read(reader: BoundedReader, template: Template, context: RecordContext): RecordFields;
  /** As `read`, scopes and fields in one map: what a list of records shows. */
  readMerged(reader: BoundedReader, template: Template, context: RecordContext, nesting: number): FieldMap;
}

interface FieldPlan {
  readonly name: string;
  readonly octets: number;
  readonly isRepeated: boolean;
  readonly structured: StructuredDataType | undefined;
  readonly decode: (bytes: Uint8Array, position: number, octets: number) => PlainValue;
}

interface RecordPlan {
  readonly revision: number;
  readonly scope: readonly FieldPlan[];
  readonly fields: readonly FieldPlan[];
  readonly merged: readonly FieldPlan[];
}

/** `elements` is what this transport session knows of elements. */
export function createRecordReader(
  elements: Pick<ElementRegistry, 'elementById' | 'revision'>,
): RecordReader {
  const plans = new WeakMap<Template, RecordPlan>();

  function planOf(template: Template): RecordPlan {
    const known = plans.get(template);
    if (known !== undefined && known.revision === elements.revision) return known;
    const { fields, scopeFieldCount } = template;
    const plan: RecordPlan = {
      revision: elements.revision,
      scope: planFields(fields.slice(0, scopeFieldCount), elements),
      fields: planFields(fields.slice(scopeFieldCount), elements),
      merged: planFields(fields, elements),
    };
    plans.set(template, plan);
    return plan;
  }

  function readFields(
    reader: BoundedReader,
    plan: readonly FieldPlan[],
    context: RecordContext,
    nesting: number,
  ): FieldMap {
    const into: FieldMap = {};
    for (const field of plan) {
      const octets = field.octets === VARIABLE_LENGTH ? reader.variableLength() : field.octets;
      reader.require(octets);
      const value =
        field.structured === undefined
          ? field.decode(reader.bytes, reader.position, octets)
          : readStructuredData(reader, octets, field.structured, { ...context, elements, records, nesting });
      reader.position += octets;
      if (field.isRepeated) append(into, field.name, value);
      else into[field.name] = value;
    }
    return into;
  }

  const records: RecordReader = {
    read(reader, template, context) {
      const plan = planOf(template);
      if (template.scopeFieldCount === 0) return { fields: readFields(reader, plan.fields, context, 0) };
      const scope = readFields(reader, plan.scope, context, 0);
      return { scope, fields: readFields(reader, plan.fields, context, 0) };
    },
    readMerged: (reader, template, context, nesting) =>
      readFields(reader, planOf(template).merged, context, nesting),
  };
  return records;
}

function planFields(
  fields: readonly FieldSpecifier[],
  elements: Pick<ElementRegistry, 'elementById'>,
): FieldPlan[] {
  let emptyFields = 0;
  const shown = fields.filter((field) => field.length > 0 || emptyFields++ < EMPTY_FIELDS_SHOWN_MAX);
  const timesSeen = new Map<string, number>();
  const plans = shown.map((field) => {
    const plan = planField(field, elements);
    timesSeen.set(plan.name, (timesSeen.get(plan.name) ?? 0) + 1);
    return plan;
  });
  return plans.map((plan) => ({ ...plan, isRepeated: (timesSeen.get(plan.name) ?? 0) > 1 }));
}

function planField(field: FieldSpecifier, elements: Pick<ElementRegistry, 'elementById'>): FieldPlan {
  const { enterpriseNumber, elementId } = field;
  const element = elements.elementById(enterpriseNumber, elementId);
  const dataType = element?.dataType ?? 'octetArray';
  const isFixedString = dataType === 'string' && field.length !== VARIABLE_LENGTH;
  return {
    name: element?.name ?? elementNumberText(enterpriseNumber, elementId),
    octets: field.length,
    isRepeated: false,
    structured: isStructured(dataType) ? dataType : undefined,
    decode: isFixedString ? decodeFixedString : decoderOf(isStructured(dataType) ? 'octetArray' : dataType),
  };
}

function append(into: FieldMap, name: string, value: FieldValue): void {
  const values = into[name];
  if (Array.isArray(values)) values.push(value);
  else into[name] = [value];
}
