/** Tokens with which programs ask the API on behalf of a user, in `tokens.json`; of the token itself only its hash. */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { type Clock, UserError } from '@weir/base';
import { z } from 'zod';
import { hashOfKey, randomKey } from './random-key.ts';
import { ROLES } from './role.ts';
import { createSharedJson } from './secret-file.ts';

/** So that a token is recognised as one wherever it turns up. */
export const TOKEN_PREFIX = 'weir_';
const TOKENS_PER_OWNER_MAX = 100;
const TOKENS_MAX = 10_000;
/** The last use is written down this often at most: a program that asks every second must not write every second. */
const LAST_USE_STEP_MS = 60_000;

const tokenSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  owner: z.strictObject({ kind: z.enum(['user', 'oidc']), name: z.string() }),
  role: z.enum(ROLES),
  /** Of a user of an OpenID provider, as it was when he made the token; of users of ours theirs holds. */
  rowFilter: z.string(),
  hash: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  lastUsedAt: z.number().nullable(),
  lastUsedFrom: z.string().nullable(),
});
const fileSchema = z.strictObject({ tokens: z.array(tokenSchema).max(TOKENS_MAX) });

export type ApiToken = Readonly<z.infer<typeof tokenSchema>>;
export type NewToken = Pick<ApiToken, 'name' | 'owner' | 'role' | 'rowFilter' | 'expiresAt'>;

export interface TokenStore {
  all(): readonly ApiToken[];
  /** Makes a token. Throws UserError `token_conflict` when there are too many. */
  create(token: NewToken): { readonly token: ApiToken; readonly secret: string };
  /** The token that `secret` is, unless it has expired; remembers when and from where it was used. */
  use(secret: string, from: string): ApiToken | undefined;
  /** Throws UserError `token_unknown`. */
  remove(id: string): void;
  removeOf(owner: ApiToken['owner']): void;
}

export function createTokenStore(directory: string, clock: Clock): TokenStore {
  const file = path.join(directory, 'tokens.json');
  const shared = createSharedJson(file, { tokens: [] }, (value) => fileSchema.parse(value));
  const uses = new Map<string, { atMs: number; from: string }>();

  function all(): readonly ApiToken[] {
    return shared.read().tokens.map((token) => {
      const use = uses.get(token.id);
      return use === undefined ? token : { ...token, lastUsedAt: use.atMs, lastUsedFrom: use.from };
    });
  }

  function rewrite(keep: (token: ApiToken) => boolean, added: readonly ApiToken[] = []): void {
    shared.write({ tokens: [...all().filter(keep), ...added] });
  }

  function noteUse(token: ApiToken, from: string): void {
    const atMs = clock.nowMs();
    const before = uses.get(token.id)?.atMs ?? token.lastUsedAt;
    if (before !== null && atMs - before < LAST_USE_STEP_MS) return;
    uses.set(token.id, { atMs, from });
    rewrite(() => true);
  }

  return {
    all,
    create(asked) {
      const tokens = all();
      const own = tokens.filter(({ owner }) => isOwner(owner, asked.owner));
      if (own.length >= TOKENS_PER_OWNER_MAX || tokens.length >= TOKENS_MAX) {
        throw new UserError('token_conflict', 'there are too many tokens; revoke those that nobody uses');
      }
      const secret = `${TOKEN_PREFIX}${randomKey()}`;
      const beginning = { lastUsedAt: null, lastUsedFrom: null };
      const token = {
        ...asked,
        id: randomUUID(),
        hash: hashOfKey(secret),
        createdAt: clock.nowMs(),
        ...beginning,
      };
      rewrite(() => true, [token]);
      return { token, secret };
    },
    use(secret, from) {
      if (!secret.startsWith(TOKEN_PREFIX)) return undefined;
      const hash = hashOfKey(secret);
      const token = all().find((each) => each.hash === hash);
      if (token === undefined || token.expiresAt <= clock.nowMs()) return undefined;
      noteUse(token, from);
      return token;
    },
    remove(id) {
      if (!all().some((token) => token.id === id))
        throw new UserError('token_unknown', `there is no token ${id}`);
      rewrite((token) => token.id !== id);
    },
    removeOf(owner) {
      if (all().some((token) => isOwner(token.owner, owner)))
        rewrite((token) => !isOwner(token.owner, owner));
    },
  };
}

function isOwner(one: ApiToken['owner'], other: ApiToken['owner']): boolean {
  return one.kind === other.kind && one.name === other.name;
}
