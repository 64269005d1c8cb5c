/**
 * The first admin, where a login is demanded and there is nobody yet: a link with a key is said once where the process
 * was started, as Jupyter does. It works once, for an hour, and only while there is no user.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Clock } from '@weir/base';
import { hashOfKey, randomKey } from './random-key.ts';

const VALID_MS = 3_600_000;

export interface SetUp {
  /** Makes the key; it replaces the one before. */
  open(): string;
  /** Whether `key` is the one, and still valid. */
  isValid(key: string): boolean;
  close(): void;
}

export function createSetUp(clock: Clock): SetUp {
  let offered: { hash: string; untilMs: number } | undefined;
  return {
    open() {
      const key = randomKey();
      offered = { hash: hashOfKey(key), untilMs: clock.nowMs() + VALID_MS };
      return key;
    },
    isValid: (key) =>
      offered !== undefined &&
      clock.nowMs() < offered.untilMs &&
      timingSafeEqual(Buffer.from(hashOfKey(key)), Buffer.from(offered.hash)),
    close() {
      offered = undefined;
    },
  };
}
