/** How an exporter asks the server that it is enrolled at: JSON over HTTPS, the server's key checked first. */
import { createHash, X509Certificate } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import { UserError } from '@weir/base';

const TIMEOUT_MS = 15_000;
/** An answer is a command of some kilobytes. */
const ANSWER_OCTETS_MAX = 1_048_576;

export interface ServerIdentity {
  /** Origin of the server. `http:` only for a server on this machine. */
  readonly server: string;
  readonly pin?: string | undefined;
  readonly ca?: string | undefined;
}

export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface ServerConnection {
  /**
   * Posts JSON to a path and reads the JSON of the answer. Rejects with UserError `server_unreachable` or
   * `server_not_trusted`; nothing was sent then that a stranger could use.
   */
  post(path: string, body: unknown, credential?: string): Promise<ServerAnswer>;
  close(): void;
}

export function connectToServer({ server, pin, ca }: ServerIdentity): ServerConnection {
  const origin = new URL(server);
  if (origin.protocol !== 'https:' && !isLoopback(origin.hostname)) {
    throw new UserError('usage_server', `${server}: allowed is https://, or http:// to this machine`, 2);
  }
  const agent =
    origin.protocol === 'https:'
      ? new https.Agent({
          keepAlive: true,
          maxSockets: 1,
          rejectUnauthorized: pin === undefined,
          ...(ca === undefined ? {} : { ca }),
        })
      : new http.Agent({ keepAlive: true, maxSockets: 1 });

  /** Connections whose key was found to be the pinned one: a later request on them is not asked again. */
  const checked = new WeakSet<object>();

  function post(path: string, body: unknown, credential?: string): Promise<ServerAnswer> {
    const payload = JSON.stringify(body);
    const { request: open } = origin.protocol === 'https:' ? https : http;
    return new Promise((resolve, reject) => {
      const request = open(new URL(path, origin), {
        method: 'POST',
        agent,
        timeout: TIMEOUT_MS,
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
          ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
        },
      });
      request.on('error', (error) => reject(asUserError(server, error)));
      request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      request.on('response', (response) => void readAnswer(response).then(resolve, reject));
      if (pin === undefined || origin.protocol !== 'https:') {
        request.end(payload);
        return;
      }
      // Headers leave with the body, so nothing has been sent before the key is known.
      request.on('socket', (socket) => {
        const check = () => {
          if (pinOf(socket as TLSSocket) === pin) checked.add(socket);
          if (checked.has(socket)) request.end(payload);
          else request.destroy(notTrusted(server));
        };
        if (checked.has(socket)) request.end(payload);
        else socket.once('secureConnect', check);
      });
    });
  }

  return { post, close: () => agent.destroy() };
}

/** SHA-256 of the public key (SubjectPublicKeyInfo) of a certificate, base64url. */
export function pinOfCertificate(pem: string): string {
  return hashOfKey(new X509Certificate(pem));
}

function pinOf(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : hashOfKey(certificate);
}

function hashOfKey(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64url');
}

async function readAnswer(response: http.IncomingMessage): Promise<ServerAnswer> {
  const parts: Buffer[] = [];
  let octets = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    octets += part.length;
    if (octets > ANSWER_OCTETS_MAX) throw unreachable('', 'its answer is too long to be one of Weir');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString('utf8');
  try {
    return { status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) };
  } catch {
    throw unreachable('', `it answered ${response.statusCode} and no JSON: something else listens there`);
  }
}

function asUserError(server: string, error: Error): UserError {
  if (error instanceof UserError) return error;
  const code = 'code' in error ? String(error.code) : '';
  const isCertificate = /CERT|SIGNATURE|SELF_SIGNED|ALTNAME|UNABLE_TO/.test(code);
  if (isCertificate) {
    return new UserError(
      'server_not_trusted',
      `${server}: its certificate is not trusted (${error.message}); give its authority by --ca, or use a token that names its key`,
    );
  }
  return unreachable(server, error.message);
}

const unreachable = (server: string, reason: string) =>
  new UserError('server_unreachable', `${server === '' ? 'the server' : server}: ${reason}`);

const notTrusted = (server: string) =>
  new UserError('server_not_trusted', `${server}: it shows another key than the one that was enrolled at`);

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(host);
