/**
 * One writer's pcapng octets, as they come in pieces, into frames. Whole blocks are read at once; what is
 * left of a block waits for the next piece, in a buffer that is bounded by the largest block that a packet
 * can need.
 */

import { ensure } from '@weir/base';
import type { CapturePacketHandler } from './capture-parser.ts';
import type { DroppedFrame } from './drop-ledger.ts';
import { DIRECTION_UNKNOWN } from './packet-burst.ts';
import { PcapngParser } from './pcapng-parser.ts';
import { PcapngVerdict } from './pcapng-stream-verdict.ts';

/** A packet of 256 KiB, the largest that there is, with its options. */
const BLOCK_OCTETS_MAX = 512 * 1024;
const BUFFER_OCTETS_MIN = 64 * 1024;
/** The block header and the byte-order magic: what tells a section from anything else. */
const SECTION_OCTETS_MIN = 12;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Where the frames of all writers go. */
export interface PcapngStreamTarget {
  readonly passed: CapturePacketHandler;
  dropped(frame: DroppedFrame): void;
  /** ifIndex of an interface by its name; 0 when it has none. */
  interfaceIndexOf(name: string): number;
}

export class PcapngStreamReader {
  framesPassed = 0;
  framesDropped = 0;
  /** Times that the octets were not what they should be, and what was wrong the last time. */
  damages = 0;
  problem: string | undefined;
  readonly #target: PcapngStreamTarget;
  readonly #resumes: boolean;
  readonly #verdict = new PcapngVerdict();
  #parser: PcapngParser | undefined;
  #isSearching = false;
  #bytes = new Uint8Array(BUFFER_OCTETS_MIN);
  #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  readonly #frame: DroppedFrame = {
    bytes: this.#bytes,
    offset: 0,
    capturedLength: 0,
    wireLength: 0,
    linkType: 0,
    timestampMs: 0,
    direction: DIRECTION_UNKNOWN,
    interfaceIndex: 0,
    otherInterface: 0,
    reason: 0,
    ruleName: '',
  };

  /** `resumes`: after damage the stream is read on from the next section header; else it is over. */
  constructor(target: PcapngStreamTarget, resumes = false) {
    this.#target = target;
    this.#resumes = resumes;
  }

  /** Damaged for good: nothing more is read. */
  get isOver(): boolean {
    return this.damages > 0 && !this.#resumes;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.isOver; ) {
      const octets = Math.min(chunk.length - at, this.#bytes.length - this.#filled);
      this.#bytes.set(chunk.subarray(at, at + octets), this.#filled);
      this.#filled += octets;
      at += octets;
      while (this.#read());
      if (this.#filled === this.#bytes.length) this.#grow();
    }
  }

  /** No more octets come; a block that is not whole is damage. */
  end(): void {
    if (this.#filled > 0 && !this.#isSearching && !this.isOver) this.#fail('the stream ends within a block');
  }

  /** Reads the blocks that are there; true when, after damage, there may be more of them. */
  #read(): boolean {
    const parser = this.#parser ?? this.#begin();
    if (parser === undefined) return false;
    this.#skip(parser.parse(this.#bytes, this.#view, 0, this.#filled));
    if (parser.damage === undefined) return false;
    this.#fail(parser.damage.message);
    return this.#resumes;
  }

  #begin(): PcapngParser | undefined {
    if (this.isOver || this.#filled < SECTION_OCTETS_MIN) return undefined;
    if (!this.#isSearching && !isSectionHeader(this.#view, 0)) {
      this.#fail('no section header where the stream begins');
    }
    if (this.isOver || (this.#isSearching && !this.#search())) return undefined;
    this.#isSearching = false;
    this.#parser = new PcapngParser(this.#take);
    return this.#parser;
  }

  #fail(problem: string): void {
    this.damages += 1;
    this.problem = problem;
    this.#parser = undefined;
    this.#isSearching = true;
    this.#skip(Math.min(this.#filled, 1));
  }

  /** Passes octets over up to a section header; whether there is one. */
  #search(): boolean {
    const last = this.#filled - SECTION_OCTETS_MIN;
    let at = 0;
    while (at <= last && !isSectionHeader(this.#view, at)) at += 1;
    this.#skip(Math.max(0, at));
    return at <= last;
  }

  #skip(octets: number): void {
    if (octets === 0) return;
    this.#bytes.copyWithin(0, octets, this.#filled);
    this.#filled -= octets;
  }

  #grow(): void {
    if (this.#bytes.length >= BLOCK_OCTETS_MAX) {
      this.#fail(`a block of more than ${BLOCK_OCTETS_MAX} octets`);
      return;
    }
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  readonly #take: CapturePacketHandler = (
    bytes,
    offset,
    capturedLength,
    wireLength,
    timestampMs,
    direction,
    _interface,
    linkType,
  ) => {
    const { optionsAt, optionsEnd, isLittleEndian, interfaceName } = ensure(this.#parser, 'a parser calls');
    const target = this.#target;
    const verdict = this.#verdict;
    const index = target.interfaceIndexOf(interfaceName);
    verdict.read(this.#view, optionsAt, optionsEnd, isLittleEndian);
    if (!verdict.isDropped) {
      this.framesPassed += 1;
      target.passed(bytes, offset, capturedLength, wireLength, timestampMs, direction, index, linkType);
      return;
    }
    const frame = this.#frame;
    this.framesDropped += 1;
    frame.bytes = bytes;
    frame.offset = offset;
    frame.capturedLength = capturedLength;
    frame.wireLength = wireLength;
    frame.linkType = linkType;
    frame.timestampMs = timestampMs;
    frame.direction = direction;
    frame.interfaceIndex = index;
    frame.reason = verdict.reason;
    frame.ruleName = verdict.ruleName ?? interfaceName;
    target.dropped(frame);
  };
}

function isSectionHeader(view: DataView, at: number): boolean {
  if (view.getUint8(at) !== 0x0a || view.getUint32(at) !== 0x0a0d0d0a) return false;
  return view.getUint32(at + 8) === BYTE_ORDER_MAGIC || view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
}
