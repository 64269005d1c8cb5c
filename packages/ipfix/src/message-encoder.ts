/**
 * IPFIX messages, RFC 7011 section 3: template Sets, options template Sets, Data Sets and withdrawals, packed
 * until the next record would make the message longer than allowed.
 *
 * Two ways in: `addRecord` for named values, and `reserve` for exporters of many flows, who write the octets of
 * a record themselves. The buffer of a message belongs to `onMessage` once the message is handed over; the
 * encoder writes the next one into the buffer that `onMessage` returns, or into a new one.
 */
import { assert } from '@weir/base';
import type { EncodableRecord } from './field-value.ts';
import { IPFIX_HEADER_OCTETS, SET_HEADER_OCTETS } from './message.ts';
import { OctetWriter } from './octet-writer.ts';
import { type EncodeContext, encodeRecord } from './record-encoder.ts';
import type { Template } from './template.ts';
import { recordOctetsMin } from './template-layout.ts';
import { SET_ID_OPTIONS_TEMPLATE, SET_ID_TEMPLATE } from './template-set.ts';

/** The length field has 16 bits. */
const MESSAGE_OCTETS_LIMIT = 65535;
/** RFC 7011 section 10.3.3: what fits the smallest path of IPv6 (1280) without its IPv6 and UDP headers. */
export const MESSAGE_OCTETS_MAX_DEFAULT = 1232;

const VERSION_IPFIX = 10;

export interface MessageEncoderOptions extends Pick<EncodeContext, 'elements'> {
  readonly observationDomainId: number;
  /** Octets of a message, header included: the path MTU without the headers of IP and transport. */
  readonly messageOctetsMax?: number;
  /** The first message's sequence number, when a session is continued. */
  readonly sequenceNumber?: number;
  /** Sets are padded with zeros to a multiple of this (RFC 7011 section 3.3.1), where the template allows. */
  readonly setAlignment?: 1 | 2 | 4 | 8;
  /** The Export Time, in milliseconds since 1970. */
  readonly exportTimeMs: () => number;
  /**
   * Takes a finished message: `octets` octets of `bytes`, with so many data records. Gives back a buffer of
   * at least messageOctetsMax octets for the next, or nothing to keep `bytes` for good.
   */
  onMessage(bytes: Uint8Array, octets: number, dataRecords: number): Uint8Array | undefined;
}

export interface MessageEncoderCounters {
  messages: number;
  octets: number;
  sets: number;
  dataRecords: number;
  templateRecords: number;
  withdrawals: number;
}

export interface MessageEncoder {
  /** The buffer of the message being built. Changes with each message: read it after `reserve`. */
  readonly bytes: Uint8Array;
  /** The same octets. */
  readonly view: DataView;
  readonly counters: Readonly<MessageEncoderCounters>;
  /** The sequence number of the next message: data records sent before it, modulo 2^32. */
  readonly sequenceNumber: number;
  /** Octets of the message being built; 0 when nothing waits. */
  readonly pendingOctets: number;
  /** Adds a Template Record or Options Template Record. */
  addTemplate(template: Template): void;
  /** RFC 7011 section 8.1: withdraws a template, or all of a kind. Never over UDP. */
  addWithdrawal(kind: 'template' | 'optionsTemplate', templateId: number | 'all'): void;
  /**
   * Counts a data record of this template and gives the index in `bytes` where the caller must write its
   * `octets` octets before calling anything else.
   */
  reserve(templateId: number, octets: number): number;
  /** Adds a data record from named values; a RangeError when a value does not fit adds nothing. */
  addRecord(template: Template, record: EncodableRecord): void;
  /** Hands the message being built over, if there is one. */
  flush(): void;
}

export function createMessageEncoder(options: MessageEncoderOptions): MessageEncoder {
  return new PackingEncoder(options);
}

class PackingEncoder implements MessageEncoder {
  bytes: Uint8Array;
  view: DataView;
  readonly counters: MessageEncoderCounters = {
    messages: 0,
    octets: 0,
    sets: 0,
    dataRecords: 0,
    templateRecords: 0,
    withdrawals: 0,
  };
  sequenceNumber: number;
  readonly #options: MessageEncoderOptions;
  readonly #octetsMax: number;
  readonly #alignment: number;
  readonly #templates = new Map<number, Template>();
  readonly #scratch: OctetWriter;
  #position = 0;
  #recordsInMessage = 0;
  /** 0 when no Set is open. */
  #setId = 0;
  #setStart = 0;
  #setPaddingMax = 0;

  constructor(options: MessageEncoderOptions) {
    const octetsMax = options.messageOctetsMax ?? MESSAGE_OCTETS_MAX_DEFAULT;
    assert(octetsMax >= 64 && octetsMax <= MESSAGE_OCTETS_LIMIT, 'messages have 64 to 65535 octets');
    this.#options = options;
    this.#octetsMax = octetsMax;
    this.#alignment = options.setAlignment ?? 1;
    this.sequenceNumber = (options.sequenceNumber ?? 0) >>> 0;
    this.#scratch = new OctetWriter(octetsMax - IPFIX_HEADER_OCTETS - SET_HEADER_OCTETS);
    this.bytes = new Uint8Array(octetsMax);
    this.view = new DataView(this.bytes.buffer);
  }

  get pendingOctets(): number {
    return this.#position;
  }

  addTemplate(template: Template): void {
    const { templateId, scopeFieldCount, fields } = template;
    assert(templateId >= 256 && templateId <= 65535, 'a Template ID is 256 to 65535');
    assert(fields.length > 0 && scopeFieldCount <= fields.length, 'a template has fields, scopes among them');
    const isOptions = scopeFieldCount > 0;
    const record = this.#scratch;
    record.length = 0;
    record.uint16(templateId);
    record.uint16(fields.length);
    if (isOptions) record.uint16(scopeFieldCount);
    for (const field of fields) {
      const isEnterprise = field.enterpriseNumber !== 0;
      assert(field.elementId > 0 && field.elementId < 0x8000, 'an element id of IPFIX is 1 to 32767');
      record.uint16(isEnterprise ? field.elementId | 0x8000 : field.elementId);
      record.uint16(field.length);
      if (isEnterprise) record.uint32(field.enterpriseNumber);
    }
    this.#append(isOptions ? SET_ID_OPTIONS_TEMPLATE : SET_ID_TEMPLATE, record.written());
    this.#templates.set(templateId, template);
    this.counters.templateRecords++;
  }

  addWithdrawal(kind: 'template' | 'optionsTemplate', templateId: number | 'all'): void {
    const setId = kind === 'template' ? SET_ID_TEMPLATE : SET_ID_OPTIONS_TEMPLATE;
    const record = this.#scratch;
    record.length = 0;
    record.uint16(templateId === 'all' ? setId : templateId);
    record.uint16(0);
    this.#append(setId, record.written());
    if (templateId !== 'all') this.#templates.delete(templateId);
    this.counters.withdrawals++;
  }

  reserve(templateId: number, octets: number): number {
    if (this.#setId !== templateId || this.#position + octets > this.#octetsMax) {
      this.#openSet(templateId, octets);
    }
    const at = this.#position;
    this.#position = at + octets;
    this.#recordsInMessage++;
    return at;
  }

  addRecord(template: Template, record: EncodableRecord): void {
    const context = {
      elements: this.#options.elements,
      templateById: (id: number) => this.#templates.get(id),
    };
    this.#scratch.length = 0;
    encodeRecord(this.#scratch, template, record, context);
    const at = this.reserve(template.templateId, this.#scratch.length);
    this.bytes.set(this.#scratch.written(), at);
  }

  flush(): void {
    if (this.#position === 0) return;
    this.#closeSet();
    const { bytes, view } = this;
    const octets = this.#position;
    const dataRecords = this.#recordsInMessage;
    view.setUint16(0, VERSION_IPFIX);
    view.setUint16(2, octets);
    view.setUint32(4, Math.floor(this.#options.exportTimeMs() / 1000) >>> 0);
    view.setUint32(8, this.sequenceNumber);
    view.setUint32(12, this.#options.observationDomainId);
    this.#position = 0;
    this.#recordsInMessage = 0;
    this.sequenceNumber = (this.sequenceNumber + dataRecords) >>> 0;
    this.counters.messages++;
    this.counters.octets += octets;
    this.counters.dataRecords += dataRecords;
    this.#useBuffer(this.#options.onMessage(bytes, octets, dataRecords) ?? new Uint8Array(this.#octetsMax));
  }

  #useBuffer(bytes: Uint8Array): void {
    assert(bytes.length >= this.#octetsMax, 'the buffer is shorter than a message may be');
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #append(setId: number, record: Uint8Array): void {
    const fits = this.#position + record.length <= this.#octetsMax;
    if (this.#setId !== setId || !fits) this.#openSet(setId, record.length);
    this.bytes.set(record, this.#position);
    this.#position += record.length;
  }

  /** Opens a Set for a record of so many octets, in the next message when this one has no room for both. */
  #openSet(setId: number, recordOctets: number): void {
    this.#closeSet();
    if (this.#position > 0 && this.#position + SET_HEADER_OCTETS + recordOctets > this.#octetsMax)
      this.flush();
    if (this.#position === 0) this.#position = IPFIX_HEADER_OCTETS;
    if (this.#position + SET_HEADER_OCTETS + recordOctets > this.#octetsMax) {
      this.#position = 0;
      throw new RangeError(`a record of ${recordOctets} octets does not fit a message of ${this.#octetsMax}`);
    }
    this.#setId = setId;
    this.#setStart = this.#position;
    this.#setPaddingMax = this.#paddingMax(setId);
    this.view.setUint16(this.#setStart, setId);
    this.#position += SET_HEADER_OCTETS;
  }

  #closeSet(): void {
    if (this.#setId === 0) return;
    this.#setId = 0;
    const misaligned = (this.#position - this.#setStart) % this.#alignment;
    const padding = misaligned === 0 ? 0 : this.#alignment - misaligned;
    if (padding <= this.#setPaddingMax && this.#position + padding <= this.#octetsMax) {
      this.bytes.fill(0, this.#position, this.#position + padding);
      this.#position += padding;
    }
    this.view.setUint16(this.#setStart + 2, this.#position - this.#setStart);
    this.counters.sets++;
  }

  /** RFC 7011 section 3.3.1: padding must be shorter than any record that the Set could hold. */
  #paddingMax(setId: number): number {
    if (this.#alignment === 1) return 0;
    if (setId < 256) return 3;
    const template = this.#templates.get(setId);
    return template === undefined ? 0 : recordOctetsMin(template) - 1;
  }
}
