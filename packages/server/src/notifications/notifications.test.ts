/** Web hooks against a small HTTP server, e-mail against a small SMTP server, and the queue between them and the alerts. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AlertFinding } from '@weir/analysis';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AlertBook, createAlertBook } from '../alerts/alert-book.ts';
import { createDeliveryQueue } from './delivery-queue.ts';
import { type SettingsRequest, withoutSecrets } from './notification-settings.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { webhookHeaders } from './webhook-request.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const NOW_MS = Date.UTC(2026, 4, 3, 12);
let folder: string;
let clock: ManualClock;
let http: Server;
let smtp: TcpServer;
let received: Received[];
let status: number;
let mails: string[];
let recipients: string[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-notify-'));
  clock = createManualClock(NOW_MS);
  [received, mails, recipients, status] = [[], [], [], 204];
  http = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  smtp = createTcpServer((socket) => {
    let [isData, text] = [false, ''];
    socket.write('220 test\r\n');
    socket.on('data', (part) => {
      text += part.toString();
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        if (isData) {
          mails[mails.length - 1] += `${line}\n`;
          if (line !== '.') continue;
          isData = false;
          socket.write('250 taken\r\n');
        } else if (line === 'DATA') {
          isData = true;
          mails.push('');
          socket.write('354 go on\r\n');
        } else {
          if (line.startsWith('RCPT TO:')) recipients.push(line.slice(8));
          socket.write('250 good\r\n');
        }
      }
    });
    socket.on('error', () => {});
  });
  await Promise.all(
    [http, smtp].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  );
});

afterEach(async () => {
  http.closeAllConnections();
  await Promise.all([http, smtp].map((server) => new Promise<void>((done) => server.close(() => done()))));
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;

function request(part: Partial<SettingsRequest> = {}): SettingsRequest {
  return {
    webhooks: [
      {
        id: 'chat',
        url: `http://127.0.0.1:${portOf(http)}/hook`,
        enabled: true,
        severityMin: 'medium',
        secret: 'a secret',
      },
    ],
    smtp: { host: '127.0.0.1', port: portOf(smtp), security: 'none', user: '', from: 'weir@example.net' },
    email: { enabled: true, to: ['noc@example.net', 'ada@example.net'], severityMin: 'high' },
    ...part,
  };
}

function finding(host: string, score: number): AlertFinding {
  return {
    detection: 'portScan',
    title: 'Port scan',
    subject: { kind: 'host', value: host },
    score,
    firstSeen: '2026-05-03T11:00:00.000Z',
    lastSeen: '2026-05-03T11:05:00.000Z',
    evidence: {
      formula: 'ports ≥ portsMin',
      numbers: [{ name: 'ports', value: 40, threshold: 15, unit: 'ports', meaning: 'tried' }],
      filter: `src host ${host}`,
      from: '2026-05-03T11:00:00.000Z',
      to: '2026-05-03T11:05:00.000Z',
    },
    explanation: 'It is a test.',
  };
}

async function started(): Promise<{ notifier: Notifier; alerts: AlertBook }> {
  const shared = { dataDirectory: folder, clock, logger: silentLogger };
  const alerts = createAlertBook(shared);
  const notifier = createNotifier({ ...shared, alerts });
  await notifier.start();
  return { notifier, alerts };
}

describe('notifications', () => {
  test('a web hook gets each new alert, signed; the same again only when it is graver', async () => {
    const { notifier, alerts } = await started();
    await notifier.settings.change(request({ email: { enabled: false, to: [], severityMin: 'low' } }));
    alerts.raise(finding('10.0.0.1', 0.5));
    alerts.raise(finding('10.0.0.1', 0.5));
    alerts.raise(finding('10.0.0.2', 0.1));
    await expect.poll(() => received.length).toBe(1);
    alerts.raise(finding('10.0.0.1', 0.9));
    await expect.poll(() => received.length).toBe(2);
    const [first] = received;
    const timestamp = String(first?.headers['x-weir-timestamp']);
    expect(Number(timestamp)).toBe(NOW_MS / 1000);
    const expected = createHmac('sha256', 'a secret').update(`${timestamp}.${first?.body}`).digest('hex');
    expect(first?.headers['x-weir-signature']).toBe(`sha256=${expected}`);
    expect(JSON.parse(first?.body ?? '')).toMatchObject({
      event: 'alert',
      alert: {
        detection: 'portScan',
        severity: 'medium',
        evidence: { numbers: [{ name: 'ports', value: 40 }] },
      },
    });
    await notifier.stop();
  });

  test('e-mail brings the alerts of a minute together, the gravest in its subject', async () => {
    const { notifier, alerts } = await started();
    await notifier.settings.change(request({ webhooks: [] }));
    alerts.raise(finding('10.0.0.1', 0.7));
    alerts.raise(finding('10.0.0.2', 0.95));
    alerts.raise(finding('10.0.0.3', 0.2));
    expect(notifier.queue.waiting()).toEqual([]);
    clock.advance(60_000);
    await expect.poll(() => notifier.queue.counters().delivered).toBe(1);
    expect(recipients).toEqual(['<noc@example.net>', '<ada@example.net>']);
    expect(mails[0]).toMatch(/Subject: Weir: critical: Port scan: 10\.0\.0\.2 and 1 more/);
    expect(mails[0]).toContain('10.0.0.1');
    expect(mails[0]).not.toContain('10.0.0.3');
    await notifier.stop();
  });

  test('what is not taken is tried again, later and later, also after a restart', async () => {
    status = 500;
    const first = await started();
    await first.notifier.settings.change(request({ email: { enabled: false, to: [], severityMin: 'low' } }));
    first.alerts.raise(finding('10.0.0.1', 0.9));
    await expect.poll(() => first.notifier.queue.waiting()[0]?.attempts).toBe(1);
    expect(first.notifier.queue.waiting()[0]?.lastError).toBe('answered 500');
    clock.advance(10_000);
    await expect.poll(() => first.notifier.queue.waiting()[0]?.attempts).toBe(2);
    await first.notifier.stop();

    status = 200;
    const second = await started();
    expect(second.notifier.queue.waiting()).toHaveLength(1);
    clock.advance(20_000);
    await expect.poll(() => second.notifier.queue.counters().delivered).toBe(1);
    expect(received).toHaveLength(3);
    await second.notifier.stop();
  });

  test('secrets are kept, shown to nobody, and given to no other address', async () => {
    const { notifier } = await started();
    await notifier.settings.change(request());
    const file = path.join(folder, 'notifications', 'settings.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain('a secret');
    expect(JSON.stringify(withoutSecrets(notifier.settings.read()))).not.toContain('a secret');
    const [hook] = request().webhooks;
    if (hook === undefined) throw new Error('there is a web hook');
    const { secret: _secret, ...without } = hook;
    await notifier.settings.change(request({ webhooks: [without] }));
    expect(notifier.settings.read().webhooks[0]?.secret).toBe('a secret');
    await notifier.settings.change(request({ webhooks: [{ ...without, url: 'http://127.0.0.1:9/else' }] }));
    expect(notifier.settings.read().webhooks[0]?.secret).toBe('');
    await expect(notifier.settings.change(request({ smtp: null }))).rejects.toThrow('needs a mail server');
    await notifier.stop();
  });

  test('a test says what the other side answered', async () => {
    const { notifier } = await started();
    await notifier.settings.change(request());
    await notifier.test('webhook:chat');
    await notifier.test('email');
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({ event: 'test' });
    expect(mails).toHaveLength(1);
    status = 403;
    await expect(notifier.test('webhook:chat')).rejects.toThrow('answered 403');
    await expect(notifier.test('webhook:none')).rejects.toMatchObject({ code: 'notification_unknown' });
    await notifier.stop();
  });

  test('without a secret nothing is signed', () => {
    expect(webhookHeaders('', '{}', NOW_MS)).not.toHaveProperty('x-weir-signature');
  });
});

describe('a queue of messages', () => {
  const create = () =>
    createDeliveryQueue({
      dataDirectory: folder,
      clock,
      logger: silentLogger,
      deliver: () => Promise.reject(new Error('nobody there')),
    });

  test('is bounded: the oldest goes', () => {
    const queue = create();
    for (let index = 0; index < 502; index++) queue.add({ target: 'email', subject: `${index}`, body: '' });
    expect(queue.waiting()).toHaveLength(500);
    expect(queue.waiting()[0]?.subject).toBe('2');
    expect(queue.counters()).toMatchObject({ queued: 502, dropped: 2 });
  });

  test('what is a day old is given up', async () => {
    const queue = create();
    await queue.start();
    queue.add({ target: 'email', subject: 'news', body: '' });
    await queue.settled();
    for (let hour = 0; hour < 25; hour++) {
      clock.advance(3_600_000);
      await queue.settled();
    }
    expect(queue.waiting()).toEqual([]);
    expect(queue.counters()).toMatchObject({ delivered: 0, givenUp: 1 });
    expect(queue.counters().failedAttempts).toBeGreaterThan(10);
    await queue.stop();
  });
});
