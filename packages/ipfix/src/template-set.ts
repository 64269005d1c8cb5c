/**
 * The Sets that define templates: IPFIX (RFC 7011 sections 3.4.1, 3.4.2 and 8.1) and NetFlow v9 (RFC 3954
 * sections 5.2 and 6.1). What is parsed here is a value; whether it is kept is the template store's business.
 */
import { assert } from '@weir/base';
import type { BoundedReader } from './bounded-reader.ts';
import { type DecodeProblem, decodeProblem, problemOf } from './decode-error.ts';
import type { FieldSpecifier, Template } from './template.ts';
import { recordOctetsMin } from './template-layout.ts';

/** RFC 7011 section 3.3.2. */
export const SET_ID_TEMPLATE = 2;
export const SET_ID_OPTIONS_TEMPLATE = 3;
/** RFC 3954 section 5.2 and 6.1. */
export const V9_SET_ID_TEMPLATE = 0;
export const V9_SET_ID_OPTIONS_TEMPLATE = 1;
/** The smallest Template ID, and the smallest Set ID of a Data Set. */
export const TEMPLATE_ID_MIN = 256;

/**
 * Fields of one template. The largest seen in the field has about 200; 2048 × 32 octets of specifier are
 * 64 KiB, and a record of so many fields hardly fits a message.
 */
export const FIELDS_PER_TEMPLATE_MAX = 2048;

/** RFC 7011 section 8.1: a Template ID withdrawn, or all of one kind when the ID is that kind's Set ID. */
export interface TemplateWithdrawal {
  readonly templateId: number;
  readonly all: 'templates' | 'optionsTemplates' | undefined;
  readonly offset: number;
}

/** Receives what a template Set holds, in its order. */
export interface TemplateTaker {
  /** `options` also when a v9 options template has no scope at all. */
  template(template: Template, options: boolean, offset: number): void;
  withdrawal(withdrawal: TemplateWithdrawal): void;
  problem(problem: DecodeProblem): void;
}

/**
 * Reads an IPFIX Template Set or Options Template Set body.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      Template ID (> 255)      |         Field Count           |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | (options) Scope Field Count   |E|  Information Element ident. |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |        Field Length           |    Enterprise Number (if E) …
 *
 * A Field Count of 0 is a withdrawal, which has no Scope Field Count. Fewer than 4 octets left, or
 * zeros only, are padding. A malformed record costs the rest of its Set: nothing says where the next begins.
 */
export function readTemplateSet(reader: BoundedReader, options: boolean, taker: TemplateTaker): void {
  while (reader.remaining >= 4 && !onlyZerosLeft(reader)) {
    if (!contain(taker, () => readTemplateRecord(reader, options, taker))) return;
  }
}

function readTemplateRecord(reader: BoundedReader, options: boolean, taker: TemplateTaker): void {
  const offset = reader.offset;
  const templateId = reader.uint16();
  const fieldCount = reader.uint16();
  if (fieldCount === 0) {
    taker.withdrawal(withdrawalOf(templateId, offset));
    return;
  }
  if (templateId < TEMPLATE_ID_MIN) reader.fail('template_id_invalid', `(${templateId})`);
  if (fieldCount > FIELDS_PER_TEMPLATE_MAX) reader.fail('template_fields_excessive', `(${fieldCount})`);
  const scopeFieldCount = options ? reader.uint16() : 0;
  const fields: FieldSpecifier[] = [];
  for (let index = 0; index < fieldCount; index++) fields.push(readFieldSpecifier(reader));
  if (options && (scopeFieldCount === 0 || scopeFieldCount > fieldCount)) {
    taker.problem(
      decodeProblem('template_scope_count_invalid', offset, `(${scopeFieldCount} of ${fieldCount} fields)`),
    );
    return;
  }
  takeTemplate({ templateId, scopeFieldCount, fields }, options, offset, taker);
}

function withdrawalOf(templateId: number, offset: number): TemplateWithdrawal {
  const all =
    templateId === SET_ID_TEMPLATE
      ? 'templates'
      : templateId === SET_ID_OPTIONS_TEMPLATE
        ? 'optionsTemplates'
        : undefined;
  return { templateId, all, offset };
}

/** RFC 7011 section 3.2. */
function readFieldSpecifier(reader: BoundedReader): FieldSpecifier {
  const identifier = reader.uint16();
  const length = reader.uint16();
  const enterpriseNumber = identifier >= 0x8000 ? reader.uint32() : 0;
  return { enterpriseNumber, elementId: identifier & 0x7fff, length };
}

/**
 * Reads a NetFlow v9 Template FlowSet body. A field type is 16 bits wide and has no enterprise bit: types
 * from 32768 up (Cisco ASA uses 33000 … 40005) keep their number under enterprise number 0, where IPFIX can
 * have none. A template without fields means nothing in v9 and is refused.
 *
 *     |          Template ID          |          Field Count          |
 *     |         Field Type 1          |        Field Length 1         | …
 */
export function readV9TemplateSet(reader: BoundedReader, taker: TemplateTaker): void {
  while (reader.remaining >= 4 && !onlyZerosLeft(reader)) {
    if (!contain(taker, () => readV9TemplateRecord(reader, taker))) return;
  }
}

function readV9TemplateRecord(reader: BoundedReader, taker: TemplateTaker): void {
  const offset = reader.offset;
  const templateId = reader.uint16();
  const fieldCount = reader.uint16();
  if (templateId < TEMPLATE_ID_MIN) reader.fail('template_id_invalid', `(${templateId})`);
  if (fieldCount > FIELDS_PER_TEMPLATE_MAX) reader.fail('template_fields_excessive', `(${fieldCount})`);
  const fields: FieldSpecifier[] = [];
  for (let index = 0; index < fieldCount; index++) fields.push(readV9Field(reader));
  takeTemplate({ templateId, scopeFieldCount: 0, fields }, false, offset, taker);
}

function readV9Field(reader: BoundedReader): FieldSpecifier {
  const elementId = reader.uint16();
  return { enterpriseNumber: 0, elementId, length: reader.uint16() };
}

/**
 * RFC 3954 section 6.1: the scope types of v9 as the IANA elements that mean the same. A type that is not
 * listed is taken as an element ID, which is what the exporters that use one mean by it.
 */
export const V9_SCOPE_ELEMENT_IDS: ReadonlyMap<number, number> = new Map([
  [1, 144], // System: exportingProcessId
  [2, 10], // Interface: ingressInterface
  [3, 141], // Line Card: lineCardId
  [4, 143], // Cache: meteringProcessId
  [5, 145], // Template: templateId
]);

/**
 * Reads a NetFlow v9 Options Template FlowSet body.
 *
 *     |          Template ID          |      Option Scope Length      |
 *     |        Option Length          |       Scope 1 Field Type      |
 *     |     Scope 1 Field Length      |  … options …
 *
 * Both lengths count octets of field specifiers, not fields (a remainder, which pmacct's nfprobe wrote, is
 * skipped). A scope of length 0 (Cisco, Juniper SRX) and no scope at all both mean the exporter itself.
 */
export function readV9OptionsTemplateSet(reader: BoundedReader, taker: TemplateTaker): void {
  while (reader.remaining >= 6 && !onlyZerosLeft(reader)) {
    if (!contain(taker, () => readV9OptionsTemplateRecord(reader, taker))) return;
  }
}

function readV9OptionsTemplateRecord(reader: BoundedReader, taker: TemplateTaker): void {
  const offset = reader.offset;
  const templateId = reader.uint16();
  const scopeOctets = reader.uint16();
  const optionOctets = reader.uint16();
  if (templateId < TEMPLATE_ID_MIN) reader.fail('template_id_invalid', `(${templateId})`);
  const specifiers = reader.window(scopeOctets + optionOctets);
  const scopeFieldCount = scopeOctets >> 2;
  const fieldCount = scopeFieldCount + (optionOctets >> 2);
  if (fieldCount > FIELDS_PER_TEMPLATE_MAX) reader.fail('template_fields_excessive', `(${fieldCount})`);
  const fields: FieldSpecifier[] = [];
  for (let index = 0; index < scopeFieldCount; index++) fields.push(scopeElement(readV9Field(specifiers)));
  specifiers.skip(scopeOctets & 3);
  while (fields.length < fieldCount) fields.push(readV9Field(specifiers));
  takeTemplate({ templateId, scopeFieldCount, fields }, true, offset, taker);
}

function scopeElement(field: FieldSpecifier): FieldSpecifier {
  return { ...field, elementId: V9_SCOPE_ELEMENT_IDS.get(field.elementId) ?? field.elementId };
}

function takeTemplate(template: Template, options: boolean, offset: number, taker: TemplateTaker): void {
  if (recordOctetsMin(template) > 0) taker.template(template, options, offset);
  else taker.problem(decodeProblem('template_record_empty', offset, `(template ${template.templateId})`));
}

function onlyZerosLeft(reader: BoundedReader): boolean {
  return isZero(reader.bytes, reader.position, reader.end);
}

/** Whether the octets from `from` to `to` are all zero: padding, which senders also write beyond its bounds. */
export function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  assert(to <= bytes.length, 'the window ends within the octets');
  for (let index = from; index < to; index++) if (bytes[index] !== 0) return false;
  return true;
}

/** Runs `read`; a DecodeError becomes a problem and the answer false. */
function contain(taker: TemplateTaker, read: () => void): boolean {
  try {
    read();
    return true;
  } catch (error) {
    taker.problem(problemOf(error));
    return false;
  }
}
