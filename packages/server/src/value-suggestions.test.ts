import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestServer, flow, NOW_MS } from './test-server.test-support.ts';

const records = [
  ...Array.from({ length: 3 }, () => flow(1000, { dstPort: 443 })),
  ...Array.from({ length: 2 }, () => flow(1000, { dstPort: 4739 })),
  flow(1000, { dstPort: 53, protocol: 17 }),
  flow(1_000_000, { dstPort: 4000 }),
];

describe('values', () => {
  test('the most frequent first, those that begin so', async () => {
    const { get } = createTestServer({}, records);
    expect((await get('/api/v1/values?field=dstPort')).body).toMatchObject({
      field: 'dstPort',
      values: [
        { value: 443, flows: 3, octets: 3000 },
        { value: 4739, flows: 2 },
        { value: 53 },
        { value: 4000 },
      ],
    });
    const { body } = await get('/api/v1/values?field=dport&prefix=4&last=15m');
    expect(body).toMatchObject({ field: 'dstPort', values: [{ value: 443 }, { value: 4739 }] });
    expect((await get('/api/v1/values?field=protocol&prefix=ud')).body).toMatchObject({
      values: [{ value: 17 }],
    });
  });

  test('letters typed one after the other cost one look-up', async () => {
    const { get, server, clock } = createTestServer({}, records);
    for (const prefix of ['', '4', '44', '443'])
      await get(`/api/v1/values?field=dstPort&prefix=${prefix}&last=1m`);
    expect(server.counters().queries.asked).toBe(1);
    clock.advance(31_000);
    await get('/api/v1/values?field=dstPort&last=1m');
    expect(server.counters().queries.asked).toBe(2);
  });

  test('what is no field', async () => {
    const { get } = createTestServer();
    expect(await get('/api/v1/values?field=nonsense')).toMatchObject({
      status: 400,
      body: { error: { code: 'parameter' } },
    });
  });
});

describe('named lists', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-lists-'));
    writeFileSync(path.join(folder, 'web.txt'), '# ports\n443\n80, 8080\n');
    writeFileSync(path.join(folder, 'bad.txt'), '443\nnonsense\n');
    writeFileSync(path.join(folder, 'notes.md'), 'no list');
    mkdirSync(path.join(folder, 'folder.txt'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a filter names one', async () => {
    const { get } = createTestServer({ listsDirectory: folder }, records);
    const { body } = await get(`/api/v1/query?filter=${encodeURIComponent('dst port @web')}&by=dstPort`);
    expect(body).toMatchObject({ rows: [{ dstPort: 443, flows: 3 }] });
    expect((await get('/api/v1/lists')).body).toEqual({ lists: ['bad', 'folder', 'web'] });
  });

  test('errors name the list and the line', async () => {
    const { get } = createTestServer({ listsDirectory: folder }, records);
    const bad = await get(`/api/v1/flows?filter=${encodeURIComponent('port @bad')}`);
    expect(bad).toMatchObject({ status: 400, body: { error: { code: 'filter', position: 5 } } });
    expect(JSON.stringify(bad.body)).toContain('list @bad, line 2');
    for (const name of ['none', '../web', 'folder']) {
      const missing = await get(`/api/v1/flows?filter=${encodeURIComponent(`port @${name}`)}`);
      expect(missing.status).toBe(400);
    }
  });

  test('a plan brings its own along', async () => {
    const { server } = createTestServer({}, records);
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/query',
      headers: { host: 'localhost' },
      payload: {
        kind: 'groups',
        timeRange: { fromMs: NOW_MS - 60_000, toMs: NOW_MS },
        filter: 'port in @mine',
        lists: { mine: ['53'] },
        groupBy: ['dstPort'],
      },
    });
    expect(answer.json()).toMatchObject({
      rows: [{ dstPort: 53 }],
      source: { source: 'raw' },
      notes: [expect.any(String), expect.any(String)],
    });
  });
});
