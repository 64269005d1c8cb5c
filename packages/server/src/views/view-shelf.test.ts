import { createManualClock, type StateFile } from '@weir/base';
import { beforeEach, expect, test } from 'vitest';
import { type ShelfState, shelfStateSchema, viewInputSchema } from './view-schema.ts';
import { createViewShelf, type Keeper, type ViewShelf } from './view-shelf.ts';

const ada: Keeper = { name: 'ada', isAdmin: false, seesShared: true };
const bob: Keeper = { name: 'bob', isAdmin: false, seesShared: true };
const root: Keeper = { name: 'root', isAdmin: true, seesShared: true };

let state: ShelfState;
let shelf: ViewShelf;
const file: StateFile<ShelfState> = {
  read: () => state,
  write: async (next) => {
    state = shelfStateSchema.parse(next);
  },
};

beforeEach(() => {
  state = { version: 1, views: [], dashboards: [] };
  shelf = createViewShelf(file, createManualClock());
});

const view = (name: string, shared = false) => ({ name, address: '/explore?v=1&by=srcAddr', shared });
const namesOf = (keeper: Keeper) => shelf.list(keeper).views.map(({ name, mine }) => `${name} ${mine}`);

test('a view is seen by who made it, and by others where it is shared', async () => {
  await shelf.addView(view('own'), ada);
  await shelf.addView(view('for all', true), ada);
  expect(namesOf(ada)).toEqual(['for all true', 'own true']);
  expect(namesOf(bob)).toEqual(['for all false']);
  expect(namesOf({ ...bob, seesShared: false })).toEqual([]);
});

test('a view of the same name takes the place of the one before', async () => {
  await shelf.addView(view('web'), ada);
  await shelf.addView({ ...view('web'), address: '/flows' }, ada);
  await shelf.addView(view('web', true), bob);
  expect(shelf.list(ada).views.map(({ address }) => address)).toEqual(['/flows', '/explore?v=1&by=srcAddr']);
});

test('only who made it, or an administrator, changes or removes it', async () => {
  const tiles = [{ title: 'Talkers', address: '/explore?v=1', wide: true }];
  const { id } = await shelf.addDashboard({ name: 'Morning', shared: true, tiles }, ada);
  const changed = { name: 'Evening', shared: true, tiles: [] };
  await expect(shelf.changeDashboard(id, changed, bob)).rejects.toMatchObject({ code: 'view_unknown' });
  await expect(shelf.remove('dashboards', id, bob)).rejects.toMatchObject({ code: 'view_unknown' });
  expect(await shelf.changeDashboard(id, changed, ada)).toMatchObject({ name: 'Evening', owner: 'ada' });
  await shelf.remove('dashboards', id, root);
  expect(shelf.list(ada).dashboards).toEqual([]);
});

test('a person keeps a bounded number', async () => {
  for (let count = 0; count < 500; count += 1) await shelf.addView(view(`view ${count}`), ada);
  await expect(shelf.addView(view('one more'), ada)).rejects.toMatchObject({ code: 'views_conflict' });
  await shelf.addView(view('view 3'), ada);
  await shelf.addView(view('one more'), bob);
});

test.each(['javascript:alert(1)', '//evil.example/', 'https://evil.example/', '/\\evil.example', '/a<b', ''])(
  '%s is no address of a page',
  (address) => {
    expect(viewInputSchema.safeParse({ name: 'x', address }).success).toBe(false);
  },
);

test('addresses as the console writes them are taken', () => {
  for (const address of [
    '/',
    '/explore?v=1&filter=srcAddr+%3D+10.0.0.0%2F24&by=srcAddr%2F24%2CdstPort',
    '/hosts/10.0.0.1',
  ]) {
    expect(viewInputSchema.safeParse({ name: 'x', address }).success).toBe(true);
  }
});
