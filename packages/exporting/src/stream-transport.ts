/**
 * A TCP connection to one collector (RFC 7011 section 10.4), with or without TLS (section 11.1).
 *
 * Both directions end on their own: when the collector ends its direction it may still read what is on the
 * way, so ours stays open until the message in hand is written.
 */
import { readFile, stat } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Collector, TlsFiles } from './profile-collector.ts';
import type { LocalSocket, SendDone } from './udp-transport.ts';

/** A path that drops everything must not hold the next try for as long as the kernel would: two minutes. */
const CONNECT_TIMEOUT_MS = 10_000;
/** An idle connection is probed after so long, then each second ten times: Node's and libuv's own figures. */
const KEEP_ALIVE_MS = 10_000;
const TCP = 6;
/** More than are made in the seconds that pass between two looks at them. */
const ATTEMPTS_REMEMBERED = 16;

/** An open connection. */
export interface StreamLink {
  readonly localSocket: LocalSocket;
  /** `done` without an error: the kernel has taken all octets, which must stay as they are until then. */
  write(bytes: Uint8Array, done: SendDone): void;
  /** Ends our direction once everything is written. */
  end(): void;
  /** Ends both directions at once. */
  destroy(): void;
  /** The collector has ended its direction. */
  onEnd: () => void;
  /** Both directions have ended; an error when not in order. Called once. */
  onClose: (error: Error | undefined) => void;
}

export interface StreamTransport {
  /**
   * Local ends of the latest attempts to connect, those that failed too, so that a meter can leave their
   * packets out. The newest is last.
   */
  readonly attempts: readonly LocalSocket[];
  /** Rejects when there is no connection, or no session over TLS; may be called again then. */
  open(): Promise<StreamLink>;
  /** Whether certificate, key or authorities differ from those of the latest `open`. */
  hasNewCertificate(): Promise<boolean>;
  /** Breaks off an `open` that is under way, which then rejects, and lets none begin. */
  close(): void;
}

/** `tls` has what the profile says for every collector; the collector's own goes before it. */
export function createStreamTransport(collector: Collector, tls: TlsFiles): StreamTransport {
  const files: TlsFiles = { ...tls, ...collector.tls };
  const paths = [files.ca, files.certificate, files.key].filter((path) => path !== undefined);
  const attempts: LocalSocket[] = [];
  let versions = '';
  let opening: Socket | undefined;
  let isClosed = false;

  function remember(attempt: LocalSocket): void {
    attempts.push(attempt);
    if (attempts.length > ATTEMPTS_REMEMBERED) attempts.shift();
  }

  /** A socket with its connection. */
  async function openTcp(): Promise<Socket> {
    if (isClosed) throw new Error('broken off');
    opening = connectTo(collector);
    const socket = opening;
    const note = () => remember(localSocketOf(socket, collector.port));
    // The last moments at which a refused attempt and one that nobody answers have their port.
    socket.on('connectionAttemptFailed', note);
    await opened(socket, 'connect', note);
    note();
    return socket;
  }

  async function versionsOf(): Promise<string> {
    const stats = await Promise.all(paths.map((path) => stat(path)));
    return stats.map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`).join('; ');
  }

  async function openLink(): Promise<StreamLink> {
    if (collector.transport !== 'Tls') return linkOf(await openTcp());
    versions = await versionsOf();
    const [ca, cert, key] = await Promise.all([files.ca, files.certificate, files.key].map(readPem));
    const socket = await openTcp();
    // Not at the top: whoever loads this package would wait for OpenSSL to be made ready.
    const tlsModule = await import('node:tls');
    const secured = tlsModule.connect({
      socket,
      host: collector.host,
      servername: files.serverName ?? (isIP(collector.host) === 0 ? collector.host : ''),
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
    try {
      await opened(secured, 'secureConnect');
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return linkOf(secured, socket);
  }

  return {
    attempts,
    async open() {
      try {
        return await openLink();
      } finally {
        opening = undefined;
      }
    },
    async hasNewCertificate() {
      if (collector.transport !== 'Tls') return false;
      try {
        return (await versionsOf()) !== versions;
      } catch {
        // A file that is away for a moment is being replaced.
        return false;
      }
    },
    close() {
      isClosed = true;
      if (opening?.localPort !== undefined) remember(localSocketOf(opening, collector.port));
      opening?.destroy();
    },
  };
}

async function readPem(path: string | undefined): Promise<string | undefined> {
  return path === undefined ? undefined : readFile(path, 'utf8');
}

function connectTo({ host, port }: Collector): Socket {
  return connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
}

function localSocketOf(socket: Socket, remotePort: number): LocalSocket {
  return {
    protocol: TCP,
    localAddress: socket.localAddress ?? '',
    localPort: socket.localPort ?? 0,
    remoteAddress: socket.remoteAddress ?? '',
    remotePort,
  };
}

/**
 * Resolves with the event; rejects, and leaves nothing open, with an error, an end or when it takes too long,
 * after `givingUp`.
 */
function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  givingUp: () => void = () => {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const failToAnswer = () => {
      givingUp();
      fail(new Error(`no answer within ${CONNECT_TIMEOUT_MS / 1000} s`));
    };
    const failToStay = () => fail(new Error('the collector closed the connection'));
    const timer = setTimeout(failToAnswer, CONNECT_TIMEOUT_MS);
    socket.once('error', fail);
    socket.once('close', failToStay);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.off('close', failToStay);
      resolve();
    });
  });
}

function linkOf(socket: Socket | TLSSocket, carrier: Socket = socket): StreamLink {
  let error: Error | undefined;
  const link: StreamLink = {
    onEnd: () => {},
    onClose: () => {},
    localSocket: localSocketOf(carrier, carrier.remotePort ?? 0),
    write: (bytes, done) => void socket.write(bytes, (failure) => done(failure ?? undefined)),
    end: () => void socket.end(),
    destroy() {
      socket.destroy();
      carrier.destroy();
    },
  };
  socket.on('error', (failure) => {
    error = failure;
  });
  // Errors of the connection below TLS are told by TLS.
  if (carrier !== socket) carrier.on('error', () => {});
  socket.on('end', () => link.onEnd());
  socket.on('close', () => {
    carrier.destroy();
    link.onClose(error);
  });
  // A collector says nothing; what it says all the same must be read for its end to be seen.
  socket.resume();
  return link;
}
