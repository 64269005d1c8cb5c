/**
 * pcapng (draft-ietf-opsawg-pcapng): sections of either byte order, several interfaces with their own clock
 * resolution, Enhanced, Simple and the old Packet Blocks; every other block is stepped over.
 *
 *  0            4            8                         length - 4   length
 * +------------+------------+-------- - - -----------+-------------+
 * | block type |   length   |  body, padded to 4     |   length    |
 * +------------+------------+-------- - - -----------+-------------+
 *
 * section header (0A0D0D0A): byte-order magic 1A2B3C4D, major, minor, section length (8), options
 * interface description (1): linktype (2), reserved (2), snaplen (4), options
 * enhanced packet (6): interface (4), time high, time low, captured, on wire, octets, options
 * simple packet (3): on wire, octets        packet (2): interface (2), drops (2), then as enhanced
 */
import {
  CAPTURED_OCTETS_MAX,
  type CapturePacketHandler,
  type CaptureParser,
  type Damage,
} from './capture-parser.ts';
import { DIRECTION_EGRESS, DIRECTION_INGRESS, DIRECTION_UNKNOWN } from './packet-burst.ts';

const BLOCK_SECTION_HEADER = 0x0a0d0d0a;
const BLOCK_INTERFACE_DESCRIPTION = 1;
const BLOCK_PACKET = 2;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

const OPTION_END = 0;
const OPTION_IF_NAME = 2;
/** epb_flags, and pack_flags of the old block. */
const OPTION_EPB_FLAGS = 2;
const OPTION_IF_TSRESOL = 9;
const OPTION_IF_TSOFFSET = 14;

/** libpcap's limit; name resolution and custom blocks may be large, but a length above it is no length. */
export const BLOCK_OCTETS_MAX = 16 * 1024 * 1024;
/** An interface costs 32 octets here; a capture of a big machine has hundreds. */
const INTERFACES_MAX = 65_536;
/** Linux has 15, others have GUIDs; a name is not worth more. */
const IF_NAME_OCTETS_MAX = 128;

/** The last millisecond of the year 9999, which every calendar and store behind us can write. */
const TIMESTAMP_MS_MAX = 253_402_300_799_999;

interface CaptureInterface {
  linkType: number;
  /** 0: no limit. */
  snapLength: number;
  unitsPerMs: number;
  offsetMs: number;
  /** Counted from 1 over all sections, so that interfaces of different sections stay apart. */
  index: number;
  /** if_name; empty where there is none. */
  name: string;
}

/** Whether a file that begins with `view` is pcapng. */
export function isPcapng(view: DataView): boolean {
  return view.getUint32(0) === BLOCK_SECTION_HEADER;
}

export class PcapngParser implements CaptureParser {
  readonly format = 'pcapng';
  packets = 0;
  damage: Damage | undefined;
  /** Of the packet that the handler is called with: its interface's if_name, and where its options are. */
  interfaceName = '';
  optionsAt = 0;
  optionsEnd = 0;
  readonly #onPacket: CapturePacketHandler;
  #littleEndian = true;
  #interfaces: CaptureInterface[] = [];
  #interfacesSeen = 0;
  #lastTimestampMs = 0;

  constructor(onPacket: CapturePacketHandler) {
    this.#onPacket = onPacket;
  }

  /** Of the current section. */
  get isLittleEndian(): boolean {
    return this.#littleEndian;
  }

  parse(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    while (end - position >= 12) {
      if (view.getUint32(position) === BLOCK_SECTION_HEADER && !this.#beginSection(view, position)) break;
      const length = view.getUint32(position + 4, this.#littleEndian);
      if (length < 12 || length % 4 !== 0 || length > BLOCK_OCTETS_MAX) {
        this.damage = { position, message: `a block of ${length} octets` };
        break;
      }
      if (end - position < length) break;
      if (view.getUint32(position + length - 4, this.#littleEndian) !== length) {
        this.damage = { position, message: 'a block whose two lengths differ' };
        break;
      }
      const type = view.getUint32(position, this.#littleEndian);
      if (!this.#readBlock(bytes, view, type, position + 8, position + length - 4)) break;
      position += length;
    }
    return position;
  }

  #beginSection(view: DataView, position: number): boolean {
    const magic = view.getUint32(position + 8);
    if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c2b1a) {
      this.damage = { position, message: 'a section header without byte-order magic' };
      return false;
    }
    this.#littleEndian = magic !== BYTE_ORDER_MAGIC;
    return true;
  }

  /** False when the block contradicts itself. */
  #readBlock(bytes: Uint8Array, view: DataView, type: number, body: number, end: number): boolean {
    switch (type) {
      case BLOCK_SECTION_HEADER:
        this.#interfaces = [];
        return true;
      case BLOCK_INTERFACE_DESCRIPTION:
        return this.#readInterface(view, body, end);
      case BLOCK_ENHANCED_PACKET:
        if (end - body < 20) return this.#isDamaged(body, 'an enhanced packet block without its fields');
        return this.#readPacket(bytes, view, view.getUint32(body, this.#littleEndian), body, end);
      case BLOCK_PACKET:
        if (end - body < 20) return this.#isDamaged(body, 'a packet block without its fields');
        return this.#readPacket(bytes, view, view.getUint16(body, this.#littleEndian), body, end);
      case BLOCK_SIMPLE_PACKET:
        return this.#readSimplePacket(bytes, view, body, end);
      default:
        return true;
    }
  }

  #isDamaged(body: number, message: string): false {
    this.damage = { position: body - 8, message };
    return false;
  }

  #readInterface(view: DataView, body: number, end: number): boolean {
    if (end - body < 8) return this.#isDamaged(body, 'an interface description without its fields');
    if (this.#interfaces.length >= INTERFACES_MAX) return this.#isDamaged(body, 'too many interfaces');
    this.#interfacesSeen += 1;
    const entry: CaptureInterface = {
      linkType: view.getUint16(body, this.#littleEndian),
      snapLength: view.getUint32(body + 4, this.#littleEndian),
      unitsPerMs: 1e3,
      offsetMs: 0,
      index: this.#interfacesSeen,
      name: '',
    };
    eachOption(view, body + 8, end, this.#littleEndian, (code, at, length) => {
      if (code === OPTION_IF_NAME) entry.name = optionText(view, at, Math.min(length, IF_NAME_OCTETS_MAX));
      if (code === OPTION_IF_TSRESOL && length >= 1) entry.unitsPerMs = unitsPerMs(view.getUint8(at));
      if (code === OPTION_IF_TSOFFSET && length >= 8) {
        entry.offsetMs = Number(view.getBigInt64(at, this.#littleEndian)) * 1000;
      }
    });
    this.#interfaces.push(entry);
    return true;
  }

  /** The fields of enhanced and old packet blocks lie at the same places but for the first four octets. */
  #readPacket(bytes: Uint8Array, view: DataView, interfaceId: number, body: number, end: number): boolean {
    const littleEndian = this.#littleEndian;
    const entry = this.#interfaces[interfaceId];
    if (entry === undefined)
      return this.#isDamaged(body, `a packet of interface ${interfaceId}, not described`);
    const captured = view.getUint32(body + 12, littleEndian);
    const at = body + 20;
    if (captured > end - at || captured > CAPTURED_OCTETS_MAX) {
      return this.#isDamaged(body, `a packet of ${captured} captured octets`);
    }
    const units =
      view.getUint32(body + 4, littleEndian) * 4294967296 + view.getUint32(body + 8, littleEndian);
    const timestampMs = this.#plausibleTime(units / entry.unitsPerMs + entry.offsetMs);
    const wire = view.getUint32(body + 16, littleEndian);
    const optionsAt = at + ((captured + 3) & ~3);
    const direction = end - optionsAt >= 8 ? this.#direction(view, optionsAt, end) : DIRECTION_UNKNOWN;
    this.packets += 1;
    this.interfaceName = entry.name;
    this.optionsAt = optionsAt;
    this.optionsEnd = end;
    this.#onPacket(bytes, at, captured, wire, timestampMs, direction, entry.index, entry.linkType);
    return true;
  }

  /** 64 bits can say times that no calendar has; such a packet gets the time of the packet before. */
  #plausibleTime(timestampMs: number): number {
    if (timestampMs >= 0 && timestampMs <= TIMESTAMP_MS_MAX) this.#lastTimestampMs = timestampMs;
    return this.#lastTimestampMs;
  }

  /** A Simple Packet Block has no time: it gets that of the packet before. */
  #readSimplePacket(bytes: Uint8Array, view: DataView, body: number, end: number): boolean {
    const entry = this.#interfaces[0];
    if (entry === undefined) return this.#isDamaged(body, 'a simple packet before any interface');
    if (end - body < 4) return this.#isDamaged(body, 'a simple packet block without its length');
    const wire = view.getUint32(body, this.#littleEndian);
    const limit = entry.snapLength === 0 ? wire : Math.min(wire, entry.snapLength);
    const captured = Math.min(limit, end - body - 4);
    this.packets += 1;
    this.interfaceName = entry.name;
    this.optionsAt = end;
    this.optionsEnd = end;
    const { index, linkType } = entry;
    this.#onPacket(
      bytes,
      body + 4,
      captured,
      wire,
      this.#lastTimestampMs,
      DIRECTION_UNKNOWN,
      index,
      linkType,
    );
    return true;
  }

  /** Bits 0–1 of epb_flags (and of pack_flags): 1 inbound, 2 outbound. */
  #direction(view: DataView, position: number, end: number): number {
    let at = position;
    while (end - at >= 4) {
      const code = view.getUint16(at, this.#littleEndian);
      const length = view.getUint16(at + 2, this.#littleEndian);
      if (code === OPTION_END) break;
      if (code === OPTION_EPB_FLAGS && length === 4 && end - at >= 8) {
        const bits = view.getUint32(at + 4, this.#littleEndian) & 3;
        if (bits === 1) return DIRECTION_INGRESS;
        return bits === 2 ? DIRECTION_EGRESS : DIRECTION_UNKNOWN;
      }
      at += 4 + ((length + 3) & ~3);
    }
    return DIRECTION_UNKNOWN;
  }
}

/** Gives the options between `position` and `end` to `take`: code, where the value is, its length. */
export function eachOption(
  view: DataView,
  position: number,
  end: number,
  littleEndian: boolean,
  take: (code: number, at: number, length: number) => void,
): void {
  let at = position;
  while (end - at >= 4) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === OPTION_END || length > end - at - 4) return;
    take(code, at + 4, length);
    at += 4 + ((length + 3) & ~3);
  }
}

/** A text option: UTF-8, in some files with a zero behind. */
export function optionText(view: DataView, at: number, length: number): string {
  const octets = new Uint8Array(view.buffer, view.byteOffset + at, length);
  const end = octets.indexOf(0);
  return new TextDecoder().decode(end < 0 ? octets : octets.subarray(0, end));
}

/** if_tsresol: the units of a second are a power of ten, or of two when the high bit is set. */
function unitsPerMs(resolution: number): number {
  return (resolution & 0x80) === 0 ? 10 ** resolution / 1000 : 2 ** (resolution & 0x7f) / 1000;
}
