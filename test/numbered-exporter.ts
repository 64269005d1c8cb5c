/**
 * An exporter over TCP or TLS whose records are numbered (`flowId`), so that a store can be asked which of them
 * it has, and how often. It stops and reconnects as an exporter should: one message at a time is given to the
 * socket; when the collector ends its side, the message in hand is finished, the own side ended, and the next
 * message goes over the next connection; when a connection breaks, the message in hand goes first on the next.
 */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataMessage, templateMessage } from './numbered-record.ts';

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
