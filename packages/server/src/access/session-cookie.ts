/** The cookie that a session is known by. */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Longer than any session: the server decides when one ends. */
const MAX_AGE_S = 7 * 24 * 3600;
const KEY = /^[\w-]{20,100}$/;

/** Browsers do not tell servers on different ports of one host apart; the name does. */
const cookieName = (secure: boolean, port: number): string =>
  `${secure ? '__Host-' : ''}weir-session-${port}`;

/** Whether the browser speaks TLS, to us or to a proxy before us. Who lies about it harms only himself. */
export function isSecure(request: FastifyRequest): boolean {
  return 'encrypted' in request.raw.socket || request.headers['x-forwarded-proto'] === 'https';
}

/** The key in the cookie of a request. */
export function readSessionKey(request: FastifyRequest, port: number): string | undefined {
  return readCookie(request, cookieName(isSecure(request), port));
}

export function setSessionKey(request: FastifyRequest, reply: FastifyReply, port: number, key: string): void {
  setCookie(
    request,
    reply,
    cookieName(isSecure(request), port),
    key,
    `Path=/; SameSite=Strict; Max-Age=${MAX_AGE_S}`,
  );
}

export function clearSessionKey(request: FastifyRequest, reply: FastifyReply, port: number): void {
  setCookie(request, reply, cookieName(isSecure(request), port), '', 'Path=/; SameSite=Strict; Max-Age=0');
}

export function readCookie(request: FastifyRequest, name: string): string | undefined {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key = '', value = ''] = pair.split('=', 2);
    if (key.trim() === name && KEY.test(value.trim())) return value.trim();
  }
  return undefined;
}

/** No script reads it, and it travels over TLS only where it came over TLS. */
export function setCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  value: string,
  attributes: string,
): void {
  const secure = isSecure(request) ? '; Secure' : '';
  reply.header('set-cookie', `${name}=${value}; HttpOnly; ${attributes}${secure}`);
}
