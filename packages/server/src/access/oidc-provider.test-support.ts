/** A small OpenID provider: discovery, keys, an authorization page that agrees at once, and tokens signed with RS256. */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CLIENT_ID = 'weir';
export const CLIENT_SECRET = 'a secret of the client';

export interface OidcProvider {
  readonly issuer: string;
  /** What it says of who logs in next. */
  claims: Record<string, unknown>;
  /** What it says wrongly, for tests of the checks. */
  wrong: Record<string, unknown>;
  /** As a browser that agrees: the address that it is sent back to. */
  agree(authorizationUrl: string): Promise<string>;
  close(): void;
}

interface Granted {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

export async function createOidcProvider(): Promise<OidcProvider> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const codes = new Map<string, Granted>();
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' };

  function idToken(nonce: string): string {
    const now = Math.floor(Date.now() / 1000);
    const standard = { iss: provider.issuer, aud: CLIENT_ID, sub: '42', iat: now, exp: now + 300, nonce };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = [
      { alg: 'RS256', kid: 'k' },
      { ...standard, ...provider.claims, ...provider.wrong },
    ]
      .map(part)
      .join('.');
    return `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
  }

  function answerToken(form: URLSearchParams, authorization: string | undefined): object | undefined {
    const granted = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const expected = `Basic ${Buffer.from(`${CLIENT_ID}:${encodeURIComponent(CLIENT_SECRET).replaceAll('%20', '+')}`).toString('base64')}`;
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (granted === undefined || authorization !== expected || challenge !== granted.challenge)
      return undefined;
    if (form.get('redirect_uri') !== granted.redirectUri) return undefined;
    return { access_token: 'x', token_type: 'Bearer', expires_in: 300, id_token: idToken(granted.nonce) };
  }

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    const send = (body: object | undefined) => {
      response.writeHead(body === undefined ? 400 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body ?? { error: 'invalid_grant' }));
    };
    if (pathname === '/.well-known/openid-configuration') return send(metadataOf(provider.issuer));
    if (pathname === '/keys') return send({ keys: [key] });
    let text = '';
    request.on('data', (chunk) => {
      text += String(chunk);
    });
    request.on('end', () => send(answerToken(new URLSearchParams(text), request.headers.authorization)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const provider: OidcProvider = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    claims: {},
    wrong: {},
    async agree(authorizationUrl) {
      const asked = new URL(authorizationUrl).searchParams;
      const code = randomUUID();
      const redirectUri = asked.get('redirect_uri') ?? '';
      codes.set(code, {
        challenge: asked.get('code_challenge') ?? '',
        nonce: asked.get('nonce') ?? '',
        redirectUri,
      });
      const back = new URL(redirectUri);
      back.search = new URLSearchParams({ code, state: asked.get('state') ?? '' }).toString();
      return `${back.pathname}${back.search}`;
    },
    close: () => server.close(),
  };
  return provider;
}

function metadataOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
  };
}
