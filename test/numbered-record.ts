/**
 * Messages whose records are numbered (`flowId`), so that a store can be asked which of them it has, and how often.
 */
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
const HEADER_OCTETS = 16;

/** The message (RFC 7011) that announces them. */
export function templateMessage(observationDomainId: number): Buffer {
  const setOctets = 8 + FIELDS.length * 4;
  const message = header(HEADER_OCTETS + setOctets, 0, observationDomainId);
  message.writeUInt16BE(2, 16);
  message.writeUInt16BE(setOctets, 18);
  message.writeUInt16BE(TEMPLATE_ID, 20);
  message.writeUInt16BE(FIELDS.length, 22);
  for (const [index, [element, octets]] of FIELDS.entries()) {
    message.writeUInt16BE(element, 24 + index * 4);
    message.writeUInt16BE(octets, 26 + index * 4);
  }
  return message;
}

/** `count` records with the numbers from `first` on. */
export function dataMessage(
  observationDomainId: number,
  sequence: number,
  first: number,
  count: number,
): Buffer {
  const setOctets = 4 + count * RECORD_OCTETS;
  const message = header(HEADER_OCTETS + setOctets, sequence, observationDomainId);
  message.writeUInt16BE(TEMPLATE_ID, 16);
  message.writeUInt16BE(setOctets, 18);
  const nowMs = BigInt(Date.now());
  for (let index = 0; index < count; index += 1) {
    const at = 20 + index * RECORD_OCTETS;
    message.writeBigUInt64BE(BigInt(first + index), at);
    message.writeBigUInt64BE(100n, at + 8);
    message.writeBigUInt64BE(1n, at + 16);
    message.writeUInt32BE(0x0a000001, at + 24);
    message.writeUInt32BE(0x0a000002, at + 28);
    message.writeBigUInt64BE(nowMs, at + 32);
    message.writeBigUInt64BE(nowMs, at + 40);
  }
  return message;
}

function header(octets: number, sequence: number, observationDomainId: number): Buffer {
  const message = Buffer.alloc(octets);
  message.writeUInt16BE(10, 0);
  message.writeUInt16BE(octets, 2);
  message.writeUInt32BE(Math.floor(Date.now() / 1000), 4);
  message.writeUInt32BE(sequence, 8);
  message.writeUInt32BE(observationDomainId, 12);
  return message;
}
