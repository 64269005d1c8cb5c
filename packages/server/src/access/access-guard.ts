/**
 * The one gate before every route. What a route says of itself (`config.role`, `config.narrowed`) is read here; a route
 * that says nothing is readable for viewers, writable for operators, and closed for those with a row filter.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Identity, NeededRole } from './identity.ts';
import { isSafeMethod, roleByMethod, roleReaches } from './role.ts';

/** Why a request gets no answer: status and problem as the API tells them. */
export interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

export interface AccessGuardOptions {
  /** Who asks; undefined when nobody logged in and somebody has to. */
  identify(request: FastifyRequest): Identity | undefined;
  /** Why this client has to wait; undefined when it has not. */
  limit(request: FastifyRequest, identity: Identity | undefined): Refusal | undefined;
  /** Called for each request that was stopped here. */
  onRefusal(request: FastifyRequest, refusal: Refusal): void;
}

/** Files that the page for logging in is made of; what they show comes from the API. */
const LOGIN_FILES = /^\/(?:login|setup|theme-boot\.js|weir\.svg|favicon\.ico|assets\/[\w.-]+)\/?(?:\?|$)/;
const FILE_ROUTE = '/*';

const LOGIN_FIRST: Refusal = { status: 401, code: 'login', message: 'Log in first.' };
const NARROWED: Refusal = {
  status: 403,
  code: 'row_filter',
  message: 'Your account is limited to a part of the flows, and this cannot be limited to it.',
};

export function addAccessGuard(app: FastifyInstance, options: AccessGuardOptions): void {
  app.decorateRequest('identity', null);
  app.decorateRequest('auditDetail', undefined);
  app.addHook('onRequest', async (request, reply) => {
    const identity = options.identify(request);
    request.identity = identity ?? null;
    const refusal = options.limit(request, identity) ?? foreignWrite(request) ?? refusalOf(request, identity);
    if (refusal === undefined) return;
    options.onRefusal(request, refusal);
    return answerRefusal(request, reply, refusal);
  });
}

/** Why `identity` may not ask for this; undefined when he may. */
export function refusalOf(request: FastifyRequest, identity: Identity | undefined): Refusal | undefined {
  const needed = roleNeeded(request);
  if (needed === 'public') return undefined;
  if (identity === undefined) return LOGIN_FIRST;
  const { narrowed, peopleOnly } = request.routeOptions.config;
  if (!roleReaches(identity.role, needed)) return wrongRole(identity, needed);
  if (peopleOnly === true && (identity.kind === 'token' || identity.kind === 'process')) return PEOPLE_ONLY;
  if (identity.rowFilter !== '' && narrowed !== true && isResource(request)) return NARROWED;
  return undefined;
}

const PEOPLE_ONLY: Refusal = {
  status: 403,
  code: 'people_only',
  message: 'A token may not do this: log in with a name and a password.',
};

function roleNeeded(request: FastifyRequest): NeededRole {
  const { url, config } = request.routeOptions;
  if (config.role !== undefined) return config.role;
  const isFile = url === FILE_ROUTE || request.is404;
  return isFile && isSafeMethod(request.method) && LOGIN_FILES.test(request.url)
    ? 'public'
    : roleByMethod(request.method);
}

/** Files of the console and addresses that lead nowhere tell nothing of flows. */
function isResource(request: FastifyRequest): boolean {
  return request.routeOptions.url !== FILE_ROUTE && !request.is404;
}

function wrongRole({ role, name }: Identity, needed: string): Refusal {
  const message = `This needs the role ${needed}; ${name} has the role ${role}.`;
  return { status: 403, code: 'role', message };
}

/**
 * A write that a page of another site may have caused. A browser names that page in Origin; of all writes a form can send
 * only a POST, and neither JSON nor a header of ours without asking first (which is never allowed).
 */
function foreignWrite({ method, headers }: FastifyRequest): Refusal | undefined {
  if (isSafeMethod(method)) return undefined;
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    const message = `Not allowed: ${origin.slice(0, 100)} is another site.`;
    return { status: 403, code: 'origin', message };
  }
  if (method !== 'POST') return undefined;
  const contentType = headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (contentType === 'application/json' || headers['x-weir-request'] !== undefined) return undefined;
  const message =
    'Not allowed: a write needs the content-type application/json, or the header X-Weir-Request.';
  return { status: 403, code: 'content_type', message };
}

/** A browser that opens a page is led to the page for logging in, and back from there. */
function answerRefusal(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, code, message, retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  const opensPage = String(request.headers.accept ?? '').includes('text/html') && request.method === 'GET';
  if (status === 401 && opensPage && !request.url.startsWith('/api/')) {
    return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="weir"');
  return reply.code(status).header('cache-control', 'no-store').send({ error: { code, message } });
}
