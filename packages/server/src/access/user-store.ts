/**
 * The users, in `users.json`. The file is read again when it changes, so that what `weir user` does holds at once in a
 * server that runs.
 */
import path from 'node:path';
import { type Clock, UserError } from '@weir/base';
import { z } from 'zod';
import { checkPassword, hashPassword, passwordHashSchema, verifyPassword } from './password.ts';
import { ROLES, type Role } from './role.ts';
import { bothFilters, checkRowFilter } from './row-filter.ts';
import { createSharedJson } from './secret-file.ts';

const USERS_MAX = 10_000;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u;

const userSchema = z.strictObject({
  name: z.string().regex(NAME),
  role: z.enum(ROLES),
  password: passwordHashSchema,
  rowFilter: z.string().default(''),
  createdAt: z.string(),
  passwordChangedAt: z.string(),
});
const fileSchema = z.strictObject({
  users: z.array(userSchema).max(USERS_MAX),
  rowFilters: z.partialRecord(z.enum(ROLES), z.string()).default({}),
});

export type User = Readonly<z.infer<typeof userSchema>>;
type UserFile = z.infer<typeof fileSchema>;

export interface NewUser {
  readonly name: string;
  readonly role: Role;
  readonly password: string;
  readonly rowFilter?: string;
}

export interface UserStore {
  all(): readonly User[];
  find(name: string): User | undefined;
  /** The row filters of roles; those that have none are left out. */
  roleFilters(): Readonly<Partial<Record<Role, string>>>;
  /** What a user may see: his own row filter and that of his role. */
  rowFilterOf(user: Pick<User, 'role' | 'rowFilter'>): string;
  /** Rejects with UserError `user_conflict` when there is one of that name, `user_invalid`, `password_invalid`. */
  add(user: NewUser): Promise<void>;
  setPassword(name: string, password: string): Promise<void>;
  /** Throws UserError `user_unknown`, `user_conflict` for the last admin, `row_filter_invalid`. */
  change(name: string, change: { readonly role?: Role; readonly rowFilter?: string }): void;
  /** Returns the name as it was written. */
  remove(name: string): string;
  setRoleFilter(role: Role, rowFilter: string): void;
  /** The user whose name and password these are; as slow, and as silent, for a name that nobody has. */
  verify(name: string, password: string): Promise<User | undefined>;
}

/** Opens the users in `directory`. Throws UserError `users_unreadable` when the file is damaged. */
export function createUserStore(directory: string, clock: Clock): UserStore {
  const file = path.join(directory, 'users.json');
  const shared = createSharedJson<UserFile>(file, { users: [], rowFilters: {} }, (value) =>
    fileSchema.parse(value),
  );

  function read(): UserFile {
    try {
      return shared.read();
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      throw new UserError('users_unreadable', `${file}: cannot be used (${reason})`);
    }
  }

  const nowText = () => new Date(clock.nowMs()).toISOString();
  const find = (name: string) => read().users.find((user) => sameName(user.name, name));

  function known(name: string): User {
    const user = find(name);
    if (user === undefined) throw new UserError('user_unknown', `there is no user ${name}`);
    return user;
  }

  function replace(name: string, changed: User | undefined): void {
    const { users, rowFilters } = read();
    const others = users.filter((user) => !sameName(user.name, name));
    const next = changed === undefined ? others : [...others, changed];
    const hadAdmin = users.some(isAdmin);
    if (hadAdmin && !next.some(isAdmin)) {
      throw new UserError('user_conflict', `${name} is the last admin; make somebody else admin first`);
    }
    next.sort((one, other) => one.name.localeCompare(other.name, 'en'));
    shared.write({ users: next, rowFilters });
  }

  return {
    all: () => read().users,
    find,
    roleFilters: () => read().rowFilters,
    rowFilterOf: ({ role, rowFilter }) =>
      role === 'admin' ? '' : bothFilters(read().rowFilters[role] ?? '', rowFilter),
    async add({ name, role, password, rowFilter = '' }) {
      checkName(name);
      checkPassword(password, name);
      checkUserFilter(role, rowFilter);
      if (read().users.length >= USERS_MAX)
        throw new UserError('user_conflict', `there are ${USERS_MAX} users`);
      const hash = await hashPassword(password);
      if (find(name) !== undefined) throw new UserError('user_conflict', `there is a user ${name} already`);
      const now = nowText();
      replace(name, { name, role, password: hash, rowFilter, createdAt: now, passwordChangedAt: now });
    },
    async setPassword(name, password) {
      checkPassword(password, known(name).name);
      const hash = await hashPassword(password);
      replace(name, { ...known(name), password: hash, passwordChangedAt: nowText() });
    },
    change(name, change) {
      const user = known(name);
      const changed = { ...user, ...change };
      checkUserFilter(changed.role, changed.rowFilter);
      replace(name, changed);
    },
    remove(name) {
      const user = known(name);
      replace(user.name, undefined);
      return user.name;
    },
    setRoleFilter(role, rowFilter) {
      checkUserFilter(role, rowFilter);
      const { users, rowFilters } = read();
      const { [role]: _, ...others } = rowFilters;
      shared.write({
        users,
        rowFilters: rowFilter.trim() === '' ? others : { ...others, [role]: rowFilter },
      });
    },
    async verify(name, password) {
      const user = find(name);
      return (await verifyPassword(user?.password, password)) ? user : undefined;
    },
  };
}

const isAdmin = ({ role }: User): boolean => role === 'admin';
const sameName = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

function checkName(name: string): void {
  if (NAME.test(name)) return;
  const allowed = 'allowed: 1 to 64 letters, digits, and . _ @ - after the first';
  throw new UserError(
    'user_invalid',
    `${JSON.stringify(name.slice(0, 80))} is no name of a user; ${allowed}`,
  );
}

function checkUserFilter(role: Role, rowFilter: string): void {
  checkRowFilter(rowFilter);
  if (role === 'admin' && rowFilter.trim() !== '') {
    throw new UserError(
      'row_filter_invalid',
      'an admin could take a row filter off himself: give him another role',
    );
  }
}
