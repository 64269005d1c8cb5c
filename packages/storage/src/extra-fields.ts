import { type AnswerValue, hexOf } from '@weir/analysis';
import { decodeValue, type ExtraField, type ExtraLayout, elementById, readList } from '@weir/ipfix';

const VARIABLE_LENGTH = 65535;

/**
 * The fields without a column of one record, as `decode --json` shows fields: by the element's name, or
 * `PEN/ID` with the octets in hexadecimal where it is unknown; lists of RFC 6313 are JSON text. An element
 * that comes several times has a list. Octets that do not fit the layout are left out.
 */
export function readExtraFields(layout: ExtraLayout, octets: Uint8Array): Record<string, AnswerValue> {
  const fields = new Map<string, AnswerValue[]>();
  let offset = 0;
  for (const field of layout) {
    const bounds = fieldBounds(octets, offset, field.length);
    if (bounds === undefined) break;
    const { name, value } = readField(field, octets, bounds);
    fields.set(name, [...(fields.get(name) ?? []), value]);
    offset = bounds.end;
  }
  return Object.fromEntries(
    [...fields].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  );
}

type ListType = 'basicList' | 'subTemplateList' | 'subTemplateMultiList';

/**
 * A list as JSON text, which SQL takes apart: `json_extract("basicList", '$.egressInterface')`. The engine's text holds no
 * NUL.
 */
export function listText(octets: Uint8Array, start: number, length: number, dataType: ListType): string {
  return JSON.stringify(readList(octets, start, length, dataType)).replaceAll('\\u0000', '\ufffd');
}

interface Bounds {
  readonly start: number;
  readonly end: number;
}

function readField({ enterpriseNumber, elementId }: ExtraField, octets: Uint8Array, { start, end }: Bounds) {
  const element = elementById(enterpriseNumber, elementId);
  if (element === undefined) {
    return { name: `${enterpriseNumber}/${elementId}`, value: hexOf(octets.subarray(start, end)) };
  }
  const { name, dataType } = element;
  switch (dataType) {
    case 'basicList':
    case 'subTemplateList':
    case 'subTemplateMultiList':
      return { name, value: listText(octets, start, end - start, dataType) };
    default:
      return { name, value: decodeValue(octets, start, end - start, dataType) };
  }
}

/** RFC 7011 section 7: a length octet, or 255 and two octets, before a field of variable length. */
function fieldBounds(octets: Uint8Array, offset: number, length: number): Bounds | undefined {
  let start = offset;
  let size = length;
  if (length === VARIABLE_LENGTH) {
    const first = octets[offset];
    if (first === undefined) return undefined;
    start += first === 255 ? 3 : 1;
    size = first === 255 ? ((octets[offset + 1] ?? 0) << 8) | (octets[offset + 2] ?? 0) : first;
  }
  return start + size <= octets.length ? { start, end: start + size } : undefined;
}
