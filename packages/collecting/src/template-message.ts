/**
 * Builds messages that hold nothing but templates, for a collector that was not there when the exporter sent
 * them. Their header is that of a message of the exporter, so that they stand right before it: in IPFIX
 * (RFC 7011 section 3.1) with its sequence number, which counts the data records before it; in NetFlow v9 (RFC
 * 3954 section 5.1), which counts messages, with the number before.
 */
import { type DomainTemplate, V9_SCOPE_ELEMENT_IDS } from '@weir/ipfix';

const IPFIX_HEADER_OCTETS = 16;
const V9_HEADER_OCTETS = 20;
/** Below the path MTU of every tunnel that flows are exported through. */
const MESSAGE_OCTETS_MAX = 1280;
const SET_HEADER_OCTETS = 4;
const ENTERPRISE_BIT = 0x8000;
const V9_SCOPE_TYPES = new Map([...V9_SCOPE_ELEMENT_IDS].map(([type, elementId]) => [elementId, type]));

/** The templates as messages that may stand before `message`, an IPFIX or NetFlow v9 message of their domain. */
export function templateMessages(message: Uint8Array, templates: readonly DomainTemplate[]): Uint8Array[] {
  const version = ((message[0] ?? 0) << 8) | (message[1] ?? 0);
  const headerOctets = version === 10 ? IPFIX_HEADER_OCTETS : V9_HEADER_OCTETS;
  if (version < 9 || message.length < headerOctets) return [];
  const messages: Uint8Array[] = [];
  let sets: Uint8Array[] = [];
  let octets = headerOctets;
  for (const template of templates) {
    const set = version === 10 ? ipfixSet(template) : v9Set(template);
    if (octets + set.length > MESSAGE_OCTETS_MAX && sets.length > 0) {
      messages.push(join(message.subarray(0, headerOctets), version, sets));
      sets = [];
      octets = headerOctets;
    }
    sets.push(set);
    octets += set.length;
  }
  if (sets.length > 0) messages.push(join(message.subarray(0, headerOctets), version, sets));
  return messages;
}

/** Whether a Set of the message defines templates; only such messages teach a collector anything. */
export function carriesTemplates(message: Uint8Array): boolean {
  const version = ((message[0] ?? 0) << 8) | (message[1] ?? 0);
  if (version < 9) return false;
  const lastTemplateSet = version === 10 ? 3 : 1;
  let offset = version === 10 ? IPFIX_HEADER_OCTETS : V9_HEADER_OCTETS;
  while (offset + SET_HEADER_OCTETS <= message.length) {
    const setId = ((message[offset] ?? 0) << 8) | (message[offset + 1] ?? 0);
    if (setId <= lastTemplateSet) return true;
    offset += Math.max(SET_HEADER_OCTETS, ((message[offset + 2] ?? 0) << 8) | (message[offset + 3] ?? 0));
  }
  return false;
}

function join(header: Uint8Array, version: number, sets: readonly Uint8Array[]): Uint8Array {
  const length = sets.reduce((sum, set) => sum + set.length, header.length);
  const bytes = new Uint8Array(length);
  bytes.set(header);
  let offset = header.length;
  for (const set of sets) {
    bytes.set(set, offset);
    offset += set.length;
  }
  const view = new DataView(bytes.buffer);
  if (version === 10) view.setUint16(2, length);
  else {
    view.setUint16(2, sets.length);
    view.setUint32(12, view.getUint32(12) - 1);
  }
  return bytes;
}

/** One Set with one record (RFC 7011 sections 3.4.1 and 3.4.2). */
function ipfixSet({ template, options }: DomainTemplate): Uint8Array {
  const { templateId, scopeFieldCount, fields } = template;
  const words = [templateId, fields.length];
  if (options) words.push(scopeFieldCount);
  for (const { enterpriseNumber, elementId, length } of fields) {
    if (enterpriseNumber === 0) words.push(elementId, length);
    else words.push(elementId | ENTERPRISE_BIT, length, enterpriseNumber >>> 16, enterpriseNumber & 0xffff);
  }
  return setOf(options ? 3 : 2, words);
}

/** One FlowSet with one record (RFC 3954 sections 5.2 and 6.1). */
function v9Set({ template, options }: DomainTemplate): Uint8Array {
  const { templateId, scopeFieldCount, fields } = template;
  const words = options
    ? [templateId, 4 * scopeFieldCount, 4 * (fields.length - scopeFieldCount)]
    : [templateId, fields.length];
  for (const [index, { elementId, length }] of fields.entries()) {
    const isScope = options && index < scopeFieldCount;
    words.push(isScope ? (V9_SCOPE_TYPES.get(elementId) ?? elementId) : elementId, length);
  }
  return setOf(options ? 1 : 0, words);
}

/** Padded to four octets, as both protocols like their Sets. */
function setOf(setId: number, words: readonly number[]): Uint8Array {
  const octets = SET_HEADER_OCTETS + 4 * Math.ceil(words.length / 2);
  const view = new DataView(new ArrayBuffer(octets));
  view.setUint16(0, setId);
  view.setUint16(2, octets);
  for (const [index, word] of words.entries()) view.setUint16(SET_HEADER_OCTETS + 2 * index, word);
  return new Uint8Array(view.buffer);
}
