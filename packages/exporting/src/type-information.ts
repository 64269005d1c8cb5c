/** RFC 5610: what our enterprise elements are, told to each collector before they are used. */
import {
  ABSTRACT_DATA_TYPES,
  DATA_TYPE_SEMANTICS,
  ELEMENT_UNITS,
  elementById,
  type FieldSpecifier,
  REVERSE_ENTERPRISE_NUMBER,
  type Template,
  VARIABLE_LENGTH,
} from '@weir/ipfix';
import { OPTIONS_TEMPLATE_ID_FIRST } from './export-template.ts';
import { type ColdMessage, encodeOptionRecords } from './template-message.ts';

function iana(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: 0, elementId, length };
}

/**
 * RFC 5610 section 3.9. Scope: privateEnterpriseNumber, informationElementId; then informationElementDataType,
 * informationElementSemantics, informationElementUnits and informationElementName.
 */
export const TYPE_INFORMATION: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 4,
  scopeFieldCount: 2,
  fields: [iana(346, 4), iana(303, 2), iana(339, 1), iana(344, 1), iana(345, 2), iana(341, VARIABLE_LENGTH)],
};

/**
 * The fields whose elements a collector may not know: of an enterprise, and known to us. Those of RFC 5103
 * have the type of the element that they reverse.
 */
export function describableFields(templates: readonly Template[]): FieldSpecifier[] {
  const found = new Map<string, FieldSpecifier>();
  for (const { fields } of templates) {
    for (const field of fields) {
      const { enterpriseNumber, elementId } = field;
      if (enterpriseNumber === 0 || enterpriseNumber === REVERSE_ENTERPRISE_NUMBER) continue;
      if (elementById(enterpriseNumber, elementId) === undefined) continue;
      found.set(fieldKey(field), field);
    }
  }
  return [...found.values()];
}

export function fieldKey({ enterpriseNumber, elementId }: FieldSpecifier): string {
  return `${enterpriseNumber}/${elementId}`;
}

/** Type records of the fields; `TYPE_INFORMATION` must have been announced. */
export function encodeTypeInformation(
  fields: readonly FieldSpecifier[],
  messageOctetsMax: number,
): ColdMessage[] {
  const records = fields.flatMap(({ enterpriseNumber, elementId }) => {
    const element = elementById(enterpriseNumber, elementId);
    if (element === undefined) return [];
    const record = {
      scope: { privateEnterpriseNumber: enterpriseNumber, informationElementId: elementId },
      fields: {
        informationElementDataType: ABSTRACT_DATA_TYPES.indexOf(element.dataType),
        informationElementSemantics: DATA_TYPE_SEMANTICS.indexOf(element.semantics ?? 'default'),
        informationElementUnits: ELEMENT_UNITS.indexOf(element.units ?? 'none'),
        informationElementName: element.name,
      },
    };
    return [{ template: TYPE_INFORMATION, record }];
  });
  return encodeOptionRecords(records, messageOctetsMax);
}
