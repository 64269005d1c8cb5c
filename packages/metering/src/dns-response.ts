/**
 * Answers in a DNS response, RFC 1035 section 4: which addresses a name was resolved to.
 *
 *  0       2       4       6       8       10      12
 * +-------+-------+-------+-------+-------+-------+----------+---------------------- - -
 * |  id   | flags |questns|answers|author.|addit. | question | name type class ttl rdata
 * +-------+-------+-------+-------+-------+-------+----------+---------------------- - -
 *
 * The name that was asked for is the one that counts, whatever chain of CNAMEs led from it to the address.
 * Records that the chain does not lead to are not believed.
 */
import { nameText } from './name-pool.ts';

const HEADER_OCTETS = 12;
const TYPE_A = 1;
const TYPE_CNAME = 5;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
/** A host has few addresses; a long list is an attack or a blocklist. */
const RECORDS_MAX = 64;
/** RFC 1035 section 3.1: 255 octets, so no more labels than 127; each pointer must lead backwards. */
const NAME_OCTETS_MAX = 255;
const POINTERS_MAX = 16;
/** QR 1, OPCODE 0, RCODE 0 of the flags. */
const RESPONSE_MASK = 0xf80f;
const RESPONSE = 0x8000;

/** Called for each address: where it is in the octets, how long it is (4 or 16) and the TTL in seconds. */
export type OnAddress = (name: string, offset: number, octets: number, ttlSeconds: number) => void;

/** Reads names, and says where the next field is; one object, reused. */
class NameReader {
  readonly #octets = new Uint8Array(NAME_OCTETS_MAX);
  /** After the name read last; −1 when that was malformed. */
  next = 0;

  /** The name at `at` in the message from `start` to `end`, with dots and no dot at its end. */
  read(view: DataView, start: number, at: number, end: number): string {
    const octets = this.#octets;
    let length = 0;
    let pointers = 0;
    let position = at;
    this.next = -1;
    for (;;) {
      if (position >= end) return this.#malformed();
      const size = view.getUint8(position);
      if (size === 0) break;
      if (size >= 0xc0) {
        if (position + 2 > end || pointers === POINTERS_MAX) return this.#malformed();
        if (pointers === 0) this.next = position + 2;
        const target = start + (view.getUint16(position) & 0x3fff);
        if (target >= position) return this.#malformed();
        pointers += 1;
        position = target;
        continue;
      }
      if (size >= 0x40 || position + 1 + size > end) return this.#malformed();
      if (length + size + 1 > NAME_OCTETS_MAX) return this.#malformed();
      if (length > 0) octets[length++] = 0x2e;
      for (let index = 1; index <= size; index += 1) octets[length++] = view.getUint8(position + index);
      position += 1 + size;
    }
    if (pointers === 0) this.next = position + 1;
    return nameText(octets.subarray(0, length));
  }

  #malformed(): string {
    this.next = -1;
    return '';
  }
}

const names = new NameReader();

/**
 * Calls `onAddress` for each address in the message from `start` to `end` of `view`. What is malformed or
 * cut off ends the reading; returns whether the message was a response to one question at all.
 */
export function readDnsAddresses(view: DataView, start: number, end: number, onAddress: OnAddress): boolean {
  if (end - start < HEADER_OCTETS) return false;
  if ((view.getUint16(start + 2) & RESPONSE_MASK) !== RESPONSE) return false;
  if (view.getUint16(start + 4) !== 1) return false;
  const records = Math.min(view.getUint16(start + 6), RECORDS_MAX);
  const asked = names.read(view, start, start + HEADER_OCTETS, end);
  if (names.next < 0 || asked === '') return false;
  let position = names.next + 4;
  let owner = asked;
  for (let count = 0; count < records; count += 1) {
    const name = names.read(view, start, position, end);
    const at = names.next;
    if (at < 0 || at + 10 > end) return true;
    const type = view.getUint16(at);
    const octets = view.getUint16(at + 8);
    position = at + 10 + octets;
    if (position > end) return true;
    if (view.getUint16(at + 2) !== CLASS_IN || name !== owner) continue;
    if (type === TYPE_CNAME) owner = names.read(view, start, at + 10, end);
    else if ((type === TYPE_A && octets === 4) || (type === TYPE_AAAA && octets === 16)) {
      onAddress(asked, at + 10, octets, view.getUint32(at + 4));
    }
  }
  return true;
}
