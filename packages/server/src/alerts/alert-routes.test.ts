/** Alerts, detections and notifications over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLifecycle, createManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { type Alerting, createAlerting } from '../detections/alerting.ts';
import { createMemoryStore } from '../memory-store.test-support.ts';
import { createServer, type Server } from '../server.ts';

const NOW_MS = Date.UTC(2026, 4, 3, 12);
const FROM_MS = NOW_MS - 3_600_000;
let folder: string;
let alerting: Alerting;
let server: Server;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-alert-routes-'));
  const clock = createManualClock(NOW_MS);
  const store = createMemoryStore(
    Array.from({ length: 30 }, (_, index) => ({
      receivedAt: FROM_MS + index * 1000,
      flowStart: FROM_MS + index * 1000,
      flowEnd: FROM_MS + index * 1000,
      octets: 100,
      packets: 1,
      srcAddr: '10.0.0.1',
      dstAddr: '10.0.0.2',
    })),
  );
  const whole = { ...store, sql: () => Promise.reject(new Error('not asked here')) };
  const queue = createAnalysisQueue({ store: whole, clock, logger: silentLogger });
  const lifecycle = createLifecycle(silentLogger);
  alerting = createAlerting({
    dataDirectory: folder,
    queue,
    lifecycle,
    firstRecordMs: async () => 1,
    clock,
    logger: silentLogger,
  });
  server = createServer({
    port: 0,
    store,
    status: () => Promise.reject(new Error('not asked here')),
    topics: alerting.topics,
    logger: silentLogger,
    clock,
  });
  for (const [index, score] of [0.9, 0.5, 0.1].entries()) raise(`10.0.0.${index + 1}`, score);
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function raise(host: string, score: number): void {
  const iso = (ms: number) => new Date(ms).toISOString();
  alerting.alerts.raise({
    detection: 'portScan',
    title: 'Port scan',
    subject: { kind: 'host', value: host },
    score,
    firstSeen: iso(FROM_MS),
    lastSeen: iso(FROM_MS + score * 1000),
    evidence: {
      formula: 'a ≥ b',
      numbers: [],
      filter: `src host ${host}`,
      from: iso(FROM_MS),
      to: iso(FROM_MS + 60_000),
    },
    explanation: 'It is a test.',
  });
}

async function ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) {
  const headers = payload === undefined ? { 'x-weir-request': '1' } : {};
  const answer = await server.inject({
    method,
    url: `/api/v1/${url}`,
    headers: { host: '127.0.0.1', ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
  return { status: answer.statusCode, body: answer.json() };
}

test('lists, filters and counts alerts', async () => {
  const { body } = await ask('GET', 'alerts');
  expect(body).toMatchObject({
    total: 3,
    counts: { states: { open: 3 }, active: { critical: 1, medium: 1, low: 1 } },
  });
  expect(body.alerts[0]).not.toHaveProperty('evidence');
  const grave = await ask('GET', 'alerts?severity=medium&text=10.0.0.&limit=1');
  expect(grave.body).toMatchObject({
    total: 2,
    alerts: [{ subject: { value: '10.0.0.1' }, severity: 'critical' }],
  });
  expect((await ask('GET', 'alerts?severity=none')).status).toBe(400);
});

test('one alert has its evidence, the course before and after, and its flows', async () => {
  const { status, body } = await ask('GET', 'alerts/1');
  expect(status).toBe(200);
  expect(body.alert).toMatchObject({
    id: '1',
    explanation: 'It is a test.',
    evidence: { filter: 'src host 10.0.0.1' },
  });
  expect(body.series.points.reduce((sum: number, { flows }: { flows: number }) => sum + flows, 0)).toBe(30);
  expect(Date.parse(body.series.from)).toBe(FROM_MS - 30 * 60_000);
  expect(body.flows).toHaveLength(20);
  expect(await ask('GET', 'alerts/99')).toMatchObject({
    status: 404,
    body: { error: { code: 'alert_unknown' } },
  });
});

test('acknowledges, closes and suppresses', async () => {
  const acknowledged = await ask('POST', 'alerts/1/state', { state: 'acknowledged', note: 'seen' });
  expect(acknowledged.body).toMatchObject({ state: 'acknowledged', by: 'local', note: 'seen' });
  expect((await ask('POST', 'alerts/1/state', { state: 'gone' })).status).toBe(400);
  const until = new Date(NOW_MS + 3_600_000).toISOString();
  const made = await ask('POST', 'alerts/suppressions', { network: '10.0.0.2', until, reason: 'ours' });
  expect(made.body).toMatchObject({ network: '10.0.0.2', createdBy: 'local', hits: 0 });
  expect((await ask('GET', 'alerts?state=suppressed')).body.total).toBe(1);
  expect(await ask('POST', 'alerts/suppressions', { until })).toMatchObject({ status: 400 });
  const ended = await ask('DELETE', `alerts/suppressions/${made.body.id}`);
  expect(ended.body).toEqual({ suppressions: [] });
});

test('detections are listed, set and tried', async () => {
  const { body } = await ask('GET', 'detections');
  expect(body.detections).toHaveLength(14);
  const changed = await ask('PUT', 'detections/portScan', { enabled: false, parameters: { portsMin: 99 } });
  expect(changed.body.detections[0]).toMatchObject({
    enabled: false,
    parameters: [{ name: 'portsMin', value: 99 }],
  });
  expect(await ask('PUT', 'detections/portScan', { parameters: { portsMin: 1 } })).toMatchObject({
    status: 400,
    body: { error: { code: 'detections_invalid' } },
  });
  expect((await ask('PUT', 'detections/magic', { enabled: true })).status).toBe(404);
  expect((await ask('GET', 'detections/portScan/dry-run')).status).toBe(404);
  const tried = await ask('POST', 'detections/portScan/dry-run', { days: 1 });
  expect(tried.body).toMatchObject({ detection: 'portScan', state: 'running', parameters: { portsMin: 99 } });
  expect((await ask('PUT', 'detections', { home: ['10.0.0.0/8'], except: 'host' })).status).toBe(400);
});

test('notifications keep secrets to themselves', async () => {
  const settings = {
    smtp: null,
    webhooks: [{ id: 'chat', url: 'http://127.0.0.1:9/', secret: 'a secret' }],
    email: { enabled: false, to: [] },
  };
  const { status, body } = await ask('PUT', 'notifications', settings);
  expect(status).toBe(200);
  expect(body.webhooks).toEqual([
    { id: 'chat', url: 'http://127.0.0.1:9/', enabled: true, severityMin: 'medium', hasSecret: true },
  ]);
  expect(JSON.stringify((await ask('GET', 'notifications')).body)).not.toContain('a secret');
  const wrong = { ...settings, webhooks: [{ id: 'x', url: 'file:///etc/passwd' }] };
  expect((await ask('PUT', 'notifications', wrong)).status).toBe(400);
  const injected = { ...settings, email: { enabled: false, to: ['a@b\r\nBcc: c@d'] } };
  expect((await ask('PUT', 'notifications', injected)).status).toBe(400);
});

test('what happens is counted', async () => {
  const names = (await alerting.metrics()).map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining(['weir_alerts_open', 'weir_detection_runs_total', 'weir_notifications_total']),
  );
});
