import { type AnswerValue, hexOf } from '@weir/analysis';
import type { ExtraLayout } from '@weir/ipfix';

const VARIABLE_LENGTH = 65535;

/**
 * The fields without a column of one record, by name: `PEN/ID` with their octets in hexadecimal. An element
 * that comes several times has a list. Octets that do not fit the layout are left out.
 */
export function readExtraFields(layout: ExtraLayout, octets: Uint8Array): Record<string, AnswerValue> {
  const fields: Record<string, AnswerValue> = {};
  let offset = 0;
  for (const { enterpriseNumber, elementId, length } of layout) {
    const bounds = fieldBounds(octets, offset, length);
    if (bounds === undefined) return fields;
    const name = `${enterpriseNumber}/${elementId}`;
    const value = hexOf(octets.subarray(bounds.start, bounds.end));
    const before = fields[name];
    fields[name] =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
    offset = bounds.end;
  }
  return fields;
}

/** RFC 7011 section 7: a length octet, or 255 and two octets, before a field of variable length. */
function fieldBounds(octets: Uint8Array, offset: number, length: number) {
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
