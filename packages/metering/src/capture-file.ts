/**
 * Reading capture files from beginning to end: pcap and pcapng, plain or compressed, of any size, in chunks of a
 * fixed size and without an allocation a packet.
 */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import type { Transform } from 'node:stream';
import { COMPRESSION_HEAD_OCTETS, decompressorFor, UserError } from '@weir/base';
import type { CapturePacketHandler, CaptureParser, CaptureProblem } from './capture-parser.ts';
import { type FrameBurstHandler, oneByOne } from './frame-burst.ts';
import { isPcap, PcapParser } from './pcap-parser.ts';
import { BLOCK_OCTETS_MAX, isPcapng, PcapngParser } from './pcapng-parser.ts';

/** Octets read at a time: large enough that the system call costs nothing, small enough for a second-level cache. */
const CHUNK_OCTETS = 1024 * 1024;

export interface ReadCaptureOptions {
  /** Awaited after each chunk, so that whoever takes the packets can slow the reading down. */
  afterChunk?: (() => Promise<void> | undefined) | undefined;
  /** Takes the packets of a pcap file, many at once, in the place of `onPacket`. */
  onFrames?: FrameBurstHandler;
  /** Read in the place of the file, which only has its name then; plain, whatever pieces they come in. */
  octets?: AsyncIterable<Uint8Array> | undefined;
}

export interface CaptureSummary {
  readonly format: 'pcap' | 'pcapng';
  readonly packets: number;
  /** The damage at which reading stopped, if any; the packets before it were delivered. */
  readonly problem: CaptureProblem | undefined;
}

/**
 * Gives every packet of the capture at `path` to `onPacket`, in order. Throws UserError `capture_unreadable`
 * when the file cannot be read and `capture_not_recognized` when it is no capture.
 */
export async function readCapture(
  path: string,
  onPacket: CapturePacketHandler,
  options: ReadCaptureOptions = {},
): Promise<CaptureSummary> {
  const feed = new CaptureFeed(path, onPacket, options.onFrames ?? oneByOne(onPacket));
  try {
    const chunks = options.octets === undefined ? chunksOf(path, feed) : take(options.octets, feed);
    for await (const hasMore of chunks) {
      await options.afterChunk?.();
      if (!hasMore) break;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    feed.fail(error);
  }
  return feed.finish();
}

/**
 * Yields after each chunk: whether reading can go on. Octets are read once and in order, so that a pipe
 * (`/dev/stdin`) is as good as a file.
 */
async function* chunksOf(path: string, feed: CaptureFeed): AsyncGenerator<boolean> {
  const file = openCapture(path);
  const head = readHead(path, file);
  const decompressor = decompressorFor(head);
  if (decompressor === undefined) yield* readPlain(file, head, feed);
  else yield* decompress(path, file, head, decompressor, feed);
}

async function* readPlain(file: number, head: Uint8Array, feed: CaptureFeed): AsyncGenerator<boolean> {
  try {
    feed.room().set(head);
    feed.accept(head.length);
    for (;;) {
      const room = feed.room();
      const octets = readSync(file, room);
      if (octets === 0) return;
      yield feed.accept(octets);
    }
  } finally {
    closeSync(file);
  }
}

/** The stream owns `descriptor` from here on. */
async function* decompress(
  path: string,
  descriptor: number,
  head: Uint8Array,
  decompressor: Transform,
  feed: CaptureFeed,
): AsyncGenerator<boolean> {
  const file = createReadStream(path, { fd: descriptor, highWaterMark: 256 * 1024 });
  decompressor.write(head);
  file.on('error', (error) => decompressor.destroy(error));
  file.pipe(decompressor);
  try {
    yield* take(decompressor, feed);
  } finally {
    file.destroy();
  }
}

async function* take(chunks: AsyncIterable<Uint8Array>, feed: CaptureFeed): AsyncGenerator<boolean> {
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.length > 0; ) {
      const octets = Math.min(rest.length, feed.room().length);
      feed.room().set(rest.subarray(0, octets));
      rest = rest.subarray(octets);
      yield feed.accept(octets);
    }
  }
}

/** The octets that tell how it is compressed; fewer when there are no more. A pipe may give them one by one. */
function readHead(path: string, file: number): Uint8Array {
  const head = new Uint8Array(COMPRESSION_HEAD_OCTETS);
  let filled = 0;
  try {
    while (filled < head.length) {
      const octets = readSync(file, head, filled, head.length - filled, null);
      if (octets === 0) break;
      filled += octets;
    }
  } catch (error) {
    closeSync(file);
    throw unreadable(path, error);
  }
  return head.subarray(0, filled);
}

function openCapture(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): UserError {
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError('capture_unreadable', `${path}: cannot be read: ${reason}`);
}

/**
 * The buffer between a source of octets and a parser. What the parser left is moved to the front, so a unit
 * is always contiguous; the buffer grows to a pcapng block's limit when one is larger than a chunk.
 */
class CaptureFeed {
  readonly #path: string;
  readonly #onPacket: CapturePacketHandler;
  readonly #onFrames: FrameBurstHandler;
  #bytes = new Uint8Array(CHUNK_OCTETS);
  #view = new DataView(this.#bytes.buffer);
  #filled = 0;
  /** Octets of the file before the buffer's first. */
  #before = 0;
  #parser: CaptureParser | undefined;
  #problem: CaptureProblem | undefined;

  constructor(path: string, onPacket: CapturePacketHandler, onFrames: FrameBurstHandler) {
    this.#path = path;
    this.#onPacket = onPacket;
    this.#onFrames = onFrames;
  }

  /** Where the next octets of the file belong; never empty. */
  room(): Uint8Array {
    if (this.#filled === this.#bytes.length) this.#grow();
    return this.#bytes.subarray(this.#filled);
  }

  /** Parses, after `octets` were put into `room()`. False when there is no sense in reading on. */
  accept(octets: number): boolean {
    this.#filled += octets;
    this.#parser ??= this.#recognize(false);
    if (this.#parser === undefined) return true;
    const end = this.#parser.parse(this.#bytes, this.#view, 0, this.#filled);
    const { damage } = this.#parser;
    if (damage !== undefined) {
      const { position, message } = damage;
      this.#problem = { code: 'capture_corrupt', offset: this.#before + position, message };
      return false;
    }
    this.#bytes.copyWithin(0, end, this.#filled);
    this.#filled -= end;
    this.#before += end;
    return true;
  }

  /** The source failed: what came before stays good. */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#problem = { code: 'capture_truncated', offset: this.#before + this.#filled, message };
  }

  finish(): CaptureSummary {
    const parser = this.#parser ?? this.#recognize(true);
    if (parser === undefined) throw this.#notRecognized();
    if (this.#problem === undefined && this.#filled > 0) {
      this.#problem = {
        code: 'capture_truncated',
        offset: this.#before,
        message: `the file ends within a ${parser.format} ${parser.format === 'pcap' ? 'record' : 'block'}`,
      };
    }
    return { format: parser.format, packets: parser.packets, problem: this.#problem };
  }

  #recognize(isWhole: boolean): CaptureParser | undefined {
    if (this.#filled >= 4) {
      if (isPcap(this.#view)) return new PcapParser(this.#onFrames);
      if (isPcapng(this.#view)) return new PcapngParser(this.#onPacket);
      throw this.#notRecognized();
    }
    if (isWhole) throw this.#notRecognized();
    return undefined;
  }

  #notRecognized(): UserError {
    const found =
      this.#filled === 0
        ? 'it is empty'
        : `it begins with ${Buffer.from(this.#bytes.subarray(0, Math.min(4, this.#filled))).toString('hex')}`;
    return new UserError('capture_not_recognized', `${this.#path}: not a pcap or pcapng file: ${found}`);
  }

  #grow(): void {
    const grown = new Uint8Array(BLOCK_OCTETS_MAX + CHUNK_OCTETS);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
