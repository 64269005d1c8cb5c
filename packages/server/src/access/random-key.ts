/** Keys that whoever holds one is let in with: 256 random bits, kept as their hash only. */
import { createHash, randomBytes } from 'node:crypto';

const KEY_OCTETS = 32;

export const randomKey = (): string => randomBytes(KEY_OCTETS).toString('base64url');

/** Random keys cannot be guessed, so a fast hash is as good as a slow one. */
export const hashOfKey = (key: string): string => createHash('sha256').update(key).digest('hex');
