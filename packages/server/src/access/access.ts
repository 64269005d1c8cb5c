/**
 * Who may ask this server. On loopback nobody has to log in, unless the configuration says so or a request came through a
 * proxy; anywhere else everybody has to. docs/access.md tells people; docs/decisions has the why.
 */
import path from 'node:path';
import type { Clock, Logger } from '@weir/base';
import { UserError } from '@weir/base';
import type { AccessSettings } from '@weir/collecting';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLoopbackAddress } from '../host-guard.ts';
import { addAccessGuard, type Refusal, refusalOf } from './access-guard.ts';
import { createAttemptLimit, networkOfAddress } from './attempt-limit.ts';
import { type AuditEntry, type AuditLog, createAuditLog } from './audit-log.ts';
import { type Identity, LOCAL } from './identity.ts';
import { createOidcLogin, type OidcLogin } from './oidc-login.ts';
import { hashOfKey, randomKey } from './random-key.ts';
import { createRequestLimit, KNOWN_CLIENT, UNKNOWN_CLIENT } from './request-limit.ts';
import { isSafeMethod, lowerRole } from './role.ts';
import { removeSecretFile, writeSecretFile } from './secret-file.ts';
import { readSessionKey } from './session-cookie.ts';
import { createSessionStore, type Session, type SessionStore } from './session-store.ts';
import { createSetUp, type SetUp } from './set-up.ts';
import { createTokenStore, type TokenStore } from './token-store.ts';
import { createUserStore, type UserStore } from './user-store.ts';

/** A key for commands of whoever may read the data folder; beside the users, for as long as the server runs. */
export const PROCESS_KEY_FILE = 'process.key';
const COMMAND: Identity = { name: 'command', kind: 'process', role: 'viewer', rowFilter: '' };

/** The same refusal of a read is written down again after so long. */
const REFUSAL_AGAIN_MS = 600_000;
const REFUSALS_REMEMBERED_MAX = 1000;

export interface AccessOptions {
  /** Address that the server listens on. */
  readonly host: string;
  /** Folder of users, tokens and the audit log; where it is not given nobody can log in. */
  readonly directory: string | undefined;
  readonly settings: AccessSettings | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AccessCounters {
  logins: number;
  failedLogins: number;
  /** Requests that a role, a row filter, their origin or a missing login stopped. */
  refused: number;
  /** Requests of clients that asked too much. */
  limited: number;
}

/** What the routes of access work with. */
export interface Access {
  /** Undefined: nobody can log in. */
  readonly people: People | undefined;
  readonly counters: AccessCounters;
  /** Whether nobody needs to log in who asks as `request` does. */
  isOpenTo(request: FastifyRequest): boolean;
  addGuard(app: FastifyInstance): void;
  /** Whether the request would still be answered: asked again and again for answers that go on for hours. */
  stillMay(request: FastifyRequest): boolean;
  /** The server listens at `url`; says how to make the first admin where that is needed. */
  opened(url: string, port: number): void;
  closed(): void;
  audit(
    request: FastifyRequest,
    entry: Pick<AuditEntry, 'action' | 'outcome' | 'detail'> & { by?: string },
  ): void;
  /** The port that the server listens on; the session's cookie is named by it. */
  port(): number;
}

export interface People {
  readonly users: UserStore;
  readonly sessions: SessionStore;
  readonly tokens: TokenStore;
  readonly attempts: ReturnType<typeof createAttemptLimit>;
  readonly auditLog: AuditLog;
  readonly oidc: OidcLogin | undefined;
  readonly setUp: SetUp;
  nowMs(): number;
}

/** Throws UserError `access_folder` when a login is demanded and there is no folder for users, `users_unreadable`. */
export function createAccess(options: AccessOptions): Access {
  const { host, directory, settings, clock, logger } = options;
  const onLoopback = isLoopbackAddress(host);
  const always = settings?.login === 'always' || !onLoopback;
  if (always && directory === undefined) {
    throw new UserError('access_folder', `a login is demanded on ${host}, and there is no folder for users`);
  }
  const people = directory === undefined ? undefined : createPeople(directory, options);
  const requests = createRequestLimit(clock);
  const counters: AccessCounters = { logins: 0, failedLogins: 0, refused: 0, limited: 0 };
  /** When somebody was last refused something, for the audit log. */
  const refusals = new Map<string, number>();
  let port = 0;
  let processKeyHash: string | undefined;

  const isOpenTo = (request: FastifyRequest): boolean => !always && !isForwarded(request);

  function identify(request: FastifyRequest): Identity | undefined {
    const { authorization } = request.headers;
    if (authorization !== undefined) return bearerIdentity(authorization, request.ip);
    const key = readSessionKey(request, port);
    const session = key === undefined ? undefined : people?.sessions.find(key);
    const identity = session === undefined ? undefined : sessionIdentity(session);
    return identity ?? (isOpenTo(request) ? LOCAL : undefined);
  }

  function bearerIdentity(authorization: string, from: string): Identity | undefined {
    const secret = /^Bearer ([\w-]{20,200})$/i.exec(authorization)?.[1];
    if (secret === undefined || people === undefined) return undefined;
    if (hashOfKey(secret) === processKeyHash) return COMMAND;
    const token = people.tokens.use(secret, from);
    if (token === undefined) return undefined;
    const { owner, role, rowFilter } = token;
    if (owner.kind === 'oidc') {
      return people.oidc === undefined ? undefined : { name: owner.name, kind: 'token', role, rowFilter };
    }
    const user = people.users.find(owner.name);
    if (user === undefined || token.createdAt < Date.parse(user.createdAt)) return undefined;
    // What limits the user limits the token, also where a token of a former admin has more than its role.
    const narrowed = people.users.rowFilterOf(user);
    return { name: user.name, kind: 'token', role: lowerRole(role, user.role), rowFilter: narrowed };
  }

  /** A session ends with the password with which it began, also one that `weir user` replaced. */
  function sessionIdentity({ owner, openedMs }: Session): Identity | undefined {
    if (owner.kind === 'oidc') return people?.oidc === undefined ? undefined : owner;
    const user = people?.users.find(owner.name);
    if (user === undefined || people === undefined) return undefined;
    if (openedMs < Date.parse(user.passwordChangedAt)) return undefined;
    return { name: user.name, kind: 'user', role: user.role, rowFilter: people.users.rowFilterOf(user) };
  }

  function overLimit(request: FastifyRequest, identity: Identity | undefined): Refusal | undefined {
    if (isOpenTo(request)) return undefined;
    const client =
      identity === undefined ? networkOfAddress(request.ip) : `${identity.kind} ${identity.name}`;
    if (requests.admit(client, identity === undefined ? UNKNOWN_CLIENT : KNOWN_CLIENT)) return undefined;
    const message = 'You ask more than anybody should; wait a moment.';
    return { status: 429, code: 'too_many_requests', message, retryAfterSeconds: 1 };
  }

  function audit(
    request: FastifyRequest,
    { by, action, outcome, detail }: Pick<AuditEntry, 'action' | 'outcome' | 'detail'> & { by?: string },
  ): void {
    const { identity, ip } = request;
    // Whoever was let in just now is somebody, though the request came from nobody.
    const kind = identity?.kind ?? (outcome === 'done' ? 'user' : 'nobody');
    const who = { by: by ?? identity?.name ?? 'nobody', kind, from: ip };
    people?.auditLog.write({ ...who, action, outcome, ...(isEmpty(detail) ? {} : { detail }) });
  }

  function onRefusal(request: FastifyRequest, refusal: Refusal): void {
    if (refusal.status === 429) counters.limited += 1;
    else counters.refused += 1;
    const tried =
      refusal.status === 403 || (refusal.status === 401 && request.headers.authorization !== undefined);
    if (!tried || !isNews(request)) return;
    audit(request, { action: actionOf(request), outcome: 'refused', detail: refusal.message });
  }

  /** A page that asks again every few seconds is refused every few seconds; that is one event. */
  function isNews(request: FastifyRequest): boolean {
    const key = `${request.identity?.name ?? ''} ${request.ip} ${actionOf(request)}`;
    const beforeMs = refusals.get(key) ?? Number.NEGATIVE_INFINITY;
    const nowMs = clock.monotonicMs();
    if (isSafeMethod(request.method) && nowMs - beforeMs < REFUSAL_AGAIN_MS) return false;
    refusals.delete(key);
    refusals.set(key, nowMs);
    for (const oldest of refusals.keys()) {
      if (refusals.size <= REFUSALS_REMEMBERED_MAX) break;
      refusals.delete(oldest);
    }
    return true;
  }

  /** Every write is written down, whatever it is, unless it is a question. */
  function auditWrites(app: FastifyInstance): void {
    app.addHook('onResponse', async (request, reply) => {
      const { method, is404 } = request;
      if (isSafeMethod(method) || isQuestion(request) || is404 || refusedByUs(reply.statusCode)) return;
      const detail = request.auditDetail ?? request.body ?? undefined;
      const outcome = reply.statusCode < 400 ? 'done' : 'failed';
      audit(request, { action: actionOf(request), outcome, detail });
    });
  }

  return {
    people,
    counters,
    isOpenTo,
    audit,
    port: () => port,
    addGuard(app) {
      addAccessGuard(app, { identify, limit: overLimit, onRefusal });
      auditWrites(app);
    },
    stillMay(request) {
      const identity = identify(request);
      const same = identity?.rowFilter === request.identity?.rowFilter;
      return same && refusalOf(request, identity) === undefined;
    },
    opened(url, boundPort) {
      port = boundPort;
      if (!always || directory === undefined || people === undefined) return;
      const key = randomKey();
      processKeyHash = hashOfKey(key);
      writeSecretFile(path.join(directory, PROCESS_KEY_FILE), `${key}\n`);
      if (people.users.all().length > 0 || people.oidc !== undefined) return;
      const remedy = 'or run on this machine: weir user add NAME --role admin';
      logger.warn(`nobody can log in yet; within an hour open ${url}/setup#${people.setUp.open()} ${remedy}`);
    },
    closed() {
      if (directory !== undefined && processKeyHash !== undefined) {
        removeSecretFile(path.join(directory, PROCESS_KEY_FILE));
      }
    },
  };
}

function createPeople(directory: string, { settings, clock, logger }: AccessOptions): People {
  const users = createUserStore(directory, clock);
  users.all(); // a damaged file is told at the start, not to the first who logs in
  return {
    users,
    sessions: createSessionStore(clock),
    tokens: createTokenStore(directory, clock),
    attempts: createAttemptLimit(clock),
    auditLog: createAuditLog(directory, clock, logger),
    oidc: settings?.oidc === undefined ? undefined : createOidcLogin(settings.oidc, clock),
    setUp: createSetUp(clock),
    nowMs: () => clock.nowMs(),
  };
}

/** Headers that proxies add: what came through one came from somebody else than it seems. */
const FORWARDED_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
  'via',
];

const isForwarded = ({ headers }: FastifyRequest): boolean =>
  FORWARDED_HEADERS.some((name) => headers[name] !== undefined);

/** What viewers POST is a question; what anybody may POST is written down by its route, where it is worth it. */
function isQuestion({ method, routeOptions: { config } }: FastifyRequest): boolean {
  return (
    config.role === 'public' || (config.role === 'viewer' && method === 'POST' && config.peopleOnly !== true)
  );
}

/** The gate has written these down already. */
const refusedByUs = (status: number): boolean => status === 401 || status === 403 || status === 429;

const isEmpty = (detail: unknown): boolean =>
  detail === undefined || (typeof detail === 'object' && detail !== null && Object.keys(detail).length === 0);

const actionOf = ({ method, url }: FastifyRequest): string => `${method} ${url.split('?')[0]}`;
