import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAuditLog } from './audit-log.ts';
import { createSessionStore } from './session-store.ts';
import { createTokenStore } from './token-store.ts';
import { createUserStore } from './user-store.ts';

const HOUR_MS = 3_600_000;
const PASSWORD = 'a long enough one';
let folder: string;
let clock: ReturnType<typeof createManualClock>;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-access-'));
  clock = createManualClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('users', () => {
  test('are kept for their owner only, without their password', async () => {
    const users = createUserStore(path.join(folder, 'access'), clock);
    await users.add({ name: 'Ann', role: 'admin', password: PASSWORD });
    const file = path.join(folder, 'access', 'users.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8')).not.toContain(PASSWORD);
    expect(await users.verify('ann', PASSWORD)).toMatchObject({ name: 'Ann', role: 'admin' });
    expect(await users.verify('Ann', `${PASSWORD} `)).toBeUndefined();
    expect(await users.verify('nobody', PASSWORD)).toBeUndefined();
  });

  test('that another process writes are seen at once', async () => {
    const [here, there] = [createUserStore(folder, clock), createUserStore(folder, clock)];
    expect(here.all()).toEqual([]);
    await there.add({ name: 'bo', role: 'viewer', password: PASSWORD });
    expect(here.find('bo')).toMatchObject({ role: 'viewer' });
    there.change('bo', { role: 'operator' });
    expect(here.find('bo')).toMatchObject({ role: 'operator' });
  });

  test('the last admin stays one', async () => {
    const users = createUserStore(folder, clock);
    await users.add({ name: 'ann', role: 'admin', password: PASSWORD });
    expect(() => users.remove('ann')).toThrow('ann is the last admin');
    expect(() => users.change('ann', { role: 'viewer' })).toThrow('last admin');
    await users.add({ name: 'bo', role: 'admin', password: PASSWORD });
    expect(users.remove('ANN')).toBe('ann');
  });

  test.each([
    [{ name: '../etc', role: 'viewer', password: PASSWORD }, /no name of a user/],
    [{ name: 'a b', role: 'viewer', password: PASSWORD }, /no name of a user/],
    [{ name: 'bo', role: 'viewer', password: 'short' }, /5 characters; allowed: 10 to 256/],
    [{ name: 'bartholomew', role: 'viewer', password: 'Bartholomew' }, /name of the user/],
    [{ name: 'bo', role: 'viewer', password: PASSWORD, rowFilter: 'port = x' }, /row filter cannot be read/],
    [{ name: 'bo', role: 'admin', password: PASSWORD, rowFilter: 'tcp' }, /take a row filter off/],
  ] as const)('%j is refused', async (user, message) => {
    await expect(createUserStore(folder, clock).add(user)).rejects.toThrow(message);
  });

  test('a name is taken once, whatever its case', async () => {
    const users = createUserStore(folder, clock);
    await users.add({ name: 'bo', role: 'viewer', password: PASSWORD });
    await expect(users.add({ name: 'Bo', role: 'admin', password: PASSWORD })).rejects.toThrow('already');
  });

  test('row filters of role and user both hold', async () => {
    const users = createUserStore(folder, clock);
    users.setRoleFilter('viewer', 'srcNetwork = "berlin"');
    expect(users.rowFilterOf({ role: 'viewer', rowFilter: '' })).toBe('srcNetwork = "berlin"');
    expect(users.rowFilterOf({ role: 'viewer', rowFilter: 'tcp' })).toBe(
      '(srcNetwork = "berlin"\n) and (tcp\n)',
    );
    expect(users.rowFilterOf({ role: 'operator', rowFilter: 'tcp' })).toBe('tcp');
    users.setRoleFilter('viewer', '');
    expect(users.roleFilters()).toEqual({});
  });

  test('a damaged file lets nobody in', () => {
    writeFileSync(path.join(folder, 'users.json'), '{"users":[{"name":"ann"}]}');
    expect(() => createUserStore(folder, clock).all()).toThrow(/users\.json: cannot be used/);
  });
});

describe('sessions', () => {
  const owner = { kind: 'user', name: 'ann' } as const;

  test('end when nobody asks for half a day, and after a week whatever happens', () => {
    const sessions = createSessionStore(clock);
    const key = sessions.open(owner);
    clock.advance(11 * HOUR_MS);
    expect(sessions.find(key)?.owner).toEqual(owner);
    clock.advance(12 * HOUR_MS);
    expect(sessions.find(key)).toBeUndefined();
    const another = sessions.open(owner);
    for (let hour = 0; hour < 167; hour += 1) {
      clock.advance(HOUR_MS);
      expect(sessions.find(another)).toBeDefined();
    }
    clock.advance(HOUR_MS);
    expect(sessions.find(another)).toBeUndefined();
  });

  test('of one person are bounded: the oldest goes', () => {
    const sessions = createSessionStore(clock);
    const keys = Array.from({ length: 33 }, () => sessions.open(owner));
    expect(sessions.size).toBe(32);
    expect(sessions.find(keys[0] ?? '')).toBeUndefined();
    expect(sessions.find(keys[1] ?? '')).toBeDefined();
  });

  test('are closed one by one, or all of a person', () => {
    const sessions = createSessionStore(clock);
    const [one, other, theirs] = [
      sessions.open(owner),
      sessions.open(owner),
      sessions.open({ ...owner, name: 'bo' }),
    ];
    sessions.close(one);
    expect([one, other, theirs].map((key) => sessions.find(key) !== undefined)).toEqual([false, true, true]);
    sessions.closeAll(owner);
    expect([one, other, theirs].map((key) => sessions.find(key) !== undefined)).toEqual([false, false, true]);
  });
});

describe('tokens', () => {
  const asked = {
    name: 'prometheus',
    owner: { kind: 'user', name: 'ann' },
    role: 'viewer',
    rowFilter: '',
  } as const;

  test('are known by their hash, remember their last use, and expire', () => {
    const tokens = createTokenStore(folder, clock);
    const { secret, token } = tokens.create({ ...asked, expiresAt: clock.nowMs() + HOUR_MS });
    expect(readFileSync(path.join(folder, 'tokens.json'), 'utf8')).not.toContain(secret);
    expect(tokens.use(`${secret}x`, '192.0.2.1')).toBeUndefined();
    expect(tokens.use(secret, '192.0.2.1')).toMatchObject({ id: token.id });
    expect(createTokenStore(folder, clock).all()).toMatchObject([
      { lastUsedFrom: '192.0.2.1', lastUsedAt: clock.nowMs() },
    ]);
    clock.advance(HOUR_MS);
    expect(tokens.use(secret, '192.0.2.1')).toBeUndefined();
  });

  test('can be revoked, one by one or with their owner', () => {
    const tokens = createTokenStore(folder, clock);
    const make = () => tokens.create({ ...asked, expiresAt: clock.nowMs() + HOUR_MS });
    const [first, second] = [make(), make()];
    tokens.remove(first.token.id);
    expect([first, second].map(({ secret }) => tokens.use(secret, '') !== undefined)).toEqual([false, true]);
    expect(() => tokens.remove(first.token.id)).toThrow('there is no token');
    tokens.removeOf(asked.owner);
    expect(tokens.all()).toEqual([]);
  });
});

describe('the audit log', () => {
  const entry = { by: 'ann', kind: 'user', from: '192.0.2.1', action: 'PUT /x', outcome: 'done' } as const;

  test('has the newest first, never a password, and one line an entry', () => {
    const log = createAuditLog(folder, clock, silentLogger);
    log.write({ ...entry, detail: { name: 'bo', password: 'secret one', newPassword: 'secret two' } });
    clock.advance(1000);
    log.write({ ...entry, by: 'mallory\n{"by":"ann"}', outcome: 'refused' });
    const text = readFileSync(path.join(folder, 'audit.log'), 'utf8');
    expect(text).not.toContain('secret');
    expect(text.trim().split('\n')).toHaveLength(2);
    expect(log.read(10).map(({ outcome }) => outcome)).toEqual(['refused', 'done']);
    expect(log.read(1)).toHaveLength(1);
    expect(log.read(10, { text: 'BO', outcome: 'done' })).toMatchObject([{ detail: { name: 'bo' } }]);
  });

  test('is bounded: old files go', () => {
    const log = createAuditLog(folder, clock, silentLogger);
    const line = `${JSON.stringify({ ...entry, at: 'x', detail: 'y'.repeat(900) })}\n`;
    for (let file = 0; file < 10; file += 1) {
      writeFileSync(path.join(folder, 'audit.log'), line.repeat(4700));
      log.write({ ...entry, action: `full ${file}` });
    }
    const sizes = Array.from({ length: 9 }, (_, number) =>
      statSync(path.join(folder, number === 0 ? 'audit.log' : `audit.log.${number}`), {
        throwIfNoEntry: false,
      }),
    );
    expect(sizes.map((found) => found !== undefined)).toEqual([...Array(8).fill(true), false]);
  });
});
