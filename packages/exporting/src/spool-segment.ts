/**
 * Reading a segment of the spool: an IPFIX File (RFC 5655) that begins with no knowledge and announces every
 * template before its first record, so that each segment can be read, sent and removed on its own.
 */
import { type FieldSpecifier, type Template, VARIABLE_LENGTH } from '@weir/ipfix';
import { MESSAGE_HEADER_OCTETS } from './message-packer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

const IPFIX_VERSION = 10;
const SET_HEADER_OCTETS = 4;
const SET_ID_TEMPLATE = 2;
const SET_ID_OPTIONS_TEMPLATE = 3;
const DATA_SET_ID_FIRST = 256;
const OCTET_DELTA_COUNT = 1;
const PACKET_DELTA_COUNT = 2;
const WORD = 2 ** 32;

export interface SegmentReader {
  /** Where the next message begins. */
  readonly position: number;
  /** The next message of records, or undefined at the end: of the segment, or of what is whole in it. */
  next(): OutgoingMessage | undefined;
}

/** A message that its writer did not finish, or that a disk has damaged, ends the segment. */
export function createSegmentReader(bytes: Uint8Array): SegmentReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const templates = new Map<number, Template>();
  let position = 0;

  function messageOctets(): number {
    if (position + MESSAGE_HEADER_OCTETS > bytes.length) return 0;
    const octets = view.getUint16(position + 2);
    const isWhole = octets >= MESSAGE_HEADER_OCTETS && position + octets <= bytes.length;
    return isWhole && view.getUint16(position) === IPFIX_VERSION ? octets : 0;
  }

  /** Undefined when the message has no records that we can send. */
  function readMessage(start: number, end: number): OutgoingMessage | undefined {
    const used: Template[] = [];
    const sums = { records: 0, flows: 0, packets: 0, octets: 0 };
    for (let at = start + MESSAGE_HEADER_OCTETS; at + SET_HEADER_OCTETS <= end; ) {
      const setId = view.getUint16(at);
      const setEnd = at + view.getUint16(at + 2);
      if (setEnd < at + SET_HEADER_OCTETS || setEnd > end) return undefined;
      if (setId === SET_ID_TEMPLATE || setId === SET_ID_OPTIONS_TEMPLATE) {
        readTemplates(view, setId, at + SET_HEADER_OCTETS, setEnd, templates);
      } else if (setId >= DATA_SET_ID_FIRST) {
        const template = templates.get(setId);
        if (template === undefined) return undefined;
        used.push(template);
        addRecords(view, at + SET_HEADER_OCTETS, setEnd, template, sums);
      }
      at = setEnd;
    }
    if (used.length === 0) return undefined;
    // A copy: sequence number and Export Time are written into it.
    return { bytes: bytes.slice(start, end), templates: used, ...sums };
  }

  return {
    get position() {
      return position;
    },
    next() {
      for (let octets = messageOctets(); octets > 0; octets = messageOctets()) {
        const start = position;
        position += octets;
        const message = readMessage(start, position);
        if (message !== undefined) return message;
      }
      return undefined;
    },
  };
}

/** RFC 7011 sections 3.4.1 and 3.4.2. */
function readTemplates(
  view: DataView,
  setId: number,
  from: number,
  end: number,
  templates: Map<number, Template>,
): void {
  const headerOctets = setId === SET_ID_OPTIONS_TEMPLATE ? 6 : 4;
  for (let at = from; at + headerOctets <= end; ) {
    const templateId = view.getUint16(at);
    const fieldCount = view.getUint16(at + 2);
    const scopeFieldCount = setId === SET_ID_OPTIONS_TEMPLATE ? view.getUint16(at + 4) : 0;
    at += headerOctets;
    const fields: FieldSpecifier[] = [];
    for (let i = 0; i < fieldCount && at + 4 <= end; i += 1) {
      const number = view.getUint16(at);
      const isEnterprise = number >= 0x8000 && at + 8 <= end;
      fields.push({
        enterpriseNumber: isEnterprise ? view.getUint32(at + 4) : 0,
        elementId: number & 0x7fff,
        length: view.getUint16(at + 2),
      });
      at += isEnterprise ? 8 : 4;
    }
    if (fields.length === fieldCount) templates.set(templateId, { templateId, scopeFieldCount, fields });
  }
}

interface Sums {
  records: number;
  /** Of the records those that are no option records. */
  flows: number;
  packets: number;
  octets: number;
}

function addRecords(view: DataView, from: number, end: number, template: Template, sums: Sums): void {
  for (let at = from; at < end; ) {
    const next = addRecord(view, at, end, template, sums);
    if (next <= at || next > end) return;
    sums.records += 1;
    if (template.scopeFieldCount === 0) sums.flows += 1;
    at = next;
  }
}

/** Adds the record's counters and gives where it ends; beyond `end` when it is not whole. */
function addRecord(view: DataView, from: number, end: number, template: Template, sums: Sums): number {
  let at = from;
  for (const { enterpriseNumber, elementId, length } of template.fields) {
    const octets = length === VARIABLE_LENGTH ? variableOctets(view, at, end) : length;
    if (at + octets > end) return end + 1;
    if (enterpriseNumber === 0 && octets === 8) {
      if (elementId === OCTET_DELTA_COUNT) sums.octets += unsigned64(view, at);
      else if (elementId === PACKET_DELTA_COUNT) sums.packets += unsigned64(view, at);
    }
    at += octets;
  }
  return at;
}

/** RFC 7011 section 7: octets of the field with the length in front of it. */
function variableOctets(view: DataView, at: number, end: number): number {
  if (at >= end) return 1;
  const short = view.getUint8(at);
  if (short < 255) return 1 + short;
  return at + 3 > end ? 3 : 3 + view.getUint16(at + 1);
}

function unsigned64(view: DataView, at: number): number {
  return view.getUint32(at) * WORD + view.getUint32(at + 4);
}
