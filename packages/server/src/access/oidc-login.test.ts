import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { OidcSettings } from '@weir/collecting';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AccessServer, createAccessServer } from './access-server.test-support.ts';
import {
  CLIENT_ID,
  CLIENT_SECRET,
  createOidcProvider,
  type OidcProvider,
} from './oidc-provider.test-support.ts';

let provider: OidcProvider;
let folder: string;
let made: AccessServer;

beforeAll(async () => {
  provider = await createOidcProvider();
  folder = mkdtempSync(path.join(tmpdir(), 'weir-oidc-'));
  writeFileSync(path.join(folder, 'secret'), `${CLIENT_SECRET}\n`);
});
afterAll(() => {
  provider.close();
  rmSync(folder, { recursive: true });
});

beforeEach(() => {
  provider.claims = { preferred_username: 'ann', groups: ['noc'] };
  provider.wrong = {};
  const oidc: OidcSettings = {
    name: 'Example ID',
    issuer: provider.issuer,
    clientId: CLIENT_ID,
    clientSecretFile: path.join(folder, 'secret'),
    redirectUrl: 'https://weir.example.org/login/oidc/callback',
    scopes: 'openid profile',
    nameClaim: 'preferred_username',
    rolesClaim: 'groups',
    roles: {
      admins: { role: 'admin', rowFilter: '' },
      noc: { role: 'operator', rowFilter: '' },
      berlin: { role: 'viewer', rowFilter: 'srcNetwork = "berlin"' },
      paris: { role: 'viewer', rowFilter: 'srcNetwork = "paris"' },
    },
  };
  made = createAccessServer({ access: { login: 'always', oidc } });
});
afterEach(() => made.close());

/** Through the provider and back; the cookie of the browser that began goes along unless another is given. */
async function logIn({ next = '/', browser }: { next?: string; browser?: string } = {}) {
  const begun = await made.ask('GET', `/login/oidc?next=${encodeURIComponent(next)}`);
  expect(begun.status).toBe(303);
  const back = await provider.agree(String(begun.headers['location']));
  return { back, begun, answer: await made.ask('GET', back, { as: browser ?? begun.cookie }) };
}

const userOf = async (cookie: string | undefined) =>
  (await made.ask('GET', '/api/v1/session', { as: cookie })).body['user'];

describe('by an OpenID provider', () => {
  test('somebody with a group that has a role is let in, and led to where he was', async () => {
    const { begun, answer } = await logIn({ next: '/explore?v=1&filter=tcp' });
    expect(begun.headers['set-cookie']).toMatch(/^weir-oidc=.*HttpOnly; Path=\/login\/oidc; SameSite=Lax/);
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toContain('SameSite=Strict');
    expect(answer.body['text']).toContain('content="0;url=/explore?v=1&#38;filter=tcp"');
    expect(await userOf(answer.cookie)).toMatchObject({ name: 'ann', kind: 'oidc', role: 'operator' });
  });

  test('the highest role counts; filters of groups with the same role add up', async () => {
    provider.claims = { preferred_username: 'bo', groups: ['paris', 'others', 'berlin'] };
    expect(await userOf((await logIn()).answer.cookie)).toMatchObject({
      role: 'viewer',
      rowFilter: '(srcNetwork = "paris"\n) or (srcNetwork = "berlin"\n)',
    });
    provider.claims = { preferred_username: 'bo', groups: ['paris', 'admins'] };
    expect(await userOf((await logIn()).answer.cookie)).toMatchObject({ role: 'admin', rowFilter: '' });
  });

  test.each([
    ['no group with a role', () => (provider.claims = { preferred_username: 'eve', groups: ['others'] })],
    [
      'groups named like properties of objects',
      () => (provider.claims = { sub: 'e', groups: ['constructor'] }),
    ],
    ['a token for another client', () => (provider.wrong = { aud: 'another' })],
    ['a token of another issuer', () => (provider.wrong = { iss: 'https://evil.example' })],
    ['the nonce of another log-in', () => (provider.wrong = { nonce: 'another' })],
    ['a token that has expired', () => (provider.wrong = { exp: 1000, iat: 900 })],
  ])('%s: not let in', async (_, arrange) => {
    arrange();
    const { answer } = await logIn();
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.body['text']).toContain('url=/login?problem=');
    expect(made.server.counters().access).toMatchObject({ logins: 0, failedLogins: 1 });
  });

  test('a log-in that another browser began, or that was used, is nobody’s', async () => {
    const { back, begun, answer } = await logIn({ browser: `weir-oidc=${'x'.repeat(43)}` });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect((await made.ask('GET', back, { as: begun.cookie })).headers['set-cookie']).toBeUndefined();
  });

  test.each([
    '//evil.example',
    'https://evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
    '/x\r\nset-cookie: a=b',
  ])('nobody is led to %j', async (next) => {
    expect((await logIn({ next })).answer.body['text']).toContain('content="0;url=/"');
  });
});
