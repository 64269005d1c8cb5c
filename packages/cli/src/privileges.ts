/**
 * Gives up root once everything that needs it is open: the process goes on as another user, in all its threads
 * (the C library makes every thread follow), and cannot go back.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, lchownSync, lstatSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { EXIT_USAGE, type Logger, UserError } from '@weir/base';

export interface RunAs {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** All groups, `gid` among them. */
  readonly groups: readonly number[];
}

/**
 * The user of this name, to whom this process may change and who gets to `folder`; undefined where this process
 * runs as that user already. `asked` says where the name stands. Throws UserError `user_unknown` or `user_denied`.
 */
export function findRunAs(name: string, folder: string, asked: '--user' | 'runAs'): RunAs | undefined {
  if (process.getuid === undefined) {
    throw new UserError('user_denied', `${asked}: this platform has no users to change to`, EXIT_USAGE);
  }
  const user = lookUp(name);
  if (user === undefined) {
    throw new UserError(
      'user_unknown',
      `${asked}: found "${name}"; allowed: a user of this machine`,
      EXIT_USAGE,
    );
  }
  if (process.getuid() === user.uid) return undefined;
  if (process.getuid() !== 0) {
    throw new UserError('user_denied', `${asked} ${name}: only root may change to another user`, EXIT_USAGE);
  }
  checkReach(user, folder, asked);
  return user;
}

/** Whether the user gets to where `folder` is or will be; asked as that user, before anything depends on it. */
function checkReach(user: RunAs, folder: string, asked: string): void {
  let above = path.dirname(path.resolve(folder));
  while (!existsSync(above)) above = path.dirname(above);
  process.seteuid?.(user.uid);
  try {
    statSync(`${above}/.`);
  } catch {
    const message = `${asked} ${user.name}: may not reach ${path.resolve(folder)}: ${above} is closed to them`;
    throw new UserError('user_denied', message, EXIT_USAGE);
  } finally {
    process.seteuid?.(0);
  }
}

/**
 * Hands what is in `folder` to the user, changes to it for good, and says of `files` which it cannot read: those
 * are opened again later. Throws when root could be had back.
 */
export function dropPrivileges(user: RunAs, folder: string, files: readonly string[], logger: Logger): void {
  giveTo(user, folder);
  process.setgroups?.([...user.groups]);
  process.setgid?.(user.gid);
  process.setuid?.(user.uid);
  if (process.geteuid?.() !== user.uid || canBecomeRoot()) {
    throw new UserError('user_denied', `${user.name}: the process still has the rights of root`);
  }
  logger.info({ user: user.name, uid: user.uid }, `running as ${user.name} from here on`);
  for (const file of files.filter((candidate) => !isReadable(candidate))) {
    const message = `${user.name} may not read ${file}: what opens it again later will fail`;
    logger.warn({ file, user: user.name }, message);
  }
}

/** `getent passwd` knows users of every kind: local ones, LDAP, systemd. */
function lookUp(name: string): RunAs | undefined {
  const { status, stdout } = spawnSync('getent', ['passwd', name], { encoding: 'utf8', timeout: 5_000 });
  const [found, , uid, gid] = status === 0 ? stdout.trim().split(':') : [];
  if (found === undefined || uid === undefined || gid === undefined) return undefined;
  const groups = spawnSync('id', ['-G', found], { encoding: 'utf8', timeout: 5_000 }).stdout ?? '';
  const others = groups.trim().split(' ').filter(Boolean).map(Number);
  return { name: found, uid: Number(uid), gid: Number(gid), groups: [...new Set([Number(gid), ...others])] };
}

function giveTo(user: RunAs, place: string): void {
  const { uid, gid } = lstatSync(place);
  if (uid !== user.uid || gid !== user.gid) lchownSync(place, user.uid, user.gid);
  if (!lstatSync(place).isDirectory()) return;
  for (const entry of readdirSync(place)) {
    try {
      giveTo(user, path.join(place, entry));
    } catch (error) {
      // The store renames and removes files while we look.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false;
  }
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
