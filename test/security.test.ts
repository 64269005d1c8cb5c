/** What an attacker would try at the console and its API: without a login, with hostile input, over a slow line. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger, systemClock } from '@weir/base';
import { createFlowSource, type FlowSourceOrigin } from '@weir/collecting';
import { createTokenStore, createUserStore } from '@weir/server';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CollectorDevice, createCollectorDevice } from '../packages/cli/src/collector-device.ts';
import { CHROMIUM, eventually, open, temporaryFolder } from './console-browser.ts';
import { freePorts, sendDatagram } from './console-process.ts';
import { buildConsole } from './console-server.ts';
import { FORMULA, hostileMessage, MARKUP, SQL } from './hostile-names.ts';
import { startWeir } from './weir-process.ts';

/** What is answered without a login, all of it: who adds to it has to say why here. */
const PUBLIC = [
  // What a page for logging in needs, and logging in itself.
  'GET /api/v1/session',
  'POST /api/v1/session',
  'DELETE /api/v1/session',
  'POST /api/v1/session/set-up',
  // Says no more than that it works.
  'GET /healthz',
  // Agents show a token or a secret of their own, which is looked at there.
  'POST /api/v1/agents/enrol',
  'POST /api/v1/agents/self/report',
  'POST /api/v1/agents/self/leave',
];

/** What only the flows of this test have: addresses, texts, their number and their sum. */
const HOSTILE_FLOWS =
  /10\.0\.0\.[12]\b|DROP TABLE|HYPERLINK|onerror|"flows":5\b|"octets":5000\b|"records":5\b/;

const folder = temporaryFolder();
let device: CollectorDevice;
let url = '';
let admin = '';
let viewer = '';
/** Of a viewer whom a row filter shows no flow at all. */
let limited = '';
let flowPort = 0;
/** Began before the tests, and looked at after them. */
let slow: Promise<string>;

beforeAll(async () => {
  buildConsole();
  [flowPort = 0] = await freePorts(1);
  mkdirSync(path.join(folder, 'lists'));
  writeFileSync(path.join(folder, 'lists', 'web.txt'), '443\n');
  const access = path.join(folder, 'access');
  const users = createUserStore(access, systemClock);
  await users.add({ name: 'ann', role: 'admin', password: 'correct horse battery' });
  await users.add({ name: 'bo', role: 'viewer', password: 'correct horse battery' });
  const tokens = createTokenStore(access, systemClock);
  const token = (name: string, role: 'admin' | 'viewer') =>
    tokens.create({
      name,
      owner: { kind: 'user', name },
      role,
      rowFilter: '',
      expiresAt: Date.now() + 3_600_000,
    }).secret;
  await users.add({
    name: 'cy',
    role: 'viewer',
    password: 'correct horse battery',
    rowFilter: 'dstPort = 1',
  });
  [admin, viewer, limited] = [token('ann', 'admin'), token('bo', 'viewer'), token('cy', 'viewer')];
  device = createCollectorDevice({
    dataDirectory: folder,
    origin: demandingLogin(),
    tolerant: true,
    http: { address: '127.0.0.1', port: 0 },
    metering: { state: 'off', reason: 'a test', interfaces: [] },
    demoSource: undefined,
    logger: silentLogger,
  });
  await device.start();
  url = device.url() ?? '';
  slow = sendSlowly();
  await sendDatagram(flowPort, hostileMessage(Date.now()));
});
afterAll(async () => {
  await device?.stop();
});

/** Sources of the test's own, and a login also on loopback. */
function demandingLogin(): FlowSourceOrigin {
  const place = { monitoringAddress: '127.0.0.1', monitoringPort: flowPort };
  const source = createFlowSource({ name: 'hostile', ...place });
  return {
    name: 'a test',
    fixedBecause: 'of a test',
    read: () => [source],
    exporters: () => ({ access: { login: 'always' } }),
    checkSavable: () => Promise.reject(new Error('fixed')),
    save: () => Promise.reject(new Error('fixed')),
  };
}

/** A walk over all routes is more than one address may ask at once: it waits where it is told to. */
async function ask(
  method: string,
  address: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Response> {
  const answer = await fetch(`${url}${address}`, {
    method,
    redirect: 'manual',
    headers: { ...(method === 'GET' ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status !== 429) return answer;
  await answer.body?.cancel();
  await sleep(Number(answer.headers.get('retry-after') ?? 1) * 1000);
  return ask(method, address, headers, body);
}
const as = (token: string) => ({ authorization: `Bearer ${token}` });
/** An address that the route answers, with something in place of what varies. */
const addressOf = (route: string) => route.replace('*', 'index.html').replaceAll(/:[a-z]+/gi, 'x');

describe('without a login', () => {
  test('no route answers but those that have to', async () => {
    const routes = device.routes();
    expect(routes.length).toBeGreaterThan(30);
    const open = routes
      .filter(({ role }) => role === 'public')
      .map(({ method, path: at }) => `${method} ${at}`);
    expect(open.filter((route) => !PUBLIC.includes(route))).toEqual([]);
    for (const { method, path: at, role } of routes) {
      if (role === 'public' || method === 'OPTIONS') continue;
      const { status } = await ask(method, addressOf(at), {}, method === 'GET' ? undefined : '{}');
      expect([`${method} ${at}`, status]).toEqual([`${method} ${at}`, 401]);
    }
  });

  test('nor does any that the OpenAPI document describes; and it describes all of the API', async () => {
    const document = (await (await ask('GET', '/api/v1/openapi.json', as(viewer))).json()) as {
      paths: Record<string, Record<string, { security?: object[] }>>;
    };
    const described = Object.entries(document.paths).flatMap(([at, methods]) =>
      Object.entries(methods).map(([method, { security }]) => ({
        route: `${method.toUpperCase()} ${at}`,
        security,
      })),
    );
    for (const { route, security } of described) {
      const [method = '', at = ''] = route.split(' ');
      const isPublic = PUBLIC.includes(route);
      expect([route, (security ?? []).length > 0]).toEqual([route, !isPublic]);
      if (isPublic) continue;
      const { status } = await ask(
        method,
        at.replaceAll(/\{\w+\}/g, 'x'),
        {},
        method === 'GET' ? undefined : '{}',
      );
      expect([route, status]).toEqual([route, 401]);
    }
    const known = new Set(described.map(({ route }) => route));
    const missing = device
      .routes()
      .map(({ method, path: at }) => `${method} ${at.replaceAll(/:(\w+)/g, '{$1}')}`)
      .filter((route) => route.includes('/api/v1/') && !route.endsWith('/openapi.json') && !known.has(route));
    expect(missing).toEqual([]);
  });

  test('pages lead to the login, whose files are all that is told', async () => {
    for (const page of ['/', '/explore?v=1', '/index.html', '/nothing-of-that-name']) {
      const answer = await ask('GET', page, { accept: 'text/html' });
      expect([page, answer.status, answer.headers.get('location')]).toEqual([
        page,
        303,
        `/login?next=${encodeURIComponent(page)}`,
      ]);
    }
    expect((await ask('GET', '/login', { accept: 'text/html' })).status).toBe(200);
  });

  test.each(['Basic YW5uOng=', 'Bearer x', `Bearer weir_${'A'.repeat(43)}`, 'Bearer ', 'Digest a'])(
    'nor with the credentials "%s"',
    async (authorization) => {
      expect((await ask('GET', '/api/v1/flows', { authorization })).status).toBe(401);
    },
  );

  test('somebody with a row filter hears nothing of other rows, whatever route it is', async () => {
    await eventually(async () => {
      const { flows } = (await (await ask('GET', '/api/v1/flows', as(viewer))).json()) as {
        flows: unknown[];
      };
      return flows.length;
    }).toBe(5);
    let answered = 0;
    for (const { method, path: at, narrowed, role } of device.routes()) {
      if (method !== 'GET' || !at.startsWith('/api/') || /(?:live|openapi.json)$/.test(at)) continue;
      const answer = await ask(
        'GET',
        `${addressOf(at)}${at.endsWith('/values') ? '?field=srcUser' : ''}`,
        as(limited),
      );
      const text = await answer.text();
      expect([at, HOSTILE_FLOWS.test(text)]).toEqual([at, false]);
      if (!narrowed && role !== 'public') expect([at, answer.status]).toEqual([at, 403]);
      else if (answer.status === 200) answered += 1;
    }
    expect(answered).toBeGreaterThan(7);
  });

  test('a viewer changes nothing, whatever route it is', async () => {
    for (const { method, path: at, role } of device.routes()) {
      if (role === 'public' || role === 'viewer' || method === 'GET') continue;
      const { status } = await ask(method, addressOf(at), as(viewer), '{}');
      expect([`${method} ${at}`, status]).toEqual([`${method} ${at}`, 403]);
    }
  });
});

describe('headers', () => {
  test('a foreign name is not ours (DNS rebinding)', async () => {
    expect(
      await rawStatus('GET /api/v1/session HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'),
    ).toBe(421);
    expect(await rawStatus('GET /api/v1/session HTTP/1.1\r\nConnection: close\r\n\r\n')).toBe(400);
  });

  test('another site can neither write nor read', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded', ...as(admin) };
    expect((await ask('POST', '/api/v1/flow-sources/deploy', form, 'a=b')).status).toBe(403);
    const foreign = { origin: 'http://evil.example', ...as(admin) };
    expect((await ask('POST', '/api/v1/flow-sources/deploy', foreign, '{}')).status).toBe(403);
    const crossSite = { 'sec-fetch-site': 'cross-site', ...as(admin) };
    expect((await ask('GET', '/api/v1/flows', crossSite)).status).toBe(403);
    const answer = await ask('OPTIONS', '/api/v1/flows', { origin: 'http://evil.example' });
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('every answer forbids scripts of others, frames, and guesses at its type', async () => {
    for (const [address, headers] of [
      ['/login', { accept: 'text/html' }],
      ['/api/v1/flows', {}],
      ['/api/v1/flows', as(viewer)],
      ['/nothing', as(viewer)],
      ['/theme-boot.js', {}],
    ] as const) {
      const answer = await ask('GET', address, headers);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|data:|http/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    }
  });
});

describe('hostile input', () => {
  const get = async (address: string) => {
    const answer = await ask('GET', `/api/v1/${address}`, as(viewer));
    return { status: answer.status, body: (await answer.json()) as { flows?: unknown[] } };
  };

  test('SQL in filters, fields, orders and cursors is text, or refused', async () => {
    await eventually(async () => (await get('flows')).body.flows?.length).toBe(5);
    const quoted = (text: string) => encodeURIComponent(JSON.stringify(text));
    for (const text of [
      SQL,
      `' OR 1=1 --`,
      `") OR ("1"="1`,
      `\\'; ATTACH '/etc/passwd'; --`,
      `x' UNION SELECT 1`,
    ]) {
      const named = await get(`flows?filter=srcUser%20=%20${quoted(text)}`);
      expect(named.status).toBe(200);
      expect(named.body.flows?.length).toBe(text === SQL ? 1 : 0);
      for (const address of [
        `query?by=${encodeURIComponent(text)}`,
        `query?orderBy=${encodeURIComponent(text)}`,
        `values?field=${encodeURIComponent(text)}`,
        `flows?cursor=${encodeURIComponent(text)}`,
        `flows?filter=${encodeURIComponent(text)}`,
      ]) {
        expect([address, (await get(address)).status]).toEqual([address, 400]);
      }
    }
    expect((await get('flows')).body.flows).toHaveLength(5);
  });

  test('SQL of people reads records, and no file, and changes nothing', async () => {
    const users = path.join(folder, 'access', 'users.json');
    for (const sql of [
      `SELECT * FROM read_text('${users}')`,
      `SELECT * FROM read_text('${path.join(folder, 'flows')}/../access/users.json')`,
      `SELECT * FROM read_csv('${path.join(folder, 'flows')}/../access/*.json')`,
      `SELECT * FROM glob('${folder}/access/*')`,
      "SELECT * FROM read_text('/etc/passwd')",
      `ATTACH '${folder}/x.db'`,
      `COPY (SELECT 1) TO '${folder}/access/users.json'`,
      "SELECT getenv('HOME')",
      'DROP VIEW flows',
    ]) {
      const answer = await ask('POST', '/api/v1/sql', as(viewer), JSON.stringify({ sql }));
      expect([sql, answer.status]).toEqual([sql, 400]);
      expect(await answer.text()).not.toMatch(/"salt"|root:x/);
    }
    const { status } = await ask(
      'POST',
      '/api/v1/sql',
      as(viewer),
      JSON.stringify({ sql: 'SELECT 1 AS one' }),
    );
    expect(status).toBe(200);
  });

  test('cells that a spreadsheet would run are disarmed', async () => {
    const asked = startWeir(['query', '--by', 'srcUser', '--top', '20', '--csv', '--data', folder]);
    await asked.said(/HYPERLINK/);
    expect(asked.output()).toContain(`"'${FORMULA.replaceAll('"', '""')}"`);
    expect(asked.output()).not.toMatch(/^"?[=+@]/m);
  });

  test.each([
    '/..%2f..%2f..%2fpackage.json',
    '/%2e%2e/%2e%2e/package.json',
    '/assets/..%5c..%5cserver.ts',
    '/assets/%2e%2e/%2e%2e/package.json',
    '//etc/passwd',
    '/.git/config',
    '/assets/%00',
  ])('no file but the console’s is told: %s', async (address) => {
    const answer = await rawAnswer(
      `GET ${address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${viewer}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (?:400|403|404)/);
    expect(answer).not.toMatch(/"name"|root:/);
  });

  test.each(['../../access/users', '..', '/etc/passwd', 'web.txt/../../access/users', '%2e%2e%2fx'])(
    'a list is a name, not a path: @%s',
    async (name) => {
      const { status, body } = await get(`flows?filter=${encodeURIComponent(`port @${name}`)}`);
      expect(status).toBe(400);
      expect(JSON.stringify(body)).not.toMatch(/salt|root:/);
    },
  );

  test('what is too large, too deep or no JSON is refused, and the server goes on', async () => {
    const post = async (address: string, body: string) =>
      (await ask('POST', address, as(viewer), body)).status;
    expect(await post('/api/v1/session', JSON.stringify({ name: 'x'.repeat(300_000), password: 'x' }))).toBe(
      413,
    );
    expect(await post('/api/v1/query', '['.repeat(100_000))).toBe(400);
    expect(await post('/api/v1/query', '{"__proto__":{"role":"admin"},"kind":"groups"}')).toBe(400);
    expect(await post('/api/v1/query', '{"constructor":{"prototype":{"a":1}}}')).toBe(400);
    expect(await post('/api/v1/session', '{"name":{"$ne":1},"password":["x"]}')).toBe(400);
    const long = `GET /api/v1/flows HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`;
    expect(await rawStatus(long)).toBe(431);
    const smuggled = 'GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\nContent-Length: 5\r\n\r\n';
    expect(await rawStatus(smuggled)).toBe(400);
    expect((await get('flows')).status).toBe(200);
  });
});

describe.skipIf(!existsSync(CHROMIUM))('names from the wire in a browser (needs /usr/bin/chromium)', () => {
  test('are text on every page that shows them', async () => {
    const { page, complaints } = await open(`${url}/login`);
    await page.getByLabel('Name', { exact: true }).fill('ann');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'ann, admin' }).waitFor();
    for (const address of [
      '/flows?v=1&last=1h',
      '/explore?v=1&last=1h&by=srcUser',
      '/explore?v=1&last=1h&by=application,srcUser&chart=table',
      `/flows?v=1&last=1h&filter=${encodeURIComponent(`srcUser = ${JSON.stringify(MARKUP)}`)}`,
      `/nothing?v=1&filter=${encodeURIComponent(MARKUP)}`,
      '/exporters',
      '/access',
    ]) {
      await page.goto(`${url}${address}`);
      await page.locator('main').waitFor();
      await eventually(() => page.getByText('Loading…').count()).toBe(0);
      if (address.startsWith('/explore?v=1&last=1h&by=srcUser'))
        await page.getByText('onerror').first().waitFor();
      expect([address, await harmOf(page)]).toEqual([address, { hacked: false, elements: 0 }]);
    }
    expect(complaints).toEqual([]);
  });
});

/** Whether a script of the wire ran, and what elements came of its texts. */
function harmOf(page: Page): Promise<{ hacked: boolean; elements: number }> {
  return page.evaluate(() => ({
    hacked: Reflect.has(window, 'weirHacked'),
    elements: document.querySelectorAll('img[src="x"], script:not([src]), a[href^="javascript:"]').length,
  }));
}

test('a client that never ends its request is put out, and others are answered meanwhile', {
  timeout: 60_000,
}, async () => {
  expect((await ask('GET', '/healthz')).status).toBe(200);
  expect(await slow).toMatch(/^(?:HTTP\/1\.1 408|$)/);
});

test('what was refused is in the audit log, and no secret is', () => {
  const log = readFileSync(path.join(folder, 'access', 'audit.log'), 'utf8');
  expect(log).toContain('"outcome":"refused"');
  for (const secret of [admin, viewer, 'correct horse battery']) expect(log).not.toContain(secret);
});

/** One header, and then silence: resolves with what the server says when it closes. */
function sendSlowly(): Promise<string> {
  return exchange('GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
}

const rawAnswer = (request: string): Promise<string> => exchange(request);
const rawStatus = async (request: string): Promise<number> => Number((await exchange(request)).split(' ')[1]);

function exchange(request: string): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => socket.write(request));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}
