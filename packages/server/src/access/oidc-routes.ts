/** `/login/oidc`: to the OpenID provider and back. Pages, not resources: a browser is sent through them. */
import { UserError } from '@weir/base';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Access, People } from './access.ts';
import type { OidcLogin } from './oidc-login.ts';
import { readCookie, setCookie, setSessionKey } from './session-cookie.ts';

const BROWSER_COOKIE = 'weir-oidc';
/** Sent back with the provider's redirect, which `SameSite=Strict` would forbid. */
const BROWSER_COOKIE_ATTRIBUTES = 'Path=/login/oidc; SameSite=Lax; Max-Age=600';

export function addOidcRoutes(app: FastifyInstance, access: Access, people: People, oidc: OidcLogin): void {
  const options = { config: { role: 'public' }, schema: { hide: true } } as const;
  app.get<{ Querystring: { next?: string } }>('/login/oidc', options, async (request, reply) => {
    const next = ownAddress(request.query.next);
    const begun = await oidc.begin(next).catch((error: unknown) => {
      return new UserError('login_refused', `${oidc.name} cannot be reached (${String(error)})`);
    });
    if (begun instanceof UserError) return refuse(request, reply, access, begun);
    const { url, browserKey } = begun;
    setCookie(request, reply, BROWSER_COOKIE, browserKey, BROWSER_COOKIE_ATTRIBUTES);
    return reply.header('cache-control', 'no-store').redirect(url, 303);
  });
  app.get('/login/oidc/callback', options, async (request, reply) => {
    try {
      const query = request.url.split('?')[1] ?? '';
      const { owner, next } = await oidc.finish(query, readCookie(request, BROWSER_COOKIE));
      setSessionKey(request, reply, access.port(), people.sessions.open(owner));
      access.counters.logins += 1;
      access.audit(request, { by: owner.name, action: 'log in', outcome: 'done', detail: oidc.name });
      return goOn(reply, next);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return refuse(request, reply, access, error);
    }
  });
}

/**
 * A page of ours that leads on: a redirect would still count as coming from the provider's site, and the browser would
 * not send the session's cookie with it.
 */
function goOn(reply: FastifyReply, next: string): FastifyReply {
  const page = `<!doctype html><meta http-equiv="refresh" content="0;url=${escapeHtml(next)}"><title>Weir</title>`;
  return reply.header('cache-control', 'no-store').type('text/html; charset=utf-8').send(page);
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  access: Access,
  error: UserError,
): FastifyReply {
  access.counters.failedLogins += 1;
  access.audit(request, { action: 'log in', outcome: 'refused', detail: error.message });
  return goOn(reply, `/login?problem=${error.code}`);
}

/** A path of this server; anything else is the start page. */
function ownAddress(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])[^\\\s]*$/.test(next) && next.length < 4096 ? next : '/';
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
