import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Server } from './server.ts';
import { createTestServer } from './test-server.test-support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'weir-sql-'));
let store: FlowStore;
let server: Server;

beforeAll(async () => {
  store = await openStore({ dataDirectory: folder, logger: silentLogger });
  server = createTestServer({ store }).server;
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(body: object) {
  const headers = { host: 'localhost' };
  const answer = await server.inject({ method: 'POST', url: '/api/v1/sql', headers, payload: body });
  return { status: answer.statusCode, body: answer.json() };
}

test('a SELECT is answered, over all times or some', async () => {
  const sql = 'SELECT 1 AS one, count(*) AS flows FROM flows';
  const expected = { columns: ['one', 'flows'], rows: [{ one: 1, flows: 0 }], truncated: false };
  expect(await ask({ sql })).toMatchObject({ status: 200, body: expected });
  expect(await ask({ sql, last: '1h' })).toMatchObject({ status: 200, body: expected });
});

test.each([
  ['what changes something', 'DROP TABLE exporters'],
  ['two statements', 'SELECT 1; SELECT 2'],
  ['another file', "SELECT * FROM read_csv('/etc/passwd')"],
  ['what writes', "COPY (SELECT 1) TO '/tmp/x'"],
  ['an extension', 'INSTALL httpfs'],
  ['a setting', "SET memory_limit = '100GB'"],
  ['a mistake', 'SELEC 1'],
  ['an unknown column', 'SELECT colour FROM flows'],
  ['nothing', ' '],
])('%s is refused, and told why', async (_, sql) => {
  const { status, body } = await ask({ sql });
  expect(status).toBe(400);
  expect(body.error).toMatchObject({ code: 'sql_invalid', message: expect.any(String) });
});

test('a time that is none is named', async () => {
  expect(await ask({ sql: 'SELECT 1', last: 'soon' })).toMatchObject({
    status: 400,
    body: { error: { code: 'parameter', message: expect.stringMatching(/^last/) } },
  });
});
