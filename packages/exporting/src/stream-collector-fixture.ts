/**
 * A collector over TCP or TLS for this package's tests. It stops as a collector must so that nothing is lost:
 * takes no new connection, ends its direction, reads until the exporter has ended its own.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { createMessageSplitter, createRecordDecoder, type DecodedRecord } from '@weir/ipfix';

const FLOWS_KEPT = 1000;

export interface StreamCollector {
  readonly port: number;
  /** Octets of each flow record in order of arrival; tests number flows by them. */
  readonly flowOctets: number[];
  readonly optionRecords: DecodedRecord[];
  /** The latest flow records. */
  readonly flows: DecodedRecord[];
  /** What was wrong: damage, unknown templates, sequence numbers that do not count. */
  readonly problems: string[];
  connections: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends every connection at once, reading nothing more. */
  kill(): Promise<void>;
  /** Reads nothing until `resume`. */
  pause(): void;
  resume(): void;
}

export function createStreamCollector(tls?: TlsOptions): StreamCollector {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  let isPaused = false;

  function serve(socket: Socket): void {
    collector.connections += 1;
    sockets.add(socket);
    if (isPaused) socket.pause();
    const take = createSession(collector);
    socket.on('data', (chunk) => take.push(chunk));
    socket.on('end', () => {
      take.end();
      socket.end();
    });
    socket.on('error', (error) => {
      if (!isExpected(error)) collector.problems.push(error.message);
    });
    socket.on('close', () => sockets.delete(socket));
  }

  async function closeServer(): Promise<void> {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    await new Promise<void>((closed) => closing.close(() => closed()));
  }

  const collector: StreamCollector = {
    get port() {
      return port;
    },
    flowOctets: [],
    optionRecords: [],
    flows: [],
    problems: [],
    connections: 0,
    async start() {
      // A handshake that the exporter broke off would else be waited for: with allowHalfOpen an end is no end.
      const options = { allowHalfOpen: true, handshakeTimeout: 1000 };
      const listening =
        tls === undefined ? createServer(options, serve) : createTlsServer({ ...options, ...tls }, serve);
      listening.on('tlsClientError', (_, socket) => socket.destroy());
      await new Promise<void>((resolve) => listening.listen(port, '127.0.0.1', () => resolve()));
      port = (listening.address() as AddressInfo).port;
      server = listening;
    },
    async stop() {
      const stopped = closeServer();
      collector.resume();
      for (const socket of sockets) socket.end();
      await stopped;
    },
    async kill() {
      const stopped = closeServer();
      for (const socket of sockets) socket.resetAndDestroy();
      await stopped;
    },
    pause() {
      isPaused = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      isPaused = false;
      for (const socket of sockets) socket.resume();
    },
  };
  return collector;
}

function isExpected(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** One connection: templates and sequence numbers of its own. */
function createSession(collector: StreamCollector) {
  const session = {
    exporterAddress: '127.0.0.1',
    localSocket: 'test',
    transport: 'tcp',
    source: 'test',
  } as const;
  const decoder = createRecordDecoder();
  const recordsOfDomain = new Map<number, number>();
  return createMessageSplitter({
    message(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const domain = view.getUint32(12);
      const expected = recordsOfDomain.get(domain) ?? 0;
      if (view.getUint32(8) !== expected) {
        collector.problems.push(`sequence number ${view.getUint32(8)} of domain ${domain}, not ${expected}`);
      }
      let records = 0;
      decoder.decodeDatagram(bytes, session, 0, {
        record(record) {
          records += 1;
          if (record.scope !== undefined) collector.optionRecords.push(record);
          else {
            collector.flows.push(record);
            if (collector.flows.length > FLOWS_KEPT) collector.flows.shift();
            collector.flowOctets.push(Number(record.fields['octetDeltaCount']));
          }
        },
        problem: ({ message }) => void collector.problems.push(message),
      });
      recordsOfDomain.set(domain, expected + records);
    },
    problem: ({ code, message }) => {
      // Half a message at the end is what a connection that was reset leaves.
      if (code !== 'message_truncated') collector.problems.push(`${code}: ${message}`);
    },
  });
}
