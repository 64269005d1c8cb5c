/** Compressed files that are read as if they were not. */
import type { Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** Octets of a decompressor's chunks. */
const CHUNK_OCTETS = 256 * 1024;
/** What a compressed file begins with (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1), and what undoes it. */
const COMPRESSIONS: readonly { readonly magic: readonly number[]; readonly undo: () => Transform }[] = [
  { magic: [0x1f, 0x8b], undo: () => createGunzip({ chunkSize: CHUNK_OCTETS }) },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], undo: () => createZstdDecompress({ chunkSize: CHUNK_OCTETS }) },
];
/** So many octets of a file tell how it is compressed. */
export const COMPRESSION_HEAD_OCTETS = 4;

/** What undoes the compression (gzip, Zstandard) of a file that begins with `head`; undefined when it has none. */
export function decompressorFor(head: Uint8Array): Transform | undefined {
  return COMPRESSIONS.find(({ magic }) => magic.every((octet, index) => head[index] === octet))?.undo();
}
