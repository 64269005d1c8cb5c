import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { flow } from '../test-server.test-support.ts';
import { type AccessServer, createAccessServer, PASSWORD } from './access-server.test-support.ts';

const DAY_MS = 86_400_000;
let made: AccessServer;
afterEach(() => made.close());

describe('logging in', () => {
  test('nothing is answered before, everything after, nothing again once logged out', async () => {
    made = createAccessServer({}, [flow(1000)]);
    made.addUser('ann', 'admin');
    expect(await made.ask('GET', '/api/v1/flows')).toMatchObject({
      status: 401,
      body: { error: { code: 'login' } },
    });
    expect((await made.ask('GET', '/api/v1/session')).body).toEqual({
      loginNeeded: true,
      user: null,
      passwords: true,
      oidc: null,
    });
    const ann = await made.logIn('ann');
    expect((await made.ask('GET', '/api/v1/flows', { as: ann })).body.flows).toHaveLength(1);
    expect((await made.ask('GET', '/api/v1/session', { as: ann })).body.user).toEqual({
      name: 'ann',
      kind: 'user',
      role: 'admin',
      rowFilter: '',
    });
    await made.ask('DELETE', '/api/v1/session', { as: ann });
    expect((await made.ask('GET', '/api/v1/flows', { as: ann })).status).toBe(401);
  });

  test('the cookie is for this server only, and for TLS where it came over TLS', async () => {
    made = createAccessServer();
    made.addUser('ann', 'admin');
    const login = (headers: Record<string, string>) =>
      made.ask('POST', '/api/v1/session', { body: { name: 'ann', password: PASSWORD }, headers });
    expect((await login({})).headers['set-cookie']).toMatch(
      /^weir-session-\d+=[\w-]{43}; HttpOnly; Path=\/; SameSite=Strict; Max-Age=\d+$/,
    );
    expect((await login({ 'x-forwarded-proto': 'https' })).headers['set-cookie']).toMatch(
      /^__Host-weir-session-\d+=.*; HttpOnly; .*; Secure$/,
    );
  });

  test('an unknown user and a wrong password are answered alike', async () => {
    made = createAccessServer();
    made.addUser('ann', 'admin');
    const answers = await Promise.all(
      ['ann', 'nobody'].map((name) =>
        made.ask('POST', '/api/v1/session', { body: { name, password: 'not the password' } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    expect(answers[0]?.body).toEqual(answers[1]?.body);
  });

  test('who guesses has to wait, and is written down', async () => {
    made = createAccessServer();
    made.addUser('ann', 'admin');
    const guess = (password: string) =>
      made.ask('POST', '/api/v1/session', { body: { name: 'ann', password } });
    for (let attempt = 0; attempt < 5; attempt += 1) expect((await guess('wrong')).status).toBe(401);
    const refused = await guess(PASSWORD);
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
    made.clock.advance(1000);
    expect((await guess(PASSWORD)).status).toBe(200);
    const log = readFileSync(path.join(made.folder, 'audit.log'), 'utf8').trim().split('\n');
    expect(log).toHaveLength(7);
    expect(log.join()).not.toContain(PASSWORD);
    expect(made.server.counters().access).toMatchObject({ logins: 1, failedLogins: 5 });
  });

  test('a page leads to the login and back, a program is told', async () => {
    made = createAccessServer();
    const page = await made.ask('GET', '/explore?v=1&filter=tcp', { headers: { accept: 'text/html' } });
    expect(page).toMatchObject({
      status: 303,
      headers: { location: '/login?next=%2Fexplore%3Fv%3D1%26filter%3Dtcp' },
    });
    expect(await made.ask('GET', '/metrics')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="weir"' },
    });
    expect((await made.ask('GET', '/healthz')).body).toEqual({ status: 'ok' });
  });
});

describe('roles', () => {
  test('viewers read, operators write, admins keep the users', async () => {
    made = createAccessServer();
    for (const role of ['viewer', 'operator', 'admin'] as const) made.addUser(role, role);
    const [viewer, operator, admin] = [
      await made.logIn('viewer'),
      await made.logIn('operator'),
      await made.logIn('admin'),
    ];
    const plan = { kind: 'groups', timeRange: { fromMs: 0, toMs: 1 }, groupBy: ['protocol'] };
    expect((await made.ask('POST', '/api/v1/query', { as: viewer, body: plan })).status).toBe(200);
    for (const as of [viewer, operator]) {
      expect(await made.ask('GET', '/api/v1/access/users', { as })).toMatchObject({
        status: 403,
        body: { error: { code: 'role' } },
      });
    }
    const { body } = await made.ask('GET', '/api/v1/access/users', { as: admin });
    expect(body.users.map(({ name }) => name).sort()).toEqual(['admin', 'operator', 'viewer']);
    expect(JSON.stringify(body)).not.toContain('hash');
  });

  test('what an admin changes holds at once, and is written down', async () => {
    made = createAccessServer();
    made.addUser('ann', 'admin');
    made.addUser('bo', 'viewer');
    const [ann, bo] = [await made.logIn('ann'), await made.logIn('bo')];
    const change = (method: 'PATCH' | 'DELETE', body?: object) =>
      made.ask(method, '/api/v1/access/users/bo', { as: ann, ...(body === undefined ? {} : { body }) });
    await change('PATCH', { role: 'admin' });
    expect((await made.ask('GET', '/api/v1/access/users', { as: bo })).status).toBe(200);
    await change('PATCH', { password: 'another long one' });
    expect((await made.ask('GET', '/api/v1/flows', { as: bo })).status).toBe(401);
    const again = await made.logIn('bo', 'another long one');
    await change('DELETE');
    expect((await made.ask('GET', '/api/v1/flows', { as: again })).status).toBe(401);
    const { body } = await made.ask('GET', '/api/v1/access/audit?text=users/bo', { as: ann });
    expect(body.entries).toMatchObject([
      { by: 'ann', action: 'DELETE /api/v1/access/users/bo', outcome: 'done' },
      { detail: { password: '(not written)' } },
      { detail: { role: 'admin' } },
    ]);
    expect((await change('DELETE')).status).toBe(404);
  });

  test('an own password: the present one is asked for, other sessions end', async () => {
    made = createAccessServer();
    made.addUser('bo', 'viewer');
    const [here, there] = [await made.logIn('bo'), await made.logIn('bo')];
    const change = (password: string) =>
      made.ask('PUT', '/api/v1/session/password', {
        as: here,
        body: { password, newPassword: 'another long one' },
      });
    expect((await change('not the password')).status).toBe(429);
    const changed = await change(PASSWORD);
    expect(changed.status).toBe(200);
    const after = await Promise.all(
      [changed.cookie, here, there].map((as) => made.ask('GET', '/api/v1/flows', { as })),
    );
    expect(after.map(({ status }) => status)).toEqual([200, 401, 401]);
  });
});

describe('tokens', () => {
  test('read by default, tell themselves once, and have no more rights than their owner now', async () => {
    made = createAccessServer({}, [flow(1000)]);
    made.addUser('ann', 'admin');
    made.addUser('bo', 'operator');
    const [ann, bo] = [await made.logIn('ann'), await made.logIn('bo')];
    const make = (body: object) => made.ask('POST', '/api/v1/session/tokens', { as: bo, body });
    expect(await make({ name: 'x', role: 'admin' })).toMatchObject({ status: 409 });
    const { body: reading } = await make({ name: 'reading' });
    const { body: writing } = await make({ name: 'writing', role: 'operator' });
    expect(reading).toMatchObject({ role: 'viewer', owner: 'bo', lastUsedAt: null });
    expect((await made.ask('GET', '/api/v1/flows', { as: reading.secret })).body.flows).toHaveLength(1);
    const listed = await made.ask('GET', '/api/v1/session/tokens', { as: bo });
    expect(listed.body.tokens).toMatchObject([{ name: 'reading', lastUsedAt: made.clock.nowMs() }, {}]);
    expect(JSON.stringify(listed.body)).not.toContain(reading.secret);
    const write = (as: string) => made.ask('DELETE', '/api/v1/nothing', { as });
    expect([(await write(reading.secret)).status, (await write(writing.secret)).status]).toEqual([403, 404]);
    await made.ask('PATCH', '/api/v1/access/users/bo', { as: ann, body: { role: 'viewer' } });
    expect((await write(writing.secret)).status).toBe(403);
  });

  test('cannot make tokens, nor users; and end when they expire, are revoked, or their owner goes', async () => {
    made = createAccessServer();
    made.addUser('ann', 'admin');
    made.addUser('bo', 'admin');
    const [ann, bo] = [await made.logIn('ann'), await made.logIn('bo')];
    const make = async (days: number) =>
      (await made.ask('POST', '/api/v1/session/tokens', { as: bo, body: { name: 'x', role: 'admin', days } }))
        .body;
    const [short, revoked, long] = [await make(1), await make(9), await make(9)];
    const use = async (as: string) => (await made.ask('GET', '/api/v1/flows', { as })).status;
    expect(
      await made.ask('POST', '/api/v1/session/tokens', { as: long.secret, body: { name: 'y' } }),
    ).toMatchObject({
      status: 403,
      body: { error: { code: 'people_only' } },
    });
    expect((await made.ask('GET', '/api/v1/access/users', { as: long.secret })).status).toBe(403);
    await made.ask('DELETE', `/api/v1/access/tokens/${revoked.id}`, { as: ann });
    expect([await use(short.secret), await use(revoked.secret), await use(long.secret)]).toEqual([
      200, 401, 200,
    ]);
    made.clock.advance(DAY_MS);
    expect([await use(short.secret), await use(long.secret)]).toEqual([401, 200]);
    const again = await made.logIn('ann');
    await made.ask('DELETE', '/api/v1/access/users/bo', { as: again });
    expect(await use(long.secret)).toBe(401);
  });
});

describe('the first admin', () => {
  function keyOf(lines: readonly string[]): string {
    return /\/setup#([\w-]{43})/.exec(lines.join('\n'))?.[1] ?? '';
  }

  async function open() {
    const lines: string[] = [];
    const note = (...parts: unknown[]) => void lines.push(String(parts.at(-1)));
    const logger = { debug: note, info: note, warn: note, error: note };
    made = createAccessServer({ logger });
    await made.server.start();
    const setUp = (key: string, name = 'ann') =>
      made.ask('POST', '/api/v1/session/set-up', { body: { key, name, password: PASSWORD } });
    return { lines, setUp };
  }

  test('comes by a link that works once', async () => {
    const { lines, setUp } = await open();
    expect((await setUp('x'.repeat(43))).status).toBe(403);
    const made1 = await setUp(keyOf(lines));
    expect(made1).toMatchObject({ status: 200, body: { name: 'ann', role: 'admin' } });
    expect((await made.ask('GET', '/api/v1/access/users', { as: made1.cookie })).status).toBe(200);
    expect((await setUp(keyOf(lines), 'mallory')).status).toBe(403);
  });

  test('and not after an hour', async () => {
    const { lines, setUp } = await open();
    made.clock.advance(3_600_000);
    expect((await setUp(keyOf(lines))).status).toBe(403);
  });
});

test('live events end with the session', async () => {
  made = createAccessServer();
  made.addUser('bo', 'viewer');
  await made.server.start();
  const bo = await made.logIn('bo');
  const { port } = made.server.address();
  const events = await fetch(`http://127.0.0.1:${port}/api/v1/live`, { headers: { cookie: bo } });
  expect(events.status).toBe(200);
  const reader = events.body?.getReader();
  await reader?.read();
  made.clock.advance(10_000);
  expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('heartbeat');
  await made.ask('DELETE', '/api/v1/session', { as: bo });
  made.clock.advance(10_000);
  const ended = await (async () => {
    for (;;) if ((await reader?.read())?.done !== false) return true;
  })().catch(() => true);
  expect(ended).toBe(true);
});

test('beyond loopback everybody logs in, whatever the configuration says', async () => {
  made = createAccessServer({ host: '0.0.0.0', access: { login: 'auto' } });
  const headers = { host: '192.0.2.10:8080' };
  expect((await made.ask('GET', '/api/v1/flows', { headers })).status).toBe(401);
  expect((await made.ask('GET', '/api/v1/session', { headers })).body).toMatchObject({ loginNeeded: true });
});

describe('on loopback', () => {
  test('nobody has to log in, unless a proxy asks for somebody', async () => {
    made = createAccessServer({ access: { login: 'auto' } });
    const ask = (headers: Record<string, string> = {}) =>
      made.ask('GET', '/api/v1/flows', { headers: { host: 'localhost', ...headers } });
    expect((await ask()).status).toBe(200);
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      expect((await ask({ [name]: '203.0.113.1' })).status).toBe(401);
    }
    expect((await ask({ authorization: 'Bearer weir_not-a-token-at-all' })).status).toBe(401);
  });

  test('everybody has to where the configuration says so', async () => {
    made = createAccessServer();
    expect((await made.ask('GET', '/api/v1/flows', { headers: { host: 'localhost' } })).status).toBe(401);
  });

  test('a name that the configuration gives is ours, another is not', async () => {
    made = createAccessServer({ http: { names: ['weir.example.org'] } });
    const ask = (host: string) => made.ask('GET', '/healthz', { headers: { host } });
    expect((await ask('weir.example.org')).status).toBe(200);
    expect((await ask('evil.example.org')).status).toBe(421);
  });
});

test('a client that asks too much waits; others do not', async () => {
  made = createAccessServer();
  const ask = async (from: string) => (await made.ask('GET', '/api/v1/session', { from })).status;
  for (let request = 0; request < 200; request += 1) expect(await ask('203.0.113.1')).toBe(200);
  expect(await ask('203.0.113.1')).toBe(429);
  expect(await ask('203.0.113.2')).toBe(200);
  made.clock.advance(1000);
  expect(await ask('203.0.113.1')).toBe(200);
});
