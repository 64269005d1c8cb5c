import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@weir/base';
import {
  createFlowSourceEditor,
  defaultFlowSources,
  type FlowSource,
  fixedFlowSources,
  flowSourcesInFile,
} from '@weir/collecting';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTestServer } from './test-server.test-support.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-sources-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Asked {
  headers?: Record<string, string>;
  body?: unknown;
  /** In place of a body that is JSON. */
  text?: string;
}

function open({ host = '127.0.0.1', fixed = false } = {}) {
  let running: readonly FlowSource[] = defaultFlowSources();
  const collector = {
    sources: () => running,
    async deploy(sources: readonly FlowSource[]) {
      running = sources;
      return { sources, results: sources.map(({ name }) => ({ name, outcome: 'started' as const })) };
    },
  };
  const origin = fixed
    ? fixedFlowSources(running, 'they were given with --listen')
    : flowSourcesInFile(join(folder, 'collector.json'), running);
  origin.read();
  const flowSources = createFlowSourceEditor({
    collector,
    origin,
    dataDirectory: folder,
    logger: silentLogger,
  });
  const { server } = createTestServer({ flowSources, host, accessDirectory: join(folder, 'access') });
  return async (method: 'GET' | 'PUT' | 'POST', path: string, { headers = {}, body, text }: Asked = {}) => {
    const answer = await server.inject({
      method,
      url: `/api/v1/flow-sources${path}`,
      headers: {
        host: '127.0.0.1:8080',
        ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      ...(text === undefined ? {} : { payload: text }),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
}

const A = { name: 'a', monitoringPort: 9995 };

describe('/flow-sources', () => {
  test('stage, look, deploy', async () => {
    const ask = open();
    expect(await ask('GET', '')).toMatchObject({
      status: 200,
      body: {
        deployed: defaultFlowSources(),
        staged: defaultFlowSources(),
        changes: [],
        problems: [],
        editable: true,
      },
    });
    const staged = await ask('PUT', '/staged', { body: { sources: [A] } });
    expect(staged).toMatchObject({ status: 200, body: { staged: [A], problems: [] } });
    expect(staged.body.changes).toHaveLength(3);
    expect(await ask('POST', '/deploy')).toMatchObject({
      status: 200,
      body: { results: [{ name: 'a', outcome: 'started' }], deployed: [A], changes: [] },
    });
  });

  test('unfinished edits are kept and cannot be deployed', async () => {
    const ask = open();
    const staged = await ask('PUT', '/staged', { body: { sources: [{ name: 'a' }] } });
    expect(staged).toMatchObject({
      status: 200,
      body: { problems: [{ source: 'a', parameter: 'monitoringPort' }] },
    });
    expect(await ask('POST', '/deploy')).toMatchObject({
      status: 409,
      body: { error: { code: 'flow_source_invalid' }, problems: [{ source: 'a' }] },
    });
    expect((await ask('POST', '/discard', { body: {} })).body.changes).toEqual([]);
  });

  test.each([[[]], [{ sources: 1 }], [{}], ['text'], [{ sources: ['a'] }]])(
    '%j is no list of sources',
    async (body) => {
      expect(await open()('PUT', '/staged', { body })).toMatchObject({
        status: 422,
        body: { error: { code: 'request' } },
      });
    },
  );

  test('what is no JSON is no list of sources either', async () => {
    expect(await open()('PUT', '/staged', { text: '{"sources": [' })).toMatchObject({ status: 422 });
  });

  test('a proposal', async () => {
    const ask = open();
    expect(await ask('GET', '/proposal?type=IPFIX')).toMatchObject({
      status: 200,
      body: { monitoringPort: 4740 },
    });
    expect(await ask('GET', '/proposal?from=nobody')).toMatchObject({ status: 404 });
    expect(await ask('GET', '/proposal?type=sFlow')).toMatchObject({ status: 400 });
  });

  test('fixed sources say why', async () => {
    const ask = open({ fixed: true });
    const why = 'they were given with --listen';
    expect((await ask('GET', '')).body).toMatchObject({ editable: false, whyNotEditable: why });
    expect(await ask('PUT', '/staged', { body: { sources: [] } })).toMatchObject({
      status: 409,
      body: { error: { code: 'flow_sources_fixed', message: why } },
    });
  });
});

describe('writes are refused', () => {
  const write = { body: { sources: [A] } };

  test('of somebody on the network who did not log in', async () => {
    const ask = open({ host: '0.0.0.0' });
    expect(await ask('PUT', '/staged', write)).toMatchObject({
      status: 401,
      body: { error: { code: 'login' } },
    });
    expect(await ask('GET', '')).toMatchObject({ status: 401 });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'with the content type "%s"',
    async (type) => {
      const answer = await open()('POST', '/deploy', { headers: { 'content-type': type } });
      expect(answer).toMatchObject({ status: 403, body: { error: { code: 'content_type' } } });
    },
  );

  test.each(['http://evil.example', 'null', 'http://127.0.0.1:9'])('from the origin %s', async (origin) => {
    const answer = await open()('PUT', '/staged', { ...write, headers: { origin } });
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'origin' } } });
  });

  test('not from its own origin', async () => {
    const answer = await open()('PUT', '/staged', { ...write, headers: { origin: 'http://127.0.0.1:8080' } });
    expect(answer.status).toBe(200);
  });
});
