/**
 * How soon somebody may guess again. Each wrong guess beyond a few doubles the wait, for the address and for the user
 * that was guessed at; a right one forgets the user's, never the address's, so that who has an account of his own cannot
 * go on guessing at others.
 */
import type { Clock } from '@weir/base';

const FREE_ATTEMPTS = 5;
const WAIT_FIRST_MS = 1000;
/** Of an address. */
const WAIT_MAX_MS = 15 * 60_000;
/** Of a user: whoever guesses at him must not be able to lock him out for long. */
const USER_WAIT_MAX_MS = 30_000;
const FORGOTTEN_AFTER_MS = 60 * 60_000;
const REMEMBERED_MAX = 10_000;

interface Attempts {
  failures: number;
  lastMs: number;
}

export interface AttemptLimit {
  /** Milliseconds until the next guess is listened to; 0: now. */
  waitMs(address: string, user: string): number;
  failed(address: string, user: string): void;
  /** Takes back the failure that was counted before the check. */
  succeeded(address: string, user: string): void;
}

export function createAttemptLimit(clock: Clock): AttemptLimit {
  const attempts = new Map<string, Attempts>();

  function waitOf(key: string, maxMs: number): number {
    const known = attempts.get(key);
    if (known === undefined || known.failures < FREE_ATTEMPTS) return 0;
    const waitMs = Math.min(maxMs, WAIT_FIRST_MS * 2 ** Math.min(30, known.failures - FREE_ATTEMPTS));
    return Math.max(0, known.lastMs + waitMs - clock.monotonicMs());
  }

  function count(key: string): void {
    const nowMs = clock.monotonicMs();
    const known = attempts.get(key);
    const failures = known === undefined || nowMs - known.lastMs > FORGOTTEN_AFTER_MS ? 0 : known.failures;
    attempts.delete(key);
    attempts.set(key, { failures: failures + 1, lastMs: nowMs });
    for (const oldest of attempts.keys()) {
      if (attempts.size <= REMEMBERED_MAX) break;
      attempts.delete(oldest);
    }
  }

  return {
    waitMs: (address, user) =>
      Math.max(waitOf(addressKey(address), WAIT_MAX_MS), waitOf(userKey(user), USER_WAIT_MAX_MS)),
    failed(address, user) {
      count(addressKey(address));
      count(userKey(user));
    },
    succeeded(address, user) {
      attempts.delete(userKey(user));
      const known = attempts.get(addressKey(address));
      if (known !== undefined) known.failures = Math.max(0, known.failures - 1);
    },
  };
}

const userKey = (name: string): string => `user ${name.toLowerCase().slice(0, 64)}`;
const addressKey = (address: string): string => `address ${networkOfAddress(address)}`;

/** An IPv6 host has a whole /64 to ask from. */
export function networkOfAddress(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = '', tail = ''] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const last = tail.split(':').filter((group) => group !== '');
  const zeros = address.includes('::')
    ? Array<string>(Math.max(0, 8 - groups.length - last.length)).fill('0')
    : [];
  return `${[...groups, ...zeros, ...last].slice(0, 4).join(':')}::/64`;
}
