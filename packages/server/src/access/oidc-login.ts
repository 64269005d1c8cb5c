/**
 * Logging in by another program: OpenID Connect's authorization code flow with PKCE (RFC 7636). What is checked of the
 * answer (issuer, audience, signature, nonce, expiry) `openid-client` checks.
 */
import { readFileSync } from 'node:fs';
import { type Clock, UserError } from '@weir/base';
import type { OidcSettings } from '@weir/collecting';
import * as client from 'openid-client';
import { hashOfKey, randomKey } from './random-key.ts';
import { ROLES } from './role.ts';
import { checkRowFilter, eitherFilter } from './row-filter.ts';
import type { SessionOwner } from './session-store.ts';

const PENDING_MAX = 1000;
/** To find one's password, and a second factor. */
const PENDING_MS = 10 * 60_000;

interface PendingLogin {
  readonly verifier: string;
  readonly nonce: string;
  /** Hash of the cookie of the browser that began. */
  readonly browser: string;
  readonly next: string;
  readonly startedMs: number;
}

export interface OidcLogin {
  readonly name: string;
  /** Where to send the browser, and what to remember it by. Rejects when the provider cannot be reached. */
  begin(next: string): Promise<{ readonly url: string; readonly browserKey: string }>;
  /**
   * Whom the provider vouches for, from the address that it sent the browser back to. Rejects with UserError
   * `login_refused` when it vouches for nobody, `login_role` for somebody who has no role here, `login_stale`.
   */
  finish(
    query: string,
    browserKey: string | undefined,
  ): Promise<{ readonly owner: SessionOwner; readonly next: string }>;
}

/** Throws UserError `row_filter_invalid` when a row filter of the settings cannot be read. */
export function createOidcLogin(settings: OidcSettings, clock: Clock): OidcLogin {
  for (const { rowFilter } of Object.values(settings.roles)) checkRowFilter(rowFilter);
  const pending = new Map<string, PendingLogin>();
  let known: Promise<client.Configuration> | undefined;

  /** Asked once; again when that failed. */
  function discover(): Promise<client.Configuration> {
    known ??= discoverProvider(settings).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  function take(state: string, browserKey: string | undefined): PendingLogin {
    const login = pending.get(state);
    pending.delete(state);
    const isTheirs =
      login !== undefined && browserKey !== undefined && hashOfKey(browserKey) === login.browser;
    if (!isTheirs || clock.nowMs() - login.startedMs > PENDING_MS) {
      throw new UserError('login_stale', 'not begun in this browser, or too long ago');
    }
    return login;
  }

  return {
    name: settings.name,
    async begin(next) {
      const config = await discover();
      const [verifier, nonce, state] = [
        client.randomPKCECodeVerifier(),
        client.randomNonce(),
        client.randomState(),
      ];
      const browserKey = randomKey();
      for (const oldest of pending.keys()) {
        if (pending.size < PENDING_MAX) break;
        pending.delete(oldest);
      }
      pending.set(state, { verifier, nonce, browser: hashOfKey(browserKey), next, startedMs: clock.nowMs() });
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: settings.redirectUrl,
        scope: settings.scopes,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      });
      return { url: url.href, browserKey };
    },
    async finish(query, browserKey) {
      const url = new URL(settings.redirectUrl);
      url.search = query;
      const state = url.searchParams.get('state') ?? '';
      const login = take(state, browserKey);
      const config = await discover();
      const tokens = await client
        .authorizationCodeGrant(config, url, {
          pkceCodeVerifier: login.verifier,
          expectedState: state,
          expectedNonce: login.nonce,
          idTokenExpected: true,
        })
        .catch((error: unknown) => {
          throw refused(
            `${settings.name} did not vouch for you (${error instanceof Error ? error.message : error})`,
          );
        });
      const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {};
      return { owner: ownerOf(claims, settings), next: login.next };
    },
  };
}

async function discoverProvider(settings: OidcSettings): Promise<client.Configuration> {
  const { issuer, clientId, clientSecretFile } = settings;
  const secret = clientSecretFile === undefined ? undefined : readSecret(clientSecretFile);
  const isPlain = new URL(issuer).protocol === 'http:';
  return client.discovery(
    new URL(issuer),
    clientId,
    secret,
    secret === undefined ? client.None() : client.ClientSecretBasic(secret),
    isPlain ? { execute: [client.allowInsecureRequests] } : undefined,
  );
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UserError('oidc_unusable', `access.oidc.clientSecretFile: ${(error as Error).message}`);
  }
}

/** The highest role that one of his groups has here, and what groups of that role may see together. */
function ownerOf(claims: Readonly<Record<string, unknown>>, settings: OidcSettings): SessionOwner {
  const groups = [claimAt(claims, settings.rolesClaim)].flat().map(String);
  const grants = groups.flatMap((group) =>
    Object.hasOwn(settings.roles, group) ? [settings.roles[group] ?? []].flat() : [],
  );
  const role = [...ROLES].reverse().find((each) => grants.some((grant) => grant.role === each));
  const name = nameOf(claims, settings.nameClaim);
  if (role === undefined) {
    throw new UserError('login_role', `none of the groups of ${name} is in access.oidc.roles`);
  }
  const filters = grants.filter((grant) => grant.role === role).map((grant) => grant.rowFilter);
  return { kind: 'oidc', name, role, rowFilter: role === 'admin' ? '' : eitherFilter(filters) };
}

function nameOf(claims: Readonly<Record<string, unknown>>, claim: string): string {
  const names = [claimAt(claims, claim), claims['email'], claims['sub']];
  const name = names.find((each): each is string => typeof each === 'string' && each !== '');
  if (name === undefined) throw refused('the provider names nobody');
  return name.slice(0, 100);
}

/** `a.b` is the claim `a.b`, or `b` in the object `a`. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return [];
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

const refused = (message: string): UserError => new UserError('login_refused', message);
