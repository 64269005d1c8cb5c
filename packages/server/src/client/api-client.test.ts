import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AccessServer, createAccessServer } from '../access/access-server.test-support.ts';
import { flow, NOW_MS } from '../test-server.test-support.ts';
import { ApiError, createClient } from './api-client.ts';

let made: AccessServer;
let url = '';
let token = '';

beforeAll(async () => {
  made = createAccessServer({}, [flow(1000), flow(2000, { srcAddr: '10.0.0.9', octets: 5000 })]);
  made.addUser('bo', 'viewer');
  await made.server.start();
  url = made.server.address().url;
  const bo = await made.logIn('bo');
  token = (await made.ask('POST', '/api/v1/session/tokens', { as: bo, body: { name: 'test' } })).body.secret;
});
afterAll(() => made.close());

test('questions are asked with a token, and answered with the types of their schemas', async () => {
  const weir = createClient({ url, token });
  const { rows, total } = await weir.get('query', { by: 'srcAddr', last: '5m', top: '1' });
  expect([rows[0]?.['srcAddr'], total.octets]).toEqual(['10.0.0.9', 6000]);
  expect((await weir.get('session')).user).toMatchObject({ name: 'bo', kind: 'token', role: 'viewer' });
  expect((await weir.get('lists')).lists).toEqual([]);
  const plan = {
    kind: 'groups',
    timeRange: { fromMs: 0, toMs: NOW_MS },
    groupBy: [],
    orderBy: 'octets',
    descending: true,
    limit: 1,
  } as const;
  expect((await weir.plan(plan)).rows).toMatchObject([{ octets: 6000 }]);
  expect(await weir.estimate(plan)).toMatchObject({ source: 'raw' });
});

test('a problem is an error with its code, also one of something between', async () => {
  const stranger = createClient({ url });
  await expect(stranger.get('flows')).rejects.toMatchObject({ status: 401, problem: { code: 'login' } });
  const weir = createClient({ url, token });
  await expect(weir.get('flows', { filter: 'port = x' })).rejects.toMatchObject({
    problem: { code: 'filter', position: 7 },
  });
  const proxied = createClient({ url, fetch: async () => new Response('<html>', { status: 502 }) });
  await expect(proxied.get('status')).rejects.toBeInstanceOf(ApiError);
});
