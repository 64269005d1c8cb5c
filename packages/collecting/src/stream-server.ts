/**
 * The listening socket of a source over TCP or TLS (RFC 7011 sections 10.4 and 11) and all its connections.
 *
 * A connection costs memory before anybody said who they are, so their number is limited, in all and by
 * address. Where a limit is reached, a connection that never sent a message makes room for a new one: peers
 * that only hold connections open cannot keep exporters out.
 */
import { constants } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { type Clock, type Logger, UserError } from '@weir/base';
import { createSenderFilter, type SenderFilter } from '@weir/host';
import type { DecodeProblem, TransportSession } from '@weir/ipfix';
import { type ConnectionLimits, connectionLimits, type FlowSource, type TlsSettings } from './flow-source.ts';
import { createOccasionalLog } from './occasional-log.ts';
import { formatSocketAddress, type SocketAddress } from './socket-address.ts';
import { createStreamConnection, type StreamConnection } from './stream-connection.ts';
import { CLOSE_REASONS, type CloseReason, type StreamCounters, type StreamStatus } from './stream-status.ts';
import {
  type Credentials,
  isAllowedSubject,
  loadTlsCredentials,
  subjectsOf,
  type TlsCredentials,
} from './tls-credentials.ts';

/** TLS takes three round trips; over a satellite and with retransmissions that is 5 s. */
const HANDSHAKE_MS_MAX = 10_000;
/** So long a new connection may be silent before it must make room: exporters begin with their templates. */
const SILENT_MS_MIN = 10_000;
/** Probes find peers that are gone without a word, where the idle timeout allows silence. */
const KEEP_ALIVE_MS = 60_000;
/** How often files of certificates are looked at. */
const RELOAD_EVERY_MS = 5000;
const SWEEP_EVERY_MS = 1000;
/** Between two looks whether the store has room again. */
const ROOM_STEP_MS = 2;
/** At the end exporters have so long to close their side, time in which the store held us up not counted. */
const FINISH_MS_MAX = 5000;
const FINISH_STEP_MS = 5;
/** The kernel's queue of connections to accept is shorter. */
const ACCEPT_TURNS_MAX = 1024;
/** Sockets that were closed say so a few turns of the event loop later. */
const CLOSE_TURNS_MAX = 1000;

/** What a message became. */
interface TakenMessage {
  readonly records: number;
  readonly malformed: boolean;
}

export interface StreamServerOptions {
  source: FlowSource;
  clock: Clock;
  logger: Logger;
  /** Whether the store has room for what a chunk of octets may hold. */
  roomy(): boolean;
  message(bytes: Uint8Array, session: TransportSession): TakenMessage;
  problem(problem: DecodeProblem): void;
  sessionClosed(session: TransportSession): void;
}

export interface StreamServer {
  readonly localPort: number;
  /** Connections from outside the networks that are allowed; they were reset. */
  strangers(): number;
  status(): StreamStatus;
  /** What depends on time. To be called at least every 50 ms. */
  tick(): void;
  /**
   * Accepts nobody any more, says to all that nothing more is wanted, and resolves when every exporter has
   * closed its side, all that it sent being taken, or FINISH_MS_MAX passed.
   */
  finish(): Promise<void>;
}

/** A connection from the moment it was accepted; `connection` is there when exporters' octets are read. */
interface Peer {
  readonly socket: Socket;
  readonly at: SocketAddress;
  readonly sinceMs: number;
  connection: StreamConnection | undefined;
  /** Why it ended, should it end before there is a connection. */
  reason: CloseReason;
  detail: string | undefined;
}

/** Opens the socket. Rejects with UserError when it, or what TLS needs, cannot be had. */
export async function openStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const { tls } = options.source;
  const credentials = tls === undefined ? undefined : await loadTlsCredentials(tls);
  const server = new ListeningServer(options, credentials);
  await server.open();
  return server;
}

class ListeningServer implements StreamServer {
  readonly #options: StreamServerOptions;
  readonly #limits: ConnectionLimits;
  readonly #credentials: TlsCredentials | undefined;
  readonly #server: Server;
  readonly #tlsServer: TlsServer | undefined;
  readonly #counters: StreamCounters = createStreamCounters();
  readonly #log: ReturnType<typeof createOccasionalLog>;
  /** By address and port. */
  readonly #peers = new Map<string, Peer>();
  readonly #peersOfAddress = new Map<string, number>();
  /** Connections that came, those refused included. */
  #arrivals = 0;
  #strangers = 0;
  readonly #allowed: SenderFilter | undefined;
  #pausedSinceMs = -1;
  #finishing = false;
  #sweepDueMs = 0;
  #reloadDueMs = 0;

  constructor(options: StreamServerOptions, credentials: TlsCredentials | undefined) {
    const { source, clock, logger } = options;
    this.#options = options;
    this.#limits = connectionLimits(source);
    this.#allowed = source.allow === undefined ? undefined : createSenderFilter(source.allow);
    this.#credentials = credentials;
    this.#log = createOccasionalLog(clock, logger);
    const socketOptions = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = createServer(socketOptions, (socket) => this.#admit(socket));
    this.#tlsServer = credentials === undefined ? undefined : this.#createTlsServer(credentials);
  }

  get localPort(): number {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  }

  async open(): Promise<void> {
    const { monitoringAddress: host, monitoringPort: port, transport } = this.#options.source;
    const where = `${transport}/${formatSocketAddress({ address: host, port })}`;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, where)));
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on('error', (error) => this.#log('accept', { error: error.message }, 'accepting failed'));
    this.#reloadDueMs = this.#options.clock.monotonicMs() + RELOAD_EVERY_MS;
  }

  status(): StreamStatus {
    const connections = [...this.#peers.values()].flatMap(({ connection }) => connection?.status() ?? []);
    return { counters: { ...this.#counters, closed: { ...this.#counters.closed } }, connections };
  }

  tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs >= this.#sweepDueMs) this.#sweep(nowMs);
    if (this.#credentials === undefined || nowMs < this.#reloadDueMs) return;
    this.#reloadDueMs = nowMs + RELOAD_EVERY_MS;
    void this.#reload(this.#credentials);
  }

  async finish(): Promise<void> {
    const { clock } = this.#options;
    await this.#acceptWhoWaits();
    this.#server.close();
    this.#finishing = true;
    for (const peer of this.#peers.values()) {
      if (peer.connection === undefined) this.#drop(peer, 'cutOff');
      else peer.connection.finish();
    }
    for (let waitedMs = 0; this.#peers.size > 0 && waitedMs < FINISH_MS_MAX; ) {
      await new Promise<void>((resolve) => void clock.after(FINISH_STEP_MS, resolve));
      if (this.#pausedSinceMs < 0) waitedMs += FINISH_STEP_MS;
    }
    for (const peer of this.#peers.values()) this.#drop(peer, 'cutOff');
    for (let turn = 0; this.#peers.size > 0 && turn < CLOSE_TURNS_MAX; turn += 1) await nextTurn();
  }

  /**
   * Whoever connected before now is still accepted, for the kernel may have taken octets of theirs already.
   * The event loop accepts at most one connection a turn.
   */
  async #acceptWhoWaits(): Promise<void> {
    for (let turn = 0; turn < ACCEPT_TURNS_MAX; turn += 1) {
      const before = this.#arrivals;
      await nextTurn();
      if (turn > 0 && this.#arrivals === before) return;
    }
  }

  #createTlsServer({ current }: TlsCredentials): TlsServer {
    const requestCert = current.ca !== undefined;
    // Whom to refuse is decided in `#authorize`, which can say why.
    const server = createTlsServer({ ...contextOf(current), requestCert, rejectUnauthorized: false });
    server.on('secureConnection', (socket) => this.#authorize(socket));
    server.on('tlsClientError', (error, socket) => {
      const peer = this.#peers.get(keyOf(socket));
      if (peer !== undefined) peer.detail ??= error.message;
      socket.destroy();
    });
    return server;
  }

  strangers(): number {
    return this.#strangers;
  }

  #admit(socket: Socket): void {
    this.#arrivals += 1;
    const at = remoteOf(socket);
    if (at !== undefined && this.#allowed?.allows(at.address) === false) {
      this.#strangers += 1;
      socket.resetAndDestroy();
      return;
    }
    if (at === undefined || this.#finishing || !this.#hasRoomFor(at)) {
      socket.resetAndDestroy();
      return;
    }
    const { clock } = this.#options;
    const sinceMs = clock.monotonicMs();
    const reason = this.#tlsServer === undefined ? 'reset' : 'handshake';
    const peer: Peer = { socket, at, sinceMs, connection: undefined, reason, detail: undefined };
    this.#counters.accepted += 1;
    this.#peers.set(keyOf(socket), peer);
    this.#peersOfAddress.set(at.address, (this.#peersOfAddress.get(at.address) ?? 0) + 1);
    socket.on('error', (error) => {
      peer.detail ??= error.message;
    });
    socket.on('close', () => {
      if (peer.connection === undefined) this.#forget(peer, peer.reason);
    });
    if (this.#tlsServer === undefined) this.#connect(peer, socket, undefined);
    else this.#tlsServer.emit('connection', socket);
  }

  #hasRoomFor({ address }: SocketAddress): boolean {
    const { max, perAddressMax } = this.#limits;
    const ofAddress = this.#peersOfAddress.get(address) ?? 0;
    if (ofAddress >= perAddressMax && !this.#displace((peer) => peer.at.address === address)) {
      this.#counters.refusedAddress += 1;
      this.#log('address', { address, connections: ofAddress }, 'an address has too many connections');
      return false;
    }
    if (this.#peers.size >= max && !this.#displace(() => true)) {
      this.#counters.refusedFull += 1;
      this.#log('full', { address, connections: this.#peers.size }, 'the source has too many connections');
      return false;
    }
    return true;
  }

  /** Ends the oldest of these connections that had time to send a message and sent none. */
  #displace(isCandidate: (peer: Peer) => boolean): boolean {
    const silentBeforeMs = this.#options.clock.monotonicMs() - SILENT_MS_MIN;
    for (const peer of this.#peers.values()) {
      if (peer.sinceMs > silentBeforeMs) return false;
      if (!isCandidate(peer) || (peer.connection?.status().messages ?? 0) > 0) continue;
      this.#drop(peer, 'displaced');
      return true;
    }
    return false;
  }

  #authorize(socket: TLSSocket): void {
    const peer = this.#peers.get(keyOf(socket));
    if (peer === undefined) {
      socket.destroy();
      return;
    }
    const tls = this.#options.source.tls as TlsSettings;
    const certificate = tls.clientCa === undefined ? undefined : socket.getPeerCertificate();
    const names = certificate === undefined ? [] : subjectsOf(certificate);
    if (certificate !== undefined && !socket.authorized) {
      const isNone = Object.keys(certificate).length === 0;
      peer.detail = isNone ? 'no certificate was shown' : String(socket.authorizationError);
      this.#refuse(peer, socket, 'untrusted');
    } else if (certificate !== undefined && !isAllowedSubject(names, tls.subjects)) {
      peer.detail = `the certificate names ${names.join(', ').slice(0, 200) || 'nobody'}`;
      this.#refuse(peer, socket, 'notAllowed');
    } else {
      this.#connect(peer, socket, names[0]);
    }
  }

  #refuse(peer: Peer, socket: TLSSocket, reason: CloseReason): void {
    peer.reason = reason;
    socket.destroy();
  }

  #connect(peer: Peer, socket: Socket, subject: string | undefined): void {
    const { source, clock, roomy, message, problem } = this.#options;
    const { address } = peer.at;
    const local = { address: source.monitoringAddress, port: this.localPort };
    const transport = this.#tlsServer === undefined ? 'tcp' : 'tls';
    const session: TransportSession = {
      exporterAddress: address,
      localSocket: formatSocketAddress(local),
      transport,
      source: source.name,
    };
    peer.connection = createStreamConnection({
      socket,
      peer: peer.at,
      subject,
      session,
      clock,
      sink: {
        roomy,
        pauseAll: () => this.#pauseAll(),
        message,
        problem,
        closed: (reason, detail) => {
          peer.detail = detail;
          this.#options.sessionClosed(session);
          this.#forget(peer, reason);
        },
      },
    });
    if (this.#pausedSinceMs >= 0) peer.connection.pause();
  }

  #forget(peer: Peer, reason: CloseReason): void {
    this.#peers.delete(keyOfAddress(peer.at));
    const { address } = peer.at;
    const left = (this.#peersOfAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#peersOfAddress.set(address, left);
    else this.#peersOfAddress.delete(address);
    this.#counters.closed[reason] += 1;
    if (reason === 'ended') return;
    const facts = { source: this.#options.source.name, exporter: formatSocketAddress(peer.at) };
    this.#log(reason, { ...facts, detail: peer.detail }, WORDS_OF_REASON[reason]);
  }

  #drop(peer: Peer, reason: CloseReason): void {
    if (peer.connection !== undefined) {
      peer.connection.abort(reason);
      return;
    }
    peer.reason = reason;
    peer.socket.destroy();
  }

  #pauseAll(): void {
    if (this.#pausedSinceMs >= 0) return;
    this.#pausedSinceMs = this.#options.clock.monotonicMs();
    this.#counters.pauses += 1;
    for (const { connection } of this.#peers.values()) connection?.pause();
    this.#resumeWhenRoomy();
  }

  #resumeWhenRoomy(): void {
    const { clock, roomy } = this.#options;
    clock.after(ROOM_STEP_MS, () => {
      if (!roomy()) {
        this.#resumeWhenRoomy();
        return;
      }
      this.#counters.pausedMs += clock.monotonicMs() - this.#pausedSinceMs;
      this.#pausedSinceMs = -1;
      for (const { connection } of this.#peers.values()) connection?.resume();
    });
  }

  #sweep(nowMs: number): void {
    this.#sweepDueMs = nowMs + SWEEP_EVERY_MS;
    const idleMs = this.#limits.idleTimeoutSeconds * 1000;
    for (const peer of this.#peers.values()) {
      if (peer.connection !== undefined) peer.connection.closeIfSilent(idleMs);
      else if (nowMs - peer.sinceMs > HANDSHAKE_MS_MAX) {
        peer.detail = `not within ${HANDSHAKE_MS_MAX / 1000} s`;
        this.#drop(peer, 'handshake');
      }
    }
  }

  async #reload(credentials: TlsCredentials): Promise<void> {
    const { logger, source } = this.#options;
    try {
      const renewed = await credentials.renewed();
      if (renewed === undefined) return;
      this.#tlsServer?.setSecureContext(contextOf(renewed));
      this.#counters.certificateReloads += 1;
      logger.info({ source: source.name }, 'the changed certificate files are used for new connections');
    } catch (error) {
      this.#counters.certificateReloadFailures += 1;
      const facts = { source: source.name, error: (error as Error).message };
      logger.error(facts, 'the changed certificate files cannot be used; the former ones stay');
    }
  }
}

const WORDS_OF_REASON: Readonly<Record<CloseReason, string>> = {
  ended: 'a connection ended',
  reset: 'a connection broke',
  idle: 'a connection was silent for too long and was closed',
  stalled: 'a message did not end in time; the connection was closed',
  damaged: 'a connection sent what is no IPFIX and was closed',
  displaced: 'a connection that never sent anything made room for another',
  handshake: 'TLS was not agreed upon',
  untrusted: 'the certificate of a peer is not trusted',
  notAllowed: 'the certificate of a peer names nobody who may export',
  cutOff: 'an exporter did not close its side in time; what it still sends is lost',
};

function createStreamCounters(): StreamCounters {
  return {
    accepted: 0,
    refusedFull: 0,
    refusedAddress: 0,
    closed: Object.fromEntries(CLOSE_REASONS.map((reason) => [reason, 0])) as Record<CloseReason, number>,
    pauses: 0,
    pausedMs: 0,
    certificateReloads: 0,
    certificateReloadFailures: 0,
  };
}

/** Without tickets: a resumed session would bring its verdict from before a reload. */
function contextOf(credentials: Credentials): SecureContextOptions {
  return { ...credentials, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
}

/** IPv4 addresses as such also where the socket is one of IPv6. */
function remoteOf({ remoteAddress, remotePort }: Socket): SocketAddress | undefined {
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  return { address: remoteAddress.replace(/^::ffff:(?=\d+\.)/, ''), port: remotePort };
}

function keyOf(socket: Socket): string {
  const at = remoteOf(socket);
  return at === undefined ? '' : keyOfAddress(at);
}

function keyOfAddress({ address, port }: SocketAddress): string {
  return `${address} ${port}`;
}

function listenError(error: NodeJS.ErrnoException, where: string): UserError {
  const what = `cannot listen on ${where}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new UserError('port_busy', `${what}: another process uses this port`);
    case 'EADDRNOTAVAIL':
      return new UserError('address_unavailable', `${what}: this machine has no such address`);
    case 'EACCES':
    case 'EPERM':
      return new UserError(
        'listen_denied',
        `${what}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE`,
      );
    default:
      return new UserError('listen_failed', `${what}: ${error.message}`);
  }
}
