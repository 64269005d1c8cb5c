import { BoundedReader } from './bounded-reader.ts';
import type { FieldValue } from './field-value.ts';
import { elementById } from './information-model.ts';
import { type ListContext, readStructuredData } from './structured-data-reader.ts';
import type { StructuredDataType } from './value-codec.ts';

/** What can be known of a list without the session that it came over: its elements, not its templates. */
const CONTEXT: ListContext = {
  elements: { elementById },
  templateById: () => undefined,
  records: { readMerged: () => ({}) },
  nesting: 0,
};

/**
 * A list of RFC 6313 out of a record that is kept as octets: a basicList as
 * `{semantic, NAME: [values]}`; the others as `{semantic, templateId, octets}`, in hexadecimal digits, for their templates
 * are not in the record. Octets that are no list as hexadecimal digits. Null where there are none.
 */
export function readList(
  bytes: Uint8Array,
  start: number,
  length: number,
  dataType: StructuredDataType,
): FieldValue {
  return readStructuredData(
    new BoundedReader(bytes, 'list_truncated', start, start + length, 0),
    length,
    dataType,
    CONTEXT,
  );
}
