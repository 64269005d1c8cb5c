/**
 * An exporter over TCP or TLS whose records are numbered (`flowId`), so that a store can be asked which of them
 * it has, and how often. It stops and reconnects as an exporter should: one message at a time is given to the
 * socket; when the collector ends its side, the message in hand is finished, the own side ended, and the next
 * message goes over the next connection; when a connection breaks, the message in hand goes first on the next.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

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
const RECONNECT_MS = 20;

export interface NumberedExporter {
  /** Records given to connections whole: numbers 0 … records - 1. */
  readonly records: number;
  /** Of them, those given to connections that broke afterwards. */
  readonly recordsOnBroken: number;
  /** Connections that ended in order, and that did not. */
  readonly endedCount: number;
  readonly brokenCount: number;
  /** Ends in order and resolves when the collector has closed its side. */
  stop(): Promise<void>;
}

export interface NumberedExporterOptions {
  /** A new socket, not yet connected; half-open ones are allowed. */
  connect: () => Socket;
  observationDomainId: number;
  recordsPerMessage: number;
  /** Between two messages; a function is asked each time. */
  pauseMs: number | (() => number);
}

export function startNumberedExporter(options: NumberedExporterOptions): NumberedExporter {
  const { connect, observationDomainId, recordsPerMessage, pauseMs } = options;
  const state = { records: 0, recordsOnBroken: 0, endedCount: 0, brokenCount: 0 };
  let isStopping = false;
  const running = run();

  async function run(): Promise<void> {
    while (!isStopping) {
      const socket = connect();
      if (await isConnected(socket)) await speak(socket);
      else await sleep(RECONNECT_MS);
    }
  }

  async function speak(socket: Socket): Promise<void> {
    let isEnded = false;
    let failure: Error | undefined;
    let sequenceNumber = 0;
    socket.on('end', () => {
      isEnded = true;
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.resume();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const isOpen = () => !isEnded && failure === undefined && !socket.destroyed;
    if (await isWritten(socket, templateMessage(observationDomainId))) {
      while (isOpen() && !isStopping) {
        const message = dataMessage(observationDomainId, sequenceNumber, state.records, recordsPerMessage);
        if (!(await isWritten(socket, message))) break;
        state.records += recordsPerMessage;
        sequenceNumber += recordsPerMessage;
        await sleep(typeof pauseMs === 'number' ? pauseMs : pauseMs());
      }
    }
    if (failure === undefined) socket.end();
    await closed;
    if (failure === undefined && isEnded) {
      state.endedCount += 1;
    } else {
      state.brokenCount += 1;
      state.recordsOnBroken += sequenceNumber;
    }
  }

  return {
    get records() {
      return state.records;
    },
    get recordsOnBroken() {
      return state.recordsOnBroken;
    },
    get endedCount() {
      return state.endedCount;
    },
    get brokenCount() {
      return state.brokenCount;
    },
    stop() {
      isStopping = true;
      return running;
    },
  };
}

function isConnected(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    const event = 'getPeerCertificate' in socket ? 'secureConnect' : 'connect';
    socket.once(event, () => resolve(true));
    socket.on('error', () => resolve(false));
  });
}

function isWritten(socket: Socket, bytes: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    socket.write(bytes, (error) => resolve(error === null || error === undefined));
  });
}

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
