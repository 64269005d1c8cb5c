import type { BoundedReader } from './bounded-reader.ts';
import { type Template, VARIABLE_LENGTH } from './template.ts';

/** The fewest octets that a record of this template can have: a variable-length field takes at least one. */
export function recordOctetsMin(template: Template): number {
  let octets = 0;
  for (const field of template.fields) octets += field.length === VARIABLE_LENGTH ? 1 : field.length;
  return octets;
}

/** Moves the reader past one record, and gives the record's octets; throws a DecodeError when it is cut off. */
export function skipRecord(reader: BoundedReader, template: Template): number {
  const start = reader.position;
  for (const field of template.fields) {
    reader.skip(field.length === VARIABLE_LENGTH ? reader.variableLength() : field.length);
  }
  return reader.position - start;
}
