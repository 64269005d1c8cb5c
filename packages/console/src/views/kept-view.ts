/** The shapes of `/api/v1/views`. */
export interface KeptView {
  id: string;
  name: string;
  address: string;
  shared: boolean;
  owner: string;
  changedAt: number;
  mine: boolean;
}

export interface Tile {
  title: string;
  /** Of the page Explore. */
  address: string;
  wide: boolean;
}

export interface Dashboard {
  id: string;
  name: string;
  shared: boolean;
  tiles: readonly Tile[];
  owner: string;
  changedAt: number;
  mine: boolean;
}

export interface ViewsResponse {
  views: readonly KeptView[];
  dashboards: readonly Dashboard[];
}

export const EXPLORE_PATH = '/explore';

/** The path and the question of an address. */
export function splitAddress(address: string): { path: string; search: string } {
  const [path = '/', search = ''] = address.split('?', 2);
  return { path, search: search === '' ? '' : `?${search}` };
}

/** Whether two addresses show the same, whatever order their parameters have. */
export function sameAddress(one: string, other: string): boolean {
  const canonical = (address: string): string => {
    const { path, search } = splitAddress(address);
    const parameters = new URLSearchParams(search);
    parameters.delete('v');
    parameters.sort();
    return `${path}?${parameters}`;
  };
  return canonical(one) === canonical(other);
}

/** A dashboard without the tile at `index`. */
export const withoutTile = (tiles: readonly Tile[], index: number): Tile[] =>
  tiles.filter((_, at) => at !== index);

/** Two tiles change places; a step beyond either end changes nothing. */
export function movedTile(tiles: readonly Tile[], index: number, step: -1 | 1): Tile[] {
  const next = [...tiles];
  const [one, other] = [next[index], next[index + step]];
  if (one === undefined || other === undefined) return next;
  next[index] = other;
  next[index + step] = one;
  return next;
}

/** What a tile of an address is called, unless somebody says otherwise. */
export function proposedTitle(address: string): string {
  const parameters = new URLSearchParams(splitAddress(address).search);
  const by = parameters.get('by') ?? 'srcAddr';
  const filter = parameters.get('filter') ?? '';
  return `${by.split(',').join(', ')}${filter === '' ? '' : `, ${filter}`}`.slice(0, 80);
}
