/**
 * What the records of one segment have beyond the columns of FLOW_COLUMNS: which elements, as which columns,
 * and where in the octets of a record of each layout.
 */
import type { ExtraLayout } from '@weir/ipfix';
import {
  columnsOfLayout,
  EXTRA_COLUMNS_MAX,
  type ExtraColumn,
  type ExtraPlace,
  placesOfLayout,
} from './extra-column.ts';

export interface ReadableLayout {
  /** By the field's position in the layout. */
  readonly places: readonly ExtraPlace[];
  /** The place of each column of the segment that the layout has, by the column's name. */
  readonly placeOf: ReadonlyMap<string, ExtraPlace>;
}

export class SegmentExtras {
  readonly #columns = new Map<string, ExtraColumn>();
  readonly #readable = new Map<number, ReadableLayout>();
  readonly #kept = new Set<number>();

  add(layoutId: number, layout: ExtraLayout): void {
    if (this.#readable.has(layoutId) || this.#kept.has(layoutId)) return;
    const columns = columnsOfLayout(layout);
    const fresh = columns?.filter(({ name }) => !this.#columns.has(name)) ?? [];
    if (columns === undefined || this.#columns.size + fresh.length > EXTRA_COLUMNS_MAX) {
      this.#kept.add(layoutId);
      return;
    }
    for (const column of fresh) this.#columns.set(column.name, column);
    const places = placesOfLayout(layout);
    const placeOf = new Map(columns.map(({ name }, index) => [name, places[index]!]));
    this.#readable.set(layoutId, { places, placeOf });
  }

  columns(): readonly ExtraColumn[] {
    return [...this.#columns.values()];
  }

  /** Undefined for a layout whose records keep their octets. */
  readable(layoutId: number): ReadableLayout | undefined {
    return this.#readable.get(layoutId);
  }

  /** The layouts whose records keep their octets. */
  get keptLayoutIds(): ReadonlySet<number> {
    return this.#kept;
  }
}
