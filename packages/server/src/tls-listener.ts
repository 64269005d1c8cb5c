/** HTTP over TLS, with a certificate that is read again when it is renewed. */
import {
  createServer as createPlainServer,
  type RequestListener,
  type Server,
  type ServerOptions,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Clock, Logger } from '@weir/base';
import { type HttpSettings, loadTlsCredentials, type TlsCredentials } from '@weir/collecting';

const LOOK_INTERVAL_MS = 60_000;

export interface TlsListener {
  /** Reads the certificate. Rejects with UserError `tls_unusable`. */
  start(): Promise<void>;
  /** Looks whether the certificate was renewed; what cannot be used is said in the log, and the former one stays. */
  renew(): Promise<void>;
  stop(): void;
}

/** A server of node:http, or of node:https, which has the same methods. */
export function createHttpServer(
  tls: HttpSettings['tls'],
  options: ServerOptions,
  handler: RequestListener,
): Server {
  return tls === undefined ? createPlainServer(options, handler) : createTlsServer(options, handler);
}

/** Gives `server`, made by `createHttpServer`, its certificate. */
export function createTlsListener(
  tls: NonNullable<HttpSettings['tls']>,
  server: Server,
  clock: Clock,
  logger: Logger,
): TlsListener {
  let credentials: TlsCredentials | undefined;
  let cancelTimer: (() => void) | undefined;

  async function renew(): Promise<void> {
    try {
      const renewed = await credentials?.renewed();
      if (renewed === undefined) return;
      setCredentials(server, renewed);
      logger.info(`the certificate in ${tls.certificate} is used from now on`);
    } catch (error) {
      logger.warn(`the certificate stays as it was: ${(error as Error).message}`);
    }
  }

  return {
    async start() {
      credentials = await loadTlsCredentials(tls);
      setCredentials(server, credentials.current);
      cancelTimer = clock.every(LOOK_INTERVAL_MS, () => void renew());
    },
    renew,
    stop: () => cancelTimer?.(),
  };
}

function setCredentials(server: Server, credentials: TlsCredentials['current']): void {
  if (!isTlsServer(server)) throw new Error('the server was made without TLS');
  server.setSecureContext(credentials);
}

const isTlsServer = (server: Server | TlsServer): server is TlsServer => 'setSecureContext' in server;
