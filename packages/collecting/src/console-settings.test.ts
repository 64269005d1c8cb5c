import { expect, test } from 'vitest';
import { formatCollectorConfig, parseCollectorConfig } from './collector-config.ts';

const OIDC = {
  issuer: 'https://id.example.org',
  clientId: 'weir',
  redirectUrl: 'https://weir.example.org/login/oidc/callback',
  roles: { noc: 'operator', berlin: { role: 'viewer', rowFilter: 'tcp' } },
};
const parse = (config: object) => parseCollectorConfig(JSON.stringify(config), 'c.json');

test('what is left out has its default, and what is written can be read back', () => {
  const config = parse({ http: { names: ['weir.example.org'] }, access: { oidc: OIDC } });
  expect(config.access).toMatchObject({
    login: 'auto',
    oidc: {
      name: 'single sign-on',
      scopes: 'openid profile email',
      nameClaim: 'preferred_username',
      rolesClaim: 'groups',
      roles: { noc: { role: 'operator', rowFilter: '' }, berlin: { role: 'viewer', rowFilter: 'tcp' } },
    },
  });
  expect(parseCollectorConfig(formatCollectorConfig(config), 'c.json')).toEqual(config);
});

test.each([
  [{ access: { login: 'never' } }, 'access.login: found "never"; allowed: auto or always'],
  [{ access: { logins: 'auto' } }, 'access.logins: unknown; allowed: login, oidc'],
  [
    { http: { tls: { certificate: 'c.pem' } } },
    'http.tls.key: found nothing; allowed: the path of a file in PEM',
  ],
  [
    { http: { tls: { certificate: 'c', key: 'k', ca: 'x' } } },
    'http.tls.ca: unknown; allowed: certificate, key',
  ],
  [{ http: { names: ['http://x'] } }, 'http.names[0]: found "http://x"; allowed: a host name'],
  [{ http: { proxies: ['10.0.0.0/33'] } }, 'allowed: the IP address of a proxy'],
  [{ access: { oidc: { ...OIDC, issuer: 'http://id.example.org' } } }, 'allowed: an https:// URL'],
  [{ access: { oidc: { ...OIDC, redirectUrl: 'nowhere' } } }, 'ending in /login/oidc/callback'],
  [{ access: { oidc: { ...OIDC, roles: { noc: 'boss' } } } }, 'allowed: viewer, operator or admin'],
  [{ access: { oidc: { ...OIDC, secret: 'x' } } }, 'access.oidc.secret: unknown; allowed: name, issuer'],
])('%j is refused', (config, message) => {
  expect(() => parse(config)).toThrow(message);
});
