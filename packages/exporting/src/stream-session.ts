/**
 * What one transport session over TCP or TLS knows: which templates the collector has, and where each
 * observation domain's sequence is. A new connection begins with neither (RFC 7011 sections 3.1 and 8).
 */
import type { Template } from '@weir/ipfix';
import { EXPORT_TIME_OFFSET, SEQUENCE_NUMBER_OFFSET } from './collector-connection.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import type { Anonymisation } from './profile-collector.ts';
import { type ColdMessage, DOMAIN_OFFSET, encodeTemplates, PROCESS_DOMAIN_ID } from './template-message.ts';
import { anonymisationRecords, anonymisationTemplate } from './treatment-record.ts';
import { describableFields, encodeTypeInformation, fieldKey, TYPE_INFORMATION } from './type-information.ts';

export interface StreamSession {
  /** Messages with the templates that the collector lacks to read these; it has them then. */
  announce(templates: readonly Template[]): OutgoingMessage[];
  /** Writes Export Time and sequence number into a message that leaves now. */
  stamp(message: OutgoingMessage, nowMs: number): void;
}

export interface SessionOptions {
  readonly anonymisation: Anonymisation | undefined;
  readonly observationDomainId: number;
  readonly messageOctetsMax: () => number;
}

export function createStreamSession(options: SessionOptions): StreamSession {
  const known = new Map<number, Template>();
  const described = new Set<string>();
  let isExplaining = false;
  const sequenceNumbers = new Map<number, number>();

  /** RFC 7011 section 8.1: an ID is withdrawn before it means something else. */
  function announceIn(domain: number, templates: readonly Template[]): OutgoingMessage[] {
    const withdrawn = templates.filter(({ templateId }) => known.has(templateId));
    for (const template of templates) known.set(template.templateId, template);
    return encodeTemplates(templates, domain, options.messageOctetsMax(), withdrawn).map(outgoing);
  }

  /** Type information of the enterprise elements that are used for the first time. */
  function describe(templates: readonly Template[]): OutgoingMessage[] {
    const fields = describableFields(templates).filter((field) => !described.has(fieldKey(field)));
    if (fields.length === 0) return [];
    for (const field of fields) described.add(fieldKey(field));
    const template = lacks(TYPE_INFORMATION) ? announceIn(PROCESS_DOMAIN_ID, [TYPE_INFORMATION]) : [];
    return [...template, ...encodeTypeInformation(fields, options.messageOctetsMax()).map(outgoing)];
  }

  /** What was done to the addresses in the templates. */
  function explainAddresses(templates: readonly Template[]): OutgoingMessage[] {
    const { anonymisation, observationDomainId } = options;
    if (anonymisation === undefined || templates.length === 0) return [];
    const octetsMax = options.messageOctetsMax();
    const first = isExplaining ? [] : anonymisationTemplate(observationDomainId, octetsMax);
    isExplaining = true;
    const records = anonymisationRecords(templates, anonymisation, observationDomainId, octetsMax);
    return [...first, ...records].map(outgoing);
  }

  function lacks(template: Template): boolean {
    const had = known.get(template.templateId);
    return had === undefined || (had !== template && !isSameTemplate(had, template));
  }

  return {
    announce(templates) {
      const unknown = templates.filter(lacks);
      if (unknown.length === 0) return [];
      const dataTemplates = unknown.filter((template) => !isOptions(template));
      return [
        ...describe(unknown),
        ...announceIn(PROCESS_DOMAIN_ID, unknown.filter(isOptions)),
        ...announceIn(options.observationDomainId, dataTemplates),
        ...explainAddresses(dataTemplates),
      ];
    },
    stamp({ bytes, records }, nowMs) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const domain = view.getUint32(DOMAIN_OFFSET);
      const sequenceNumber = sequenceNumbers.get(domain) ?? 0;
      view.setUint32(EXPORT_TIME_OFFSET, Math.floor(nowMs / 1000));
      view.setUint32(SEQUENCE_NUMBER_OFFSET, sequenceNumber);
      sequenceNumbers.set(domain, (sequenceNumber + records) >>> 0);
    },
  };
}

/** A message of templates or option records. */
export function outgoing({ bytes, recordCount }: ColdMessage): OutgoingMessage {
  return { bytes, records: recordCount, flows: 0, packets: 0, octets: 0, templates: [] };
}

function isOptions({ scopeFieldCount }: Template): boolean {
  return scopeFieldCount > 0;
}

function isSameTemplate(a: Template, b: Template): boolean {
  return (
    a.scopeFieldCount === b.scopeFieldCount &&
    a.fields.length === b.fields.length &&
    a.fields.every(({ enterpriseNumber, elementId, length }, index) => {
      const other = b.fields[index];
      return (
        other?.enterpriseNumber === enterpriseNumber &&
        other.elementId === elementId &&
        other.length === length
      );
    })
  );
}
