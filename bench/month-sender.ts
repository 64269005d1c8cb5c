/** A synthetic month as IPFIX over UDP, part by part: so that another collector gets the same flows as our store. */
import { createSocket, type Socket } from 'node:dgram';
import { createSyntheticMonth, type SyntheticMonthOptions } from '@weir/collecting';
import { clearFlowBatch, createFlowBatch, type FlowBatch, u64AsNumber } from '@weir/ipfix';
import { sleep } from './measured-process.ts';

const MESSAGE_OCTETS_MAX = 1400;
const HEADER_OCTETS = 16;
const SET_HEADER_OCTETS = 4;
/** Datagrams between two waits: nfcapd's socket buffer holds them. */
const BURST = 400;

/** [element, octets] of everything that both templates have beside their addresses. */
const FIELDS = [
  [152, 8],
  [153, 8],
  [1, 8],
  [2, 8],
  [7, 2],
  [11, 2],
  [4, 1],
  [5, 1],
  [6, 2],
  [10, 4],
  [14, 4],
  [61, 1],
  [136, 1],
  [89, 1],
  [16, 4],
  [17, 4],
] as const;
const TEMPLATES = [
  { id: 256, addressOctets: 4, elements: [8, 12] },
  { id: 257, addressOctets: 16, elements: [27, 28] },
] as const;
const FIXED_OCTETS = FIELDS.reduce((sum, [, octets]) => sum + octets, 0);

export interface MonthPart {
  readonly fromMs: number;
  readonly toMs: number;
  /** Where the collector of this part listens; called before its first record. */
  readonly begin: () => Promise<number>;
  readonly end: () => Promise<void>;
}

/** Sends a month; each part to a collector of its own. Returns how many records were sent. */
export async function sendMonth(
  options: SyntheticMonthOptions,
  parts: readonly MonthPart[],
): Promise<number> {
  const month = createSyntheticMonth(options);
  const batch = createFlowBatch(8192);
  const sender = new MessageSender();
  let [part, sent] = [-1, 0];
  try {
    while (month.fill(batch)) {
      for (let row = 0; row < batch.rowCount; row++) {
        const received = u64AsNumber(batch.columns.receivedAt, row);
        if (part < 0 || (received >= parts[part]!.toMs && part + 1 < parts.length)) {
          await sender.flush();
          if (part >= 0) await parts[part]!.end();
          part = Math.max(
            0,
            parts.findIndex((each) => received < each.toMs),
          );
          sender.to(await parts[part]!.begin());
        }
        const waiting = sender.add(batch, row);
        if (waiting !== undefined) await waiting;
        sent += 1;
      }
      clearFlowBatch(batch);
    }
    await sender.flush();
    if (part >= 0) await parts[part]!.end();
  } finally {
    sender.close();
  }
  return sent;
}

/** One message for each template at a time. */
class MessageSender {
  readonly #socket: Socket = createSocket('udp4');
  readonly #messages = TEMPLATES.map((template) => ({
    template,
    bytes: Buffer.alloc(MESSAGE_OCTETS_MAX),
    at: 0,
  }));
  #port = 0;
  #sequence = 0;
  #burst = 0;

  to(port: number): void {
    this.#port = port;
    this.#socket.send(templateMessage(), port, '127.0.0.1');
  }

  /** A promise when the receiver needs a moment. */
  add(batch: FlowBatch, row: number): Promise<void> | undefined {
    const isIPv4 = batch.columns.srcAddrHi[row * 2 + 1] === 0;
    const message = this.#messages[isIPv4 ? 0 : 1]!;
    const octets = FIXED_OCTETS + 2 * message.template.addressOctets;
    if (message.at === 0) message.at = HEADER_OCTETS + SET_HEADER_OCTETS;
    message.at = writeRecord(message.bytes, message.at, batch, row, isIPv4);
    if (message.at + octets <= MESSAGE_OCTETS_MAX) return undefined;
    this.#send(message);
    this.#burst += 1;
    if (this.#burst % BURST !== 0) return undefined;
    return sleep(4);
  }

  async flush(): Promise<void> {
    for (const message of this.#messages) if (message.at > 0) this.#send(message);
    await sleep(100);
  }

  close(): void {
    this.#socket.close();
  }

  #send(message: { template: (typeof TEMPLATES)[number]; bytes: Buffer; at: number }): void {
    const { bytes, at, template } = message;
    writeHeader(bytes, at, this.#sequence);
    bytes.writeUInt16BE(template.id, HEADER_OCTETS);
    bytes.writeUInt16BE(at - HEADER_OCTETS, HEADER_OCTETS + 2);
    const octets = FIXED_OCTETS + 2 * template.addressOctets;
    this.#sequence = (this.#sequence + (at - HEADER_OCTETS - SET_HEADER_OCTETS) / octets) >>> 0;
    this.#socket.send(Buffer.from(bytes.subarray(0, at)), this.#port, '127.0.0.1');
    message.at = 0;
  }
}

function writeHeader(bytes: Buffer, length: number, sequence: number): void {
  bytes.writeUInt16BE(10, 0);
  bytes.writeUInt16BE(length, 2);
  bytes.writeUInt32BE(Math.floor(Date.now() / 1000), 4);
  bytes.writeUInt32BE(sequence, 8);
  bytes.writeUInt32BE(1, 12);
}

function templateMessage(): Buffer {
  const sets = TEMPLATES.map(({ id, addressOctets, elements }) => {
    const fields = [...elements.map((element) => [element, addressOctets] as const), ...FIELDS];
    const set = Buffer.alloc(SET_HEADER_OCTETS + 4 + fields.length * 4);
    set.writeUInt16BE(2, 0);
    set.writeUInt16BE(set.length, 2);
    set.writeUInt16BE(id, 4);
    set.writeUInt16BE(fields.length, 6);
    fields.forEach(([element, octets], index) => {
      set.writeUInt16BE(element, 8 + index * 4);
      set.writeUInt16BE(octets, 10 + index * 4);
    });
    return set;
  });
  const message = Buffer.concat([Buffer.alloc(HEADER_OCTETS), ...sets]);
  writeHeader(message, message.length, 0);
  return message;
}

function writeRecord(bytes: Buffer, from: number, batch: FlowBatch, row: number, isIPv4: boolean): number {
  const { columns } = batch;
  let at = from;
  for (const [hi, lo] of [
    ['srcAddrHi', 'srcAddrLo'],
    ['dstAddrHi', 'dstAddrLo'],
  ] as const) {
    if (!isIPv4) {
      at = bytes.writeUInt32BE(columns[hi][row * 2 + 1]!, at);
      at = bytes.writeUInt32BE(columns[hi][row * 2]!, at);
      at = bytes.writeUInt32BE(columns[lo][row * 2 + 1]!, at);
    }
    at = bytes.writeUInt32BE(columns[lo][row * 2]!, at);
  }
  for (const name of ['flowStart', 'flowEnd', 'octets', 'packets'] as const) {
    at = bytes.writeUInt32BE(columns[name][row * 2 + 1]!, at);
    at = bytes.writeUInt32BE(columns[name][row * 2]!, at);
  }
  at = bytes.writeUInt16BE(columns.srcPort[row]!, at);
  at = bytes.writeUInt16BE(columns.dstPort[row]!, at);
  at = bytes.writeUInt8(columns.protocol[row]!, at);
  at = bytes.writeUInt8(columns.tos[row]!, at);
  at = bytes.writeUInt16BE(columns.tcpFlags[row]!, at);
  at = bytes.writeUInt32BE(columns.inIf[row]!, at);
  at = bytes.writeUInt32BE(columns.outIf[row]!, at);
  at = bytes.writeUInt8(columns.direction[row]!, at);
  at = bytes.writeUInt8(columns.endReason[row]!, at);
  at = bytes.writeUInt8(columns.forwardingStatus[row]!, at);
  at = bytes.writeUInt32BE(columns.srcAs[row]!, at);
  return bytes.writeUInt32BE(columns.dstAs[row]!, at);
}
