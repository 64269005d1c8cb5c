/** Messages of Template Sets and Options Template Sets (RFC 7011 section 3.4), none above the size given. */
import type { ExtraField as FieldSpecifier } from '@weir/ipfix';
import { MESSAGE_HEADER_OCTETS } from './message-packer.ts';

/** A template as a collector hears of it. */
export interface AnnouncedTemplate {
  readonly templateId: number;
  /** 0 for a Template Record. */
  readonly scopeFieldCount: number;
  readonly fields: readonly FieldSpecifier[];
}

export interface TemplateMessage {
  /** A whole message, sequence number and Export Time 0. */
  readonly bytes: Uint8Array;
  readonly templates: readonly AnnouncedTemplate[];
}

const TEMPLATE_SET_ID = 2;
const OPTIONS_TEMPLATE_SET_ID = 3;

export function encodeTemplateMessages(
  templates: readonly AnnouncedTemplate[],
  { observationDomainId, messageOctetsMax }: { observationDomainId: number; messageOctetsMax: number },
): TemplateMessage[] {
  const messages: TemplateMessage[] = [];
  let pending: AnnouncedTemplate[] = [];
  let octets = MESSAGE_HEADER_OCTETS;
  for (const template of templates) {
    const needed = 4 + octetsOf(template);
    if (octets + needed > messageOctetsMax && pending.length > 0) {
      messages.push(encode(pending, observationDomainId, octets));
      pending = [];
      octets = MESSAGE_HEADER_OCTETS;
    }
    pending.push(template);
    octets += needed;
  }
  if (pending.length > 0) messages.push(encode(pending, observationDomainId, octets));
  return messages;
}

function octetsOf({ scopeFieldCount, fields }: AnnouncedTemplate): number {
  let octets = scopeFieldCount > 0 ? 6 : 4;
  for (const { enterpriseNumber } of fields) octets += enterpriseNumber === 0 ? 4 : 8;
  return octets;
}

function encode(
  templates: AnnouncedTemplate[],
  observationDomainId: number,
  octets: number,
): TemplateMessage {
  const bytes = new Uint8Array(octets);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 10);
  view.setUint16(2, octets);
  view.setUint32(12, observationDomainId);
  let position = MESSAGE_HEADER_OCTETS;
  for (const template of templates) {
    const { scopeFieldCount, fields } = template;
    view.setUint16(position, scopeFieldCount > 0 ? OPTIONS_TEMPLATE_SET_ID : TEMPLATE_SET_ID);
    view.setUint16(position + 2, 4 + octetsOf(template));
    view.setUint16(position + 4, template.templateId);
    view.setUint16(position + 6, fields.length);
    position += 8;
    if (scopeFieldCount > 0) {
      view.setUint16(position, scopeFieldCount);
      position += 2;
    }
    for (const { enterpriseNumber, elementId, length } of fields) {
      view.setUint16(position, enterpriseNumber === 0 ? elementId : elementId | 0x8000);
      view.setUint16(position + 2, length);
      position += 4;
      if (enterpriseNumber === 0) continue;
      view.setUint32(position, enterpriseNumber);
      position += 4;
    }
  }
  return { bytes, templates };
}
