/** `/session`: logging in and out, the own password, the own tokens; and the first admin of all. */
import { UserError } from '@weir/base';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { problemSchema } from '../answers.ts';
import type { Access, People } from './access.ts';
import type { Identity } from './identity.ts';
import { ROLES, roleReaches } from './role.ts';
import { clearSessionKey, readSessionKey, setSessionKey } from './session-cookie.ts';
import type { ApiToken } from './token-store.ts';

const DAY_MS = 86_400_000;
const TOKEN_DAYS_MAX = 730;
/** What an OpenID provider says of somebody may change the next day; his tokens must not outlive it for long. */
const OIDC_TOKEN_DAYS_MAX = 90;
/** Log-ins that are checked at once: each takes 32 MiB and a third of a second of one core. */
const CHECKS_MAX = 2;

const name = z.string().min(1).max(100);
const password = z.string().min(1).max(1024);
const loginBody = z.strictObject({ name, password });
const setUpBody = z.strictObject({ key: z.string().max(200), name, password });
const passwordBody = z.strictObject({ password, newPassword: password });
const newTokenBody = z.strictObject({
  name: z.string().min(1).max(100).describe('What it is for'),
  role: z.enum(ROLES).default('viewer').describe('viewer: it reads and changes nothing'),
  days: z.int().min(1).max(TOKEN_DAYS_MAX).default(90).describe('It expires after so many days'),
});

export const tokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  role: z.enum(ROLES),
  createdAt: z.number().describe('Milliseconds since the Unix epoch'),
  expiresAt: z.number(),
  lastUsedAt: z.number().nullable().describe('To the minute'),
  lastUsedFrom: z.string().nullable().describe('Address'),
});

const sessionSchema = z.object({
  loginNeeded: z.boolean().describe('Whether anything is answered without a login'),
  user: z
    .object({
      name: z.string(),
      kind: z.enum(['local', 'user', 'oidc', 'token', 'process']),
      role: z.enum(ROLES),
      rowFilter: z.string().describe('Only flows that meet it are shown; empty: all'),
    })
    .nullable()
    .describe('null: not logged in'),
  passwords: z.boolean().describe('Whether there are users who log in with a password'),
  oidc: z.string().nullable().describe('Name of the program by which one can log in'),
});
const tokensSchema = z.object({ tokens: z.array(tokenSchema) });
const newTokenSchema = tokenSchema.extend({ secret: z.string().describe('The token itself: told only now') });

export type SessionAnswer = z.infer<typeof sessionSchema>;

/** Schemas of a route of access, for the OpenAPI document. */
export function describeAccess(summary: string, answer: z.ZodType, body?: z.ZodType) {
  const problem = z.toJSONSchema(problemSchema);
  return {
    summary,
    tags: ['access'],
    ...(body === undefined ? {} : { body: z.toJSONSchema(body, { io: 'input' }) }),
    response: {
      200: z.toJSONSchema(answer),
      400: problem,
      401: problem,
      403: problem,
      409: problem,
      429: problem,
    },
  };
}

export const describeToken = (token: ApiToken): z.infer<typeof tokenSchema> => ({
  id: token.id,
  name: token.name,
  owner: token.owner.name,
  role: token.role,
  createdAt: token.createdAt,
  expiresAt: token.expiresAt,
  lastUsedAt: token.lastUsedAt,
  lastUsedFrom: token.lastUsedFrom,
});

/** Who has to try again later, or is not let in. */
class RefusedLogin extends Error {
  readonly status: 401 | 429;
  readonly waitMs: number;

  constructor(status: 401 | 429, message: string, waitMs = 0) {
    super(message);
    this.status = status;
    this.waitMs = waitMs;
  }
}

export function addSessionRoutes(api: FastifyInstance, access: Access): void {
  const { people } = access;
  const answer = (request: FastifyRequest, identity: Identity | null): SessionAnswer => ({
    loginNeeded: !access.isOpenTo(request),
    user: identity,
    passwords: (people?.users.all().length ?? 0) > 0,
    oidc: people?.oidc?.name ?? null,
  });
  api.get(
    '/session',
    { config: { role: 'public' }, schema: describeAccess('Who asks, and how one logs in', sessionSchema) },
    (request) => answer(request, request.identity),
  );
  if (people === undefined) return;
  const check = createPasswordCheck(access, people);
  addLoginRoutes(api, access, people, check);
  addOwnRoutes(api, access, people, check);
}

function addLoginRoutes(api: FastifyInstance, access: Access, people: People, check: PasswordCheck): void {
  const done = z.object({ name: z.string(), role: z.enum(ROLES) });

  function logIn(request: FastifyRequest, reply: FastifyReply, user: { name: string }) {
    const port = access.port();
    const before = readSessionKey(request, port);
    if (before !== undefined) people.sessions.close(before);
    setSessionKey(request, reply, port, people.sessions.open({ kind: 'user', name: user.name }));
  }

  api.post(
    '/session',
    { config: { role: 'public' }, schema: describeAccess('Logs in; sets the cookie', done, loginBody) },
    async (request, reply) => {
      const asked = loginBody.parse(request.body);
      try {
        const user = await check(request, asked.name, asked.password);
        logIn(request, reply, user);
        access.counters.logins += 1;
        access.audit(request, { by: user.name, action: 'log in', outcome: 'done' });
        return { name: user.name, role: user.role };
      } catch (error) {
        if (!(error instanceof RefusedLogin)) throw error;
        return answerRefusedLogin(reply, error);
      }
    },
  );
  api.delete(
    '/session',
    { config: { role: 'public' }, schema: describeAccess('Logs out', z.object({})) },
    (request, reply) => {
      const key = readSessionKey(request, access.port());
      if (key !== undefined) people.sessions.close(key);
      clearSessionKey(request, reply, access.port());
      if (request.identity !== null) access.audit(request, { action: 'log out', outcome: 'done' });
      return {};
    },
  );
  api.post(
    '/session/set-up',
    { config: { role: 'public' }, schema: describeAccess('Makes the first admin', done, setUpBody) },
    async (request, reply) => {
      const asked = setUpBody.parse(request.body);
      if (people.users.all().length > 0 || !people.setUp.isValid(asked.key)) {
        access.audit(request, { by: asked.name, action: 'set up', outcome: 'refused' });
        const message = 'This link is used, or too old. Start Weir again for a new one, or log in.';
        return reply.code(403).send({ error: { code: 'set_up', message } });
      }
      const user = { name: asked.name, role: 'admin', password: asked.password } as const;
      await people.users.add(user);
      people.setUp.close();
      logIn(request, reply, user);
      access.audit(request, { by: user.name, action: 'set up', outcome: 'done' });
      return { name: user.name, role: user.role };
    },
  );
}

function answerRefusedLogin(reply: FastifyReply, { status, message, waitMs }: RefusedLogin): FastifyReply {
  if (waitMs > 0) reply.header('retry-after', String(Math.ceil(waitMs / 1000)));
  const code = status === 401 ? 'login_refused' : 'login_wait';
  return reply.code(status).send({ error: { code, message } });
}

type PasswordCheck = (
  request: FastifyRequest,
  name: string,
  password: string,
) => Promise<NonNullable<Awaited<ReturnType<People['users']['verify']>>>>;

/** Checks a password, unless there were too many wrong ones; answers the same whether there is such a user or not. */
function createPasswordCheck(access: Access, people: People): PasswordCheck {
  let running = 0;
  return async (request, userName, userPassword) => {
    const waitMs = people.attempts.waitMs(request.ip, userName);
    if (waitMs > 0) {
      access.audit(request, {
        by: userName,
        action: 'log in',
        outcome: 'refused',
        detail: 'too many attempts',
      });
      const message = `Too many wrong passwords; wait ${Math.ceil(waitMs / 1000)} s.`;
      throw new RefusedLogin(429, message, waitMs);
    }
    if (running >= CHECKS_MAX) throw new RefusedLogin(429, 'Others log in just now; try again.', 1000);
    running += 1;
    // Counted before it is checked: guesses that are sent at once must not all pass.
    people.attempts.failed(request.ip, userName);
    try {
      const user = await people.users.verify(userName, userPassword);
      if (user === undefined) {
        access.counters.failedLogins += 1;
        access.audit(request, {
          by: userName,
          action: 'log in',
          outcome: 'refused',
          detail: 'wrong name or password',
        });
        throw new RefusedLogin(401, 'There is no such user, or this is not the password.');
      }
      people.attempts.succeeded(request.ip, userName);
      return user;
    } finally {
      running -= 1;
    }
  };
}

/** What everybody may do for himself; a program with a token may not. */
function addOwnRoutes(api: FastifyInstance, access: Access, people: People, check: PasswordCheck): void {
  const config = { role: 'viewer', narrowed: true, peopleOnly: true } as const;
  api.put(
    '/session/password',
    {
      config,
      schema: describeAccess('Changes the own password; ends all other sessions', z.object({}), passwordBody),
    },
    async (request, reply) => {
      const asked = passwordBody.parse(request.body);
      const identity = someone(request);
      if (identity.kind !== 'user') {
        throw new UserError('user_conflict', `${identity.name} has no password here`);
      }
      try {
        await check(request, identity.name, asked.password);
      } catch (error) {
        if (!(error instanceof RefusedLogin)) throw error;
        // 401 would mean that the session has ended.
        const { waitMs, message } = error;
        return answerRefusedLogin(
          reply,
          new RefusedLogin(429, `Not the present password. ${message}`, waitMs),
        );
      }
      await people.users.setPassword(identity.name, asked.newPassword);
      people.sessions.closeAll(identity);
      setSessionKey(
        request,
        reply,
        access.port(),
        people.sessions.open({ kind: 'user', name: identity.name }),
      );
      return {};
    },
  );
  api.get(
    '/session/tokens',
    { config, schema: describeAccess('The own tokens', tokensSchema) },
    (request) => ({ tokens: tokensOf(people, someone(request)).map(describeToken) }),
  );
  api.post(
    '/session/tokens',
    {
      config,
      schema: describeAccess('Makes a token for a program', newTokenSchema, newTokenBody),
      compress: false,
    },
    (request) => {
      const asked = newTokenBody.parse(request.body);
      const { token, secret } = makeToken(people, someone(request), asked);
      return { ...describeToken(token), secret };
    },
  );
  api.delete<{ Params: { id: string } }>(
    '/session/tokens/:id',
    { config, schema: describeAccess('Revokes an own token', z.object({})) },
    (request) => {
      const { id } = request.params;
      const own = tokensOf(people, someone(request)).some((token) => token.id === id);
      if (!own) throw new UserError('token_unknown', 'you have no such token');
      people.tokens.remove(id);
      return {};
    },
  );
}

function makeToken(people: People, identity: Identity, asked: z.infer<typeof newTokenBody>) {
  const { kind, name: owner, role, rowFilter } = identity;
  if (kind !== 'user' && kind !== 'oidc') {
    throw new UserError('token_conflict', 'a token belongs to a user: log in, then make one');
  }
  if (!roleReaches(role, asked.role)) {
    throw new UserError('token_conflict', `a token of ${owner} has the role ${role} at most`);
  }
  const daysMax = kind === 'oidc' ? OIDC_TOKEN_DAYS_MAX : TOKEN_DAYS_MAX;
  return people.tokens.create({
    name: asked.name,
    owner: { kind, name: owner },
    role: asked.role,
    rowFilter,
    expiresAt: people.nowMs() + Math.min(asked.days, daysMax) * DAY_MS,
  });
}

function tokensOf(people: People, { kind, name: owner }: Identity): readonly ApiToken[] {
  return people.tokens.all().filter((token) => token.owner.kind === kind && token.owner.name === owner);
}

function someone({ identity }: FastifyRequest): Identity {
  if (identity === null) throw new Error('the gate lets nobody pass to this route who is not logged in');
  return identity;
}
