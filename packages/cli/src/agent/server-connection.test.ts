import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectToServer, pinOfCertificate } from './server-connection.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('over TLS (skipped: openssl is not installed)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-agent-'));
  const heard: string[] = [];
  let server: https.Server;
  let origin: string;
  let certificate: string;

  beforeAll(async () => {
    const [key, file] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', file], {
      stdio: 'ignore',
    });
    certificate = readFileSync(file, 'utf8');
    server = https.createServer({ key: readFileSync(key), cert: certificate }, (request, response) => {
      request.on('data', (part: Buffer) => heard.push(part.toString()));
      request.on('end', () => response.end(JSON.stringify({ authorization: request.headers.authorization })));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a key that is pinned is trusted, whoever signed it, on each of several requests', async () => {
    const connection = connectToServer({ server: origin, pin: pinOfCertificate(certificate) });
    for (let count = 0; count < 3; count += 1) {
      expect(await connection.post('/x', { count }, 'id.secret')).toEqual({
        status: 200,
        body: { authorization: 'Bearer id.secret' },
      });
    }
    connection.close();
  });

  test('its authority is trusted where it is given', async () => {
    const connection = connectToServer({ server: origin, ca: certificate });
    expect(await connection.post('/x', {})).toMatchObject({ status: 200 });
    connection.close();
  });

  test.each([
    ['another key', { pin: 'AAAA' }],
    ['nobody to vouch for it', {}],
  ])('%s: nothing is sent', async (_, trust) => {
    heard.length = 0;
    const connection = connectToServer({ server: origin, ...trust });
    await expect(connection.post('/x', { token: 'secret' })).rejects.toMatchObject({
      code: 'server_not_trusted',
    });
    connection.close();
    expect(heard).toEqual([]);
  });
});

test('in the clear it speaks to this machine only', () => {
  expect(() => connectToServer({ server: 'http://192.0.2.1:8080' })).toThrow(/https/);
  for (const server of ['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:1']) {
    connectToServer({ server }).close();
  }
});

test('a server that is not there is said with its address', async () => {
  const connection = connectToServer({ server: 'http://127.0.0.1:1' });
  await expect(connection.post('/x', {})).rejects.toMatchObject({
    code: 'server_unreachable',
    message: expect.stringMatching('127.0.0.1:1'),
  });
  connection.close();
});
