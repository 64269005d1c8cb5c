import path from 'node:path';
import process from 'node:process';
import { EXIT_USAGE, systemClock, UserError } from '@weir/base';
import { createTokenStore, createUserStore, ROLES, type Role, type UserStore } from '@weir/server';
import { readNewPassword } from '../read-password.ts';
import { ACCESS_FOLDER } from '../service-client.ts';
import { formatRow, type TableColumn } from '../text-table.ts';

interface UserOptions {
  data: string;
}

const COLUMNS: readonly TableColumn<{ name: string; role: string; rowFilter: string }>[] = [
  { title: 'user', width: 24, value: ({ name }) => name },
  { title: 'role', width: 8, value: (user) => user.role },
  { title: 'sees', width: 9, value: ({ rowFilter }) => (rowFilter === '' ? 'all flows' : rowFilter) },
];

/** `weir user add`: a server that runs lets him in at once. */
export async function add(
  name: string,
  options: UserOptions & { role: string; rowFilter?: string },
): Promise<void> {
  const role = parseRole(options.role);
  const { rowFilter = '' } = options;
  await usersOf(options).add({ name, role, rowFilter, password: await readNewPassword() });
  print(`${name} may log in as ${role}`);
}

/** `weir user list` */
export function list(options: UserOptions & { json?: true }): void {
  const users = usersOf(options);
  const filters = users.roleFilters();
  const rows = users.all().map(({ name, role, rowFilter, passwordChangedAt }) => ({
    name,
    role,
    rowFilter: [filters[role] ?? '', rowFilter].filter((filter) => filter !== '').join(' and '),
    passwordChangedAt,
  }));
  if (options.json) {
    for (const row of rows) print(JSON.stringify(row));
    return;
  }
  if (rows.length === 0) {
    print('there are no users: weir user add NAME --role admin makes the first');
    return;
  }
  for (const row of [undefined, ...rows]) print(formatRow(COLUMNS, row));
}

/** `weir user remove` */
export function remove(name: string, options: UserOptions): void {
  const removed = usersOf(options).remove(name);
  createTokenStore(folderOf(options), systemClock).removeOf({ kind: 'user', name: removed });
  print(`${removed} is removed`);
}

/** `weir user password` */
export async function password(name: string, options: UserOptions): Promise<void> {
  const users = usersOf(options);
  if (users.find(name) === undefined) throw new UserError('user_unknown', `there is no user ${name}`);
  await users.setPassword(name, await readNewPassword());
  print(`${name} has another password; sessions with the former one have ended`);
}

/** `weir user role` */
export function role(name: string, wanted: string, options: UserOptions & { rowFilter?: string }): void {
  const { rowFilter } = options;
  usersOf(options).change(name, {
    role: parseRole(wanted),
    ...(rowFilter === undefined ? {} : { rowFilter }),
  });
  print(`${name} is ${wanted}${rowFilter ? `, and sees only ${rowFilter}` : ''}`);
}

const folderOf = ({ data }: UserOptions): string => path.join(data, ACCESS_FOLDER);
const usersOf = (options: UserOptions): UserStore => createUserStore(folderOf(options), systemClock);

function parseRole(text: string): Role {
  const known = ROLES.find((each) => each === text);
  if (known !== undefined) return known;
  throw new UserError('usage_role', `found the role ${text}; allowed: ${ROLES.join(', ')}`, EXIT_USAGE);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
