/** Where a command reads octets: a file, or what is piped into it; without its compression (gzip, Zstandard). */
import { createReadStream } from 'node:fs';
import process from 'node:process';
import { Readable, type Transform } from 'node:stream';
import { COMPRESSION_HEAD_OCTETS, decompressorFor, UserError } from '@weir/base';

/** The path that stands for standard input. */
export const STANDARD_INPUT = '-';

const CHUNK_OCTETS = 256 * 1024;
/** As many as it takes to tell one kind of file from another. */
const HEAD_OCTETS = 16;

export interface OctetInput {
  /** The path, or `standard input`. */
  readonly name: string;
  /** What it begins with, decompressed: 16 octets or more, unless there are fewer. */
  readonly head: Uint8Array;
  /** All octets, `head` among them, once; who leaves their `for await` early closes the source. */
  readonly octets: AsyncIterable<Uint8Array>;
  /** For who reads none of them: a pipe whose writer waits would keep the process. */
  close(): void;
}

/**
 * Opens the file at `path`, or standard input for `-`. Throws UserError `file_unreadable`, also when there is
 * no octet that can be decompressed; what fails later fails while it is read.
 */
export async function openOctetInput(path: string): Promise<OctetInput> {
  const isPiped = path === STANDARD_INPUT;
  const name = isPiped ? 'standard input' : path;
  try {
    const source = isPiped ? process.stdin : createReadStream(path, { highWaterMark: CHUNK_OCTETS });
    const raw = await peek(source[Symbol.asyncIterator](), COMPRESSION_HEAD_OCTETS);
    const decompressor = decompressorFor(raw.head);
    const octets = decompressor === undefined ? raw.octets : decompress(raw.octets, decompressor);
    const plain = await peek(octets, HEAD_OCTETS);
    return { name, ...plain, close: () => void source.destroy() };
  } catch (error) {
    throw new UserError('file_unreadable', `${name}: cannot be read (${(error as Error).message})`);
  }
}

type Octets = AsyncIterator<Uint8Array>;

/** Reads until there are `count` octets; they come again first. */
async function peek(octets: Octets, count: number): Promise<{ head: Uint8Array; octets: PeekedOctets }> {
  const chunks: Uint8Array[] = [];
  for (let seen = 0; seen < count; ) {
    const { value, done } = await octets.next();
    if (done === true) break;
    chunks.push(value);
    seen += value.length;
  }
  const [first = new Uint8Array(0)] = chunks;
  const head = chunks.length > 1 ? Buffer.concat(chunks) : first;
  return { head, octets: afterHead(head, octets) };
}

type PeekedOctets = AsyncGenerator<Uint8Array, void, undefined>;

async function* afterHead(head: Uint8Array, octets: Octets): PeekedOctets {
  if (head.length > 0) yield head;
  try {
    for (let next = await octets.next(); next.done !== true; next = await octets.next()) yield next.value;
  } finally {
    await octets.return?.();
  }
}

async function* decompress(compressed: PeekedOctets, undone: Transform): PeekedOctets {
  const source = Readable.from(compressed, { objectMode: false });
  source.on('error', (error) => undone.destroy(error));
  try {
    yield* source.pipe(undone);
  } finally {
    source.destroy();
  }
}
