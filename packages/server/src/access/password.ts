/** Passwords as they are kept: scrypt (RFC 7914) with a salt of their own, and its parameters beside it. */
import { type BinaryLike, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { UserError } from '@weir/base';
import { z } from 'zod';

const HASH_OCTETS = 32;
const SALT_OCTETS = 16;
/** 32 MiB of memory and three passes: what OWASP's cheat sheet on storing passwords asks for at this size of memory. */
const COST = { N: 32_768, r: 8, p: 3 } as const;
/** Twice what the parameters above need, so that Node lets them pass; larger ones in a file are refused. */
const MEMORY_OCTETS_MAX = 64 * 1024 * 1024;
const CHARACTERS_MIN = 10;
const CHARACTERS_MAX = 256;

export const passwordHashSchema = z.strictObject({
  salt: z.base64(),
  hash: z.base64(),
  N: z.int(),
  r: z.int(),
  p: z.int(),
});
export type PasswordHash = Readonly<z.infer<typeof passwordHashSchema>>;

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

/** Throws UserError `password_invalid` when it is too short, too long, or the user's name. */
export function checkPassword(password: string, userName: string): void {
  const { length } = [...password];
  if (length < CHARACTERS_MIN || length > CHARACTERS_MAX) {
    const allowed = `allowed: ${CHARACTERS_MIN} to ${CHARACTERS_MAX}`;
    throw new UserError('password_invalid', `the password has ${length} characters; ${allowed}`);
  }
  if (password.toLowerCase() === userName.toLowerCase()) {
    throw new UserError('password_invalid', 'the password is the name of the user; choose another one');
  }
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_OCTETS);
  const hash = await derive(password.normalize('NFKC'), salt, HASH_OCTETS, {
    ...COST,
    maxmem: MEMORY_OCTETS_MAX,
  });
  return { salt: salt.toString('base64'), hash: hash.toString('base64'), ...COST };
}

/** Takes as long for a user that does not exist (`kept` undefined) as for one that does. */
export async function verifyPassword(kept: PasswordHash | undefined, password: string): Promise<boolean> {
  const { salt, hash, ...cost } = kept ?? NOBODY;
  const expected = Buffer.from(hash, 'base64');
  const found = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), expected.length, {
    ...cost,
    maxmem: MEMORY_OCTETS_MAX,
  });
  return timingSafeEqual(found, expected) && kept !== undefined;
}

const NOBODY: PasswordHash = {
  salt: randomBytes(SALT_OCTETS).toString('base64'),
  hash: randomBytes(HASH_OCTETS).toString('base64'),
  ...COST,
};
