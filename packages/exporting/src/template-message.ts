/** Messages of Template Sets, Options Template Sets and option records: the cold half of exporting. */
import { createMessageEncoder, type EncodableRecord, type Template } from '@weir/ipfix';

/** A whole message whose sequence number and Export Time are 0: a collector's session writes them. */
export interface ColdMessage {
  readonly bytes: Uint8Array;
  /** Data Records in it: option records. */
  readonly recordCount: number;
}

/** Octets 12 to 15 of a message: its Observation Domain ID. */
export const DOMAIN_OFFSET = 12;

/**
 * RFC 7011 section 3.1: the Observation Domain ID is 0 where none applies, as for statistics of the Exporting
 * Process. It is a sequence of its own, so collectors that count only flow records see no gap in theirs.
 */
export const PROCESS_DOMAIN_ID = 0;

/**
 * Announces templates of one observation domain, and withdraws others first (over a stream only). Options
 * Templates go one a message: nfacctd 1.7.7 takes a Set with two for malformed.
 */
export function encodeTemplates(
  templates: readonly Template[],
  observationDomainId: number,
  messageOctetsMax: number,
  withdrawn: readonly Template[] = [],
): ColdMessage[] {
  return encodeMessages(observationDomainId, messageOctetsMax, (encoder) => {
    for (const { templateId, scopeFieldCount } of withdrawn) {
      encoder.addWithdrawal(scopeFieldCount > 0 ? 'optionsTemplate' : 'template', templateId);
    }
    for (const template of templates) {
      encoder.addTemplate(template);
      if (template.scopeFieldCount > 0) encoder.flush();
    }
  });
}

/** Option records, of the Exporting Process unless said otherwise, without their templates. */
export function encodeOptionRecords(
  records: readonly { readonly template: Template; readonly record: EncodableRecord }[],
  messageOctetsMax: number,
  observationDomainId = PROCESS_DOMAIN_ID,
): ColdMessage[] {
  return encodeMessages(observationDomainId, messageOctetsMax, (encoder) => {
    for (const { template, record } of records) encoder.addRecord(template, record);
  });
}

function encodeMessages(
  observationDomainId: number,
  messageOctetsMax: number,
  fill: (encoder: ReturnType<typeof createMessageEncoder>) => void,
): ColdMessage[] {
  const messages: ColdMessage[] = [];
  const encoder = createMessageEncoder({
    observationDomainId,
    messageOctetsMax,
    exportTimeMs: () => 0,
    onMessage(bytes, octets, recordCount) {
      const whole = bytes.slice(0, octets);
      new DataView(whole.buffer).setUint32(8, 0);
      messages.push({ bytes: whole, recordCount });
      return bytes;
    },
  });
  fill(encoder);
  encoder.flush();
  return messages;
}
