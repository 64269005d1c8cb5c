/** What a detection remembers between two runs: numbers by key, bounded; what was not touched for longest is forgotten. */

export interface MemoryState {
  /** Since when it learns (ms), 0 when it has seen nothing yet. */
  readonly sinceMs: number;
  readonly rows: readonly (readonly [key: string, numbers: readonly number[]])[];
}

export const NO_MEMORY: MemoryState = { sinceMs: 0, rows: [] };

export class DetectionMemory {
  sinceMs: number;
  forgotten = 0;
  readonly #rows: Map<string, readonly number[]>;
  readonly #rowsMax: number;

  constructor(rowsMax: number, state: MemoryState = NO_MEMORY) {
    this.#rowsMax = rowsMax;
    this.sinceMs = state.sinceMs;
    this.#rows = new Map(state.rows);
    this.#forget();
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Notes since when it learns, the first time. */
  begin(nowMs: number): void {
    if (this.sinceMs === 0) this.sinceMs = nowMs;
  }

  get(key: string): readonly number[] | undefined {
    return this.#rows.get(key);
  }

  set(key: string, numbers: readonly number[]): void {
    this.#rows.delete(key);
    this.#rows.set(key, numbers);
    this.#forget();
  }

  delete(key: string): void {
    this.#rows.delete(key);
  }

  entries(): IterableIterator<[string, readonly number[]]> {
    return this.#rows.entries();
  }

  state(): MemoryState {
    return { sinceMs: this.sinceMs, rows: [...this.#rows] };
  }

  #forget(): void {
    for (const key of this.#rows.keys()) {
      if (this.#rows.size <= this.#rowsMax) return;
      this.#rows.delete(key);
      this.forgotten += 1;
    }
  }
}
