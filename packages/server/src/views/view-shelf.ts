/** Keeps views and dashboards: each belongs to who made it, and is seen by others where it is shared. */
import { randomUUID } from 'node:crypto';
import { type Clock, type StateFile, UserError } from '@weir/base';
import type { DashboardInput, KeptDashboard, KeptView, ShelfState, ViewInput } from './view-schema.ts';

/** Of one person, of each kind: more are not found again. */
const KEPT_MAX = 500;

/** Who asks: an administrator may change what others made. */
export interface Keeper {
  readonly name: string;
  readonly isAdmin: boolean;
  /** Who sees a part of the flows must not read others' filters. */
  readonly seesShared: boolean;
}

type Mine<Kept> = Kept & { mine: boolean };

export interface ViewShelf {
  list(keeper: Keeper): { views: Mine<KeptView>[]; dashboards: Mine<KeptDashboard>[] };
  /** Throws UserError `views_conflict` when there are too many. Of two views of one name the newer one stays. */
  addView(input: ViewInput, keeper: Keeper): Promise<Mine<KeptView>>;
  addDashboard(input: DashboardInput, keeper: Keeper): Promise<Mine<KeptDashboard>>;
  /** Throws UserError `view_unknown` when there is none that the keeper may change. */
  changeDashboard(id: string, input: DashboardInput, keeper: Keeper): Promise<Mine<KeptDashboard>>;
  remove(kind: 'views' | 'dashboards', id: string, keeper: Keeper): Promise<void>;
}

export function createViewShelf(file: StateFile<ShelfState>, clock: Clock): ViewShelf {
  const state = () => file.read();
  const isMine = (kept: { owner: string }, keeper: Keeper) => keeper.isAdmin || kept.owner === keeper.name;
  const isSeen = (kept: { owner: string; shared: boolean }, keeper: Keeper) =>
    kept.owner === keeper.name || (kept.shared && keeper.seesShared);

  function seen<Kept extends KeptView | KeptDashboard>(all: readonly Kept[], keeper: Keeper): Mine<Kept>[] {
    return all
      .filter((kept) => isSeen(kept, keeper))
      .map((kept) => ({ ...kept, mine: isMine(kept, keeper) }))
      .sort((one, other) => one.name.localeCompare(other.name));
  }

  function made<Input extends object>(input: Input, keeper: Keeper) {
    return { ...input, id: randomUUID() as string, owner: keeper.name, changedAt: clock.nowMs() };
  }

  function checkRoom(all: readonly { owner: string }[], keeper: Keeper): void {
    if (all.filter(({ owner }) => owner === keeper.name).length < KEPT_MAX) return;
    throw new UserError('views_conflict', `${KEPT_MAX} are kept for a person at most: remove some first`);
  }

  return {
    list: (keeper) => ({
      views: seen(state().views, keeper),
      dashboards: seen(state().dashboards, keeper),
    }),
    async addView(input, keeper) {
      const others = state().views.filter(({ owner, name }) => owner !== keeper.name || name !== input.name);
      checkRoom(others, keeper);
      const view = made(input, keeper);
      await file.write({ ...state(), views: [...others, view] });
      return { ...view, mine: true };
    },
    async addDashboard(input, keeper) {
      checkRoom(state().dashboards, keeper);
      const dashboard = made(input, keeper);
      await file.write({ ...state(), dashboards: [...state().dashboards, dashboard] });
      return { ...dashboard, mine: true };
    },
    async changeDashboard(id, input, keeper) {
      const known = state().dashboards.find((each) => each.id === id && isMine(each, keeper));
      if (known === undefined) throw unknown('dashboard');
      const changed = { ...known, ...input, changedAt: clock.nowMs() };
      const dashboards = state().dashboards.map((each) => (each === known ? changed : each));
      await file.write({ ...state(), dashboards });
      return { ...changed, mine: true };
    },
    async remove(kind, id, keeper) {
      const all: readonly { id: string; owner: string }[] = state()[kind];
      if (!all.some((each) => each.id === id && isMine(each, keeper))) throw unknown(kind.slice(0, -1));
      await file.write({ ...state(), [kind]: all.filter((each) => each.id !== id) });
    },
  };
}

const unknown = (kind: string) => new UserError('view_unknown', `there is no such ${kind} of yours`);
