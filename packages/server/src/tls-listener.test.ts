import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestServer } from './test-server.test-support.ts';

let folder: string;
const file = (name: string) => path.join(folder, name);

function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const keys = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    file(`${name}.key`),
  ];
  const made = spawnSync('openssl', ['req', '-x509', ...keys, ...subject, '-out', file(`${name}.pem`)]);
  if (made.status !== 0) throw new Error(String(made.stderr));
}

function use(name: string): void {
  copyFileSync(file(`${name}.pem`), file('now.pem'));
  copyFileSync(file(`${name}.key`), file('now.key'));
}

/** The status, the cookies, and whose certificate it was. */
function ask(port: number, name: string) {
  return new Promise<{ status: number | undefined; subject: string }>((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: '/healthz', ca: readFileSync(file(`${name}.pem`)), agent: false },
      (answer) => {
        const socket = answer.socket as import('node:tls').TLSSocket;
        const subject = new X509Certificate(socket.getPeerCertificate(true).raw).subject;
        answer.resume().on('end', () => resolve({ status: answer.statusCode, subject }));
      },
    );
    asked.on('error', reject).end();
  });
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-tls-'));
  makeCertificate('first');
  makeCertificate('second');
});
afterAll(() => rmSync(folder, { recursive: true }));

test('the console is served over TLS; a renewed certificate is taken up, an unusable one is not', async () => {
  use('first');
  const { server, clock } = createTestServer({
    host: '127.0.0.1',
    http: { tls: { certificate: file('now.pem'), key: file('now.key') } },
  });
  await server.start();
  try {
    const { port, url } = server.address();
    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(await ask(port, 'first')).toEqual({ status: 200, subject: 'CN=first' });
    use('second');
    await server.reload();
    expect(await ask(port, 'second')).toMatchObject({ subject: 'CN=second' });
    copyFileSync(file('first.pem'), file('now.pem'));
    clock.advance(60_000);
    await server.reload();
    expect(await ask(port, 'second')).toMatchObject({ subject: 'CN=second' });
  } finally {
    await server.stop();
  }
});

test('a certificate that cannot be read is told before anything listens', async () => {
  const tls = { certificate: file('none.pem'), key: file('none.key') };
  const { server } = createTestServer({ http: { tls } });
  await expect(server.start()).rejects.toMatchObject({ code: 'tls_unusable' });
  await server.stop();
});
