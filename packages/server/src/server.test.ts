import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { statusAnswerSchema } from './answers.ts';
import { createTestServer, flow, NOW_MS } from './test-server.test-support.ts';

describe('questions', () => {
  test('the largest groups, with the total of all', async () => {
    const records = [
      flow(1000),
      flow(2000, { srcAddr: '10.0.0.9', octets: 5000 }),
      flow(3000, { srcAddr: '10.0.0.8', octets: 10 }),
    ];
    const { get } = createTestServer({}, records);
    const { status, body } = await get('/api/v1/query?by=srcAddr&top=2&last=5m');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      by: ['srcAddr'],
      from: NOW_MS - 300_000,
      to: NOW_MS,
      rows: [
        { srcAddr: '10.0.0.9', octets: 5000, packets: 10, flows: 1 },
        { srcAddr: '10.0.0.1', octets: 1000, packets: 10, flows: 1 },
      ],
      total: { octets: 6010, packets: 30, flows: 3 },
    });
    expect(String(body['sql'])).toContain('GROUP BY');
  });

  test('a series has a value for every step and the rest in one line; no step is unfinished', async () => {
    const records = [
      flow(10_000),
      flow(10_000, { protocol: 17, octets: 300 }),
      flow(70_000, { protocol: 1, octets: 7 }),
    ];
    const { get } = createTestServer({}, records);
    const { body } = await get('/api/v1/series?last=2m&points=20&top=1');
    const { times, series, stepMs, from, to } = body as unknown as import('./answers.ts').SeriesAnswer;
    expect(stepMs).toBe(10_000);
    expect([from % stepMs, to % stepMs]).toEqual([0, 0]);
    expect(to).toBeLessThanOrEqual(NOW_MS);
    expect(times).toHaveLength((to - from) / stepMs);
    expect(series.map((line) => line.key)).toEqual([[6], null]);
    for (const line of series) expect(line.octets).toHaveLength(times.length);
    const sums = series.map((line) => line.octets.reduce((sum, value) => sum + value, 0));
    expect(sums).toEqual([1000, 307]);
  });

  test('what a plan would cost, before it is asked', async () => {
    const { server, store } = createTestServer({}, [flow(1000)]);
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/query/estimate',
      headers: { host: 'localhost' },
      payload: { kind: 'groups', timeRange: { fromMs: 0, toMs: 4e12 }, groupBy: ['protocol'] },
    });
    expect(answer.json()).toMatchObject({ source: 'raw', why: 'records, exact', rows: 1, octets: 1000 });
    expect(store.plans).toEqual([]);
  });

  test('what a ranking would cost', async () => {
    const { get, store } = createTestServer({}, [flow(1000)]);
    const { body } = await get('/api/v1/query/estimate?by=srcAddr&last=7d');
    expect(body).toMatchObject({ source: 'raw', rows: 1, octets: 1000, expectedMs: 0 });
    expect(store.plans).toEqual([]);
  });

  test('records come newest first', async () => {
    const { get } = createTestServer({}, [
      flow(5000, { dstPort: 53 }),
      flow(1000),
      flow(9000, { dstPort: 22 }),
    ]);
    const { body } = await get('/api/v1/flows?limit=2');
    expect(body).toMatchObject({ flows: [{ dstPort: 443 }, { dstPort: 53 }], next: null });
  });

  test('the pulse counts what arrived in the last minute, whenever it ended', async () => {
    const late = flow(300_000, { receivedAt: NOW_MS - 1000, exporter: '192.0.2.9' });
    const { get } = createTestServer({}, [late, flow(2000), flow(120_000)]);
    const { body } = await get('/api/v1/pulse');
    expect(body).toMatchObject({
      octets: 2000,
      packets: 20,
      flows: 2,
      exporters: 2,
      windowMs: 60_000,
      at: NOW_MS,
    });
  });

  test('a plan by POST', async () => {
    const { server } = createTestServer({}, [flow(1000)]);
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/query',
      headers: { host: 'localhost' },
      payload: {
        kind: 'groups',
        timeRange: { fromMs: NOW_MS - 60_000, toMs: NOW_MS },
        groupBy: ['protocol'],
      },
    });
    expect(answer.json()).toMatchObject({ rows: [{ protocol: 6, octets: 1000 }] });
  });

  test('equal questions at the same time are asked once', async () => {
    const { get, store, server } = createTestServer({}, [flow(1000)]);
    await Promise.all([get('/api/v1/flows'), get('/api/v1/flows'), get('/api/v1/flows')]);
    expect(store.plans).toHaveLength(1);
    expect(server.counters().queries).toMatchObject({ asked: 1, answeredFromCache: 2 });
  });
});

describe('what cannot be answered', () => {
  test.each([
    ['/api/v1/query?by=nonsense', 'plan', /no dimension "nonsense"/],
    ['/api/v1/query?top=0', 'parameter', /top: expected a number from 1 to 10000/],
    ['/api/v1/query?last=5%20parsecs', 'parameter', /last: expected a duration such as/],
    ['/api/v1/query?last=5m&from=2026-01-01', 'parameter', /either last or from/],
    ['/api/v1/query?from=2026-01-02&to=2026-01-01', 'parameter', /start before it ends/],
    ['/api/v1/query?colour=red', 'parameter', /colour: there is no such parameter/],
    ['/api/v1/flows?cursor=abc', 'plan', /cursor/],
    ['/api/v1/live?limit=7000', 'parameter', /limit/],
  ])('%s', async (url, code, message) => {
    const { status, body } = await createTestServer().get(url);
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { code, message: expect.stringMatching(message) } });
  });

  test.each(['query', 'series', 'flows', 'pulse', 'live'])(
    'a wrong filter in %s has its position',
    async (resource) => {
      const { get, store } = createTestServer();
      const { status, body } = await get(`/api/v1/${resource}?filter=port%20=%20x`);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        error: { code: 'filter', position: 7, expected: ['a number from 0 to 65535'] },
      });
      expect(store.plans).toHaveLength(0);
    },
  );

  test('a filter cannot break out of the one that is put around it', async () => {
    const { status } = await createTestServer().get(
      `/api/v1/pulse?filter=${encodeURIComponent('tcp) or (udp')}`,
    );
    expect(status).toBe(400);
  });

  test('bodies are limited, and not everything is JSON', async () => {
    const { server } = createTestServer();
    const post = (payload: string) =>
      server.inject({
        method: 'POST',
        url: '/api/v1/query',
        headers: { host: 'localhost', 'content-type': 'application/json' },
        payload,
      });
    expect((await post(JSON.stringify({ filter: 'x'.repeat(17_000_000) }))).statusCode).toBe(413);
    expect((await post('{')).statusCode).toBe(400);
    expect((await post('{"kind":"groups"}')).json()).toMatchObject({ error: { code: 'plan' } });
  });

  test('a failing store is a 500 without details', async () => {
    const { get, store } = createTestServer();
    store.query = () => Promise.reject(new Error('secret path /data/flows'));
    const { status, body } = await get('/api/v1/flows');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('secret');
  });
});

describe('who may ask', () => {
  test.each(['evil.example', 'evil.example:8080', 'localhost.evil.example', '192.168.1.1', 'a@localhost'])(
    'a loopback server refuses the host "%s"',
    async (host) => {
      const { server, store } = createTestServer();
      const answer = await server.inject({ path: '/api/v1/flows', headers: { host } });
      expect(answer.statusCode).toBe(421);
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(store.plans).toHaveLength(0);
      expect(server.counters().refusedHosts).toBe(1);
    },
  );

  test.each(['localhost', 'localhost:8080', '127.0.0.1:8080', '[::1]:8080', 'weir.localhost'])(
    'and knows itself as %s',
    async (host) => {
      expect((await createTestServer().get('/healthz', { host })).status).toBe(200);
    },
  );

  test('other sites may not ask', async () => {
    const { status } = await createTestServer().get('/api/v1/flows', { 'sec-fetch-site': 'cross-site' });
    expect(status).toBe(403);
  });

  test('no answer allows another origin to read it', async () => {
    const { server } = createTestServer();
    const answer = await server.inject({
      path: '/api/v1/flows',
      headers: { host: 'localhost', origin: 'http://evil.example' },
    });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });
});

test('the status has rates that come from totals', async () => {
  const { get, clock, status } = createTestServer();
  expect((await get('/api/v1/status')).body).toMatchObject({
    exporters: [{ records: 100, recordsPerSecond: 0 }],
  });
  clock.advance(10_000);
  Object.assign(status.exporters[0] ?? {}, { records: 600 });
  expect((await get('/api/v1/status')).body).toMatchObject({
    now: NOW_MS + 10_000,
    metering: { state: 'off', howToGrant: 'sudo setcap cap_net_raw+ep node' },
    exporters: [{ records: 600, lost: 2, recordsPerSecond: 50 }],
  });
});

test('the status is what its schema says', async () => {
  const { body } = await createTestServer().get('/api/v1/status');
  expect(z.strictObject(statusAnswerSchema.shape).parse(body)).toEqual(body);
});

test('the OpenAPI document describes every route with its parameters', async () => {
  const { server, get } = createTestServer();
  await server.start();
  const { body } = await get('/api/v1/openapi.json');
  const { paths } = body as unknown as {
    paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
  };
  expect(Object.keys(paths).sort()).toEqual(
    [
      'flows',
      'lists',
      'live',
      'pulse',
      'query',
      'query/estimate',
      'series',
      'session',
      'status',
      'values',
    ].map((name) => `/api/v1/${name}`),
  );
  const names = paths['/api/v1/query']?.['get']?.parameters?.map((parameter) => parameter.name);
  expect(names?.sort()).toEqual([
    'by',
    'deduplicated',
    'filter',
    'from',
    'last',
    'measures',
    'orderBy',
    'previous',
    'scaled',
    'to',
    'top',
  ]);
  await server.stop();
});

test('metrics are in the Prometheus text format', async () => {
  const { server, get } = createTestServer();
  await get('/api/v1/flows');
  const answer = await server.inject({ path: '/metrics', headers: { host: 'localhost' } });
  expect(answer.headers['content-type']).toContain('text/plain');
  expect(answer.body).toContain('weir_server_answers_total{status="2xx"} 1');
  expect(answer.body).toContain('weir_server_queries_total{outcome="asked"} 1');
});

test('a busy port is one line that says what to do', async () => {
  const blocker = createNetServer();
  const port = await new Promise<number>((resolve) => {
    blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port));
  });
  const { server } = createTestServer({ port });
  const error = await server.start().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ code: 'http_address_in_use', exitCode: 1 });
  expect(String(error)).toContain(`port ${port} on 127.0.0.1 is in use`);
  expect(String(error)).toContain('--http IP:PORT');
  await server.stop();
  blocker.close();
});

test('an address of another machine is one line too', async () => {
  const { server } = createTestServer({ host: '192.0.2.77', accessDirectory: '/nowhere/at/all' });
  await expect(server.start()).rejects.toMatchObject({ code: 'http_address_unavailable' });
  await server.stop();
});

test('a client that goes away cancels its question', async () => {
  const { server, store } = createTestServer();
  let release = (): void => {};
  store.gate = new Promise((resolve) => {
    release = resolve;
  });
  await server.start();
  const controller = new AbortController();
  const asked = fetch(`${server.address().url}/api/v1/flows`, { signal: controller.signal }).catch(
    () => 'gone',
  );
  await until(() => store.plans.length === 1);
  controller.abort();
  expect(await asked).toBe('gone');
  await until(() => store.cancelled === 1);
  expect(server.counters().queries).toMatchObject({ cancelled: 1, failed: 0 });
  release();
  await server.stop();
});

describe('the console', () => {
  function consoleFolder(): string {
    const folder = mkdtempSync(path.join(tmpdir(), 'weir-console-'));
    mkdirSync(path.join(folder, 'assets'));
    writeFileSync(path.join(folder, 'index.html'), '<!doctype html>');
    writeFileSync(path.join(folder, 'assets', 'index-abc.js'), 'export {}');
    return folder;
  }

  test('is served with the right caching', async () => {
    const consoleDirectory = consoleFolder();
    const { server } = createTestServer({ consoleDirectory });
    const get = (url: string) => server.inject({ path: url, headers: { host: 'localhost' } });
    const index = await get('/?v=1&filter=tcp');
    expect(index.statusCode).toBe(200);
    expect(index.headers['cache-control']).toBe('no-cache');
    expect(index.headers['content-security-policy']).toContain("script-src 'self'");
    expect((await get('/assets/index-abc.js')).headers['cache-control']).toContain('immutable');
    expect((await get('/nothing')).statusCode).toBe(404);
    rmSync(consoleDirectory, { recursive: true });
  });

  test('is sent as it was compressed when it was built, and not again when the browser has it', async () => {
    const consoleDirectory = consoleFolder();
    writeFileSync(path.join(consoleDirectory, 'assets', 'index-abc.js.br'), 'brotli');
    writeFileSync(path.join(consoleDirectory, 'assets', 'index-abc.js.gz'), 'gzip');
    const { server } = createTestServer({ consoleDirectory });
    const get = (headers: Record<string, string>) =>
      server.inject({ path: '/assets/index-abc.js', headers: { host: 'localhost', ...headers } });
    expect((await get({ 'accept-encoding': 'gzip, br' })).body).toBe('brotli');
    const gzip = await get({ 'accept-encoding': 'gzip' });
    expect([gzip.body, gzip.headers['content-encoding']]).toEqual(['gzip', 'gzip']);
    expect(gzip.headers['content-type']).toContain('javascript');
    const plain = await get({});
    expect(plain.body).toBe('export {}');
    expect((await get({ 'if-none-match': String(plain.headers.etag) })).statusCode).toBe(304);
    rmSync(consoleDirectory, { recursive: true });
  });

  test.each([
    '/../server.ts',
    '/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/assets/..%5c..%5cx',
    '/.git/config',
  ])('does not leave its folder for %s', async (url) => {
    const consoleDirectory = consoleFolder();
    const { server } = createTestServer({ consoleDirectory });
    const answer = await server.inject({ path: url, headers: { host: 'localhost' } });
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    rmSync(consoleDirectory, { recursive: true });
  });

  test('says how to build it when it is not there', async () => {
    const { server } = createTestServer({ consoleDirectory: '/nowhere/at/all' });
    const answer = await server.inject({ path: '/', headers: { host: 'localhost' } });
    expect(answer.body).toContain('npx vite build packages/console');
  });
});

/** Waits for something that other events of this process bring about. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('compression', () => {
  test('of long answers only, for who takes it; events are not held back', async () => {
    const records = Array.from({ length: 100 }, (_, index) => flow(1000 + index, { srcPort: index }));
    const { server } = createTestServer({}, records);
    await server.start();
    const { url } = server.address();
    const encodingOf = async (resource: string) => {
      const answer = await fetch(`${url}/api/v1/${resource}`, { headers: { 'accept-encoding': 'gzip' } });
      await answer.json();
      return answer.headers.get('content-encoding');
    };
    expect(await encodingOf('flows?limit=100')).toBe('gzip');
    expect(await encodingOf('pulse')).toBeNull();
    const stop = new AbortController();
    const events = await fetch(`${url}/api/v1/live`, {
      headers: { 'accept-encoding': 'gzip' },
      signal: stop.signal,
    });
    expect(events.headers.get('content-encoding')).toBeNull();
    const first = await events.body?.getReader().read();
    expect(new TextDecoder().decode(first?.value)).toContain('retry: 2000');
    stop.abort();
    await server.stop();
  });
});

describe('over a socket', () => {
  test('a plan that is posted is answered: its body having been read is not the client having gone', async () => {
    const { server, store } = createTestServer();
    await server.start();
    try {
      const plan = {
        kind: 'groups',
        timeRange: { fromMs: 0, toMs: 1 },
        groupBy: ['protocol'],
        orderBy: 'octets',
      };
      const answer = await fetch(`${server.address().url}/api/v1/query`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(plan),
      });
      expect(answer.status).toBe(200);
      expect(store.plans).toHaveLength(1);
    } finally {
      await server.stop();
    }
  });
});
