/** Who is logged in. Sessions are in memory, as hashes of their keys: a restart logs everybody out. */
import type { Clock } from '@weir/base';
import { hashOfKey, randomKey } from './random-key.ts';
import type { Role } from './role.ts';

const HOUR_MS = 3_600_000;
/** A page that stays open asks every few seconds; a working day without any is another person's day. */
const IDLE_MS = 12 * HOUR_MS;
const AGE_MAX_MS = 7 * 24 * HOUR_MS;
const SESSIONS_MAX = 10_000;
/** Browsers, phones and forgotten tabs of one person; the oldest is closed for a further one. */
const SESSIONS_PER_USER_MAX = 32;

/** Whose session it is; what an OpenID provider said of him holds as long as the session. */
export type SessionOwner =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'oidc'; readonly name: string; readonly role: Role; readonly rowFilter: string };

export interface Session {
  readonly owner: SessionOwner;
  readonly openedMs: number;
}

interface KeptSession extends Session {
  usedMs: number;
}

export interface SessionStore {
  /** Opens a session; returns its key, which is nowhere else. */
  open(owner: SessionOwner): string;
  /** A session that has not expired; asking keeps it from falling idle. */
  find(key: string): Session | undefined;
  close(key: string): void;
  closeAll(owner: { readonly kind: string; readonly name: string }): void;
  readonly size: number;
}

export function createSessionStore(clock: Clock): SessionStore {
  /** By hash of the key, the one opened first first. */
  const sessions = new Map<string, KeptSession>();

  function isAlive({ openedMs, usedMs }: KeptSession): boolean {
    const nowMs = clock.nowMs();
    return nowMs - usedMs < IDLE_MS && nowMs - openedMs < AGE_MAX_MS;
  }

  function makeRoom(owner: SessionOwner): void {
    const own: string[] = [];
    for (const [hash, session] of sessions) {
      if (!isAlive(session)) sessions.delete(hash);
      else if (isOwner(session, owner)) own.push(hash);
    }
    for (const hash of own.slice(0, Math.max(0, own.length - SESSIONS_PER_USER_MAX + 1)))
      sessions.delete(hash);
    for (const hash of sessions.keys()) {
      if (sessions.size < SESSIONS_MAX) break;
      sessions.delete(hash);
    }
  }

  return {
    open(owner) {
      makeRoom(owner);
      const key = randomKey();
      sessions.set(hashOfKey(key), { owner, openedMs: clock.nowMs(), usedMs: clock.nowMs() });
      return key;
    },
    find(key) {
      const hash = hashOfKey(key);
      const session = sessions.get(hash);
      if (session === undefined) return undefined;
      if (!isAlive(session)) {
        sessions.delete(hash);
        return undefined;
      }
      session.usedMs = clock.nowMs();
      return session;
    },
    close: (key) => void sessions.delete(hashOfKey(key)),
    closeAll(owner) {
      for (const [hash, session] of sessions) if (isOwner(session, owner)) sessions.delete(hash);
    },
    get size() {
      return sessions.size;
    },
  };
}

function isOwner({ owner }: Session, { kind, name }: { kind: string; name: string }): boolean {
  return owner.kind === kind && owner.name === name;
}
