/** NetFlow versions without templates: the record as a template that is always known. */
import { type StoredTemplate, storedTemplate } from './template-store.ts';

export interface FixedFormat {
  readonly version: 1 | 5 | 7;
  readonly headerOctets: number;
  readonly recordOctets: number;
  /** Its Template ID is 0, which no exporter can announce. */
  readonly entry: StoredTemplate;
}

/** IANA element and octets, in the order of the record. */
export type FixedFields = readonly (readonly [elementId: number, length: number])[];

interface FixedFormatDefinition {
  readonly version: 1 | 5 | 7;
  readonly headerOctets: number;
  readonly fields: FixedFields;
}

export function fixedFormat({ version, headerOctets, fields }: FixedFormatDefinition): FixedFormat {
  const specifiers = fields.map(([elementId, length]) => ({ enterpriseNumber: 0, elementId, length }));
  const entry = storedTemplate({ templateId: 0, scopeFieldCount: 0, fields: specifiers }, false, 0);
  return { version, headerOctets, recordOctets: entry.recordOctets, entry };
}
