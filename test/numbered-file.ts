/** An IPFIX file (RFC 5655) whose records are numbered (`flowId`), so that a store can be asked which it has. */
const TEMPLATE_ID = 400;
/** [IANA element, octets]: flowId, octets, packets, addresses, start and end in ms. */
const FIELDS = [
  [148, 8],
  [1, 8],
  [2, 8],
  [8, 4],
  [12, 4],
  [152, 8],
  [153, 8],
] as const;
const RECORD_OCTETS = FIELDS.reduce((sum, [, octets]) => sum + octets, 0);
const RECORDS_PER_MESSAGE = 1000;
const HEADER_OCTETS = 16;
const SET_HEADER_OCTETS = 4;

/** Records first … first + count - 1. `count` is a multiple of `perMessage`. */
export function numberedFile(first: number, count: number, perMessage = RECORDS_PER_MESSAGE): Uint8Array {
  const parts = [message(0, templateSet())];
  for (let sent = 0; sent < count; sent += perMessage)
    parts.push(message(sent, dataSet(first + sent, perMessage)));
  return Buffer.concat(parts);
}

function message(sequenceNumber: number, set: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_OCTETS);
  header.writeUInt16BE(10, 0);
  header.writeUInt16BE(HEADER_OCTETS + set.length, 2);
  header.writeUInt32BE(Math.floor(Date.now() / 1000), 4);
  header.writeUInt32BE(sequenceNumber, 8);
  header.writeUInt32BE(1, 12);
  return Buffer.concat([header, set]);
}

function templateSet(): Buffer {
  const words = [2, 8 + 4 * FIELDS.length, TEMPLATE_ID, FIELDS.length, ...FIELDS.flat()];
  const set = Buffer.alloc(2 * words.length);
  for (const [index, word] of words.entries()) set.writeUInt16BE(word, 2 * index);
  return set;
}

function dataSet(first: number, count: number): Buffer {
  const set = Buffer.alloc(SET_HEADER_OCTETS + count * RECORD_OCTETS);
  set.writeUInt16BE(TEMPLATE_ID, 0);
  set.writeUInt16BE(set.length, 2);
  const nowMs = BigInt(Date.now());
  for (let row = 0; row < count; row += 1) {
    const offset = SET_HEADER_OCTETS + row * RECORD_OCTETS;
    set.writeBigUInt64BE(BigInt(first + row), offset);
    set.writeBigUInt64BE(100n, offset + 8);
    set.writeBigUInt64BE(1n, offset + 16);
    set.writeUInt32BE(0x0a000001, offset + 24);
    set.writeUInt32BE(0x0a000002, offset + 28);
    set.writeBigUInt64BE(nowMs, offset + 32);
    set.writeBigUInt64BE(nowMs, offset + 40);
  }
  return set;
}
