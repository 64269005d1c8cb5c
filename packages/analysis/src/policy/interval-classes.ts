/**
 * Cuts a line of numbers where any of many sets begins or ends. Numbers between two cuts are in the same
 * sets; all numbers that are in the same sets are one class, however many pieces it has. So a question
 * about sets costs as much as there are classes, not as there are numbers.
 */

/** The numbers from `from` to `to` belong to the set `set`. */
export interface SetInterval {
  readonly set: number;
  readonly from: bigint;
  readonly to: bigint;
}

export interface IntervalClass {
  /** The sets, the one whose interval is narrowest first. */
  readonly sets: readonly number[];
}

export interface IntervalClasses {
  /** Ascending, the first one 0: piece i goes from `starts[i]` to before `starts[i + 1]`. */
  readonly starts: readonly bigint[];
  /** The class of each piece. */
  readonly pieces: readonly number[];
  /** Class 0 is in no set. */
  readonly classes: readonly IntervalClass[];
}

interface Edge {
  readonly at: bigint;
  readonly interval: SetInterval;
  readonly begins: boolean;
}

export function classifyIntervals(intervals: readonly SetInterval[]): IntervalClasses {
  const edges: Edge[] = intervals.flatMap((interval) => [
    { at: interval.from, interval, begins: true },
    { at: interval.to + 1n, interval, begins: false },
  ]);
  edges.sort((left, right) => (left.at < right.at ? -1 : left.at > right.at ? 1 : 0));
  const classes: IntervalClass[] = [{ sets: [] }];
  const known = new Map<string, number>([['', 0]]);
  const open = new Set<SetInterval>();
  const starts: bigint[] = [0n];
  const pieces: number[] = [0];
  for (let index = 0; index < edges.length; ) {
    const at = edges[index]?.at ?? 0n;
    for (; edges[index]?.at === at; index += 1) {
      const edge = edges[index];
      if (edge?.begins === true) open.add(edge.interval);
      else if (edge !== undefined) open.delete(edge.interval);
    }
    const sets = setsOf(open);
    const key = sets.join();
    const number = known.get(key) ?? classes.push({ sets }) - 1;
    known.set(key, number);
    if (at === 0n) pieces[0] = number;
    else if (number !== pieces.at(-1)) {
      starts.push(at);
      pieces.push(number);
    }
  }
  return { starts, pieces, classes };
}

/** Each set once, by its narrowest interval, then by its number. */
function setsOf(open: ReadonlySet<SetInterval>): number[] {
  const widths = new Map<number, bigint>();
  for (const { set, from, to } of open) {
    const width = widths.get(set);
    if (width === undefined || to - from < width) widths.set(set, to - from);
  }
  const order = [...widths].sort(([left, one], [right, other]) =>
    one < other ? -1 : one > other ? 1 : left - right,
  );
  return order.map(([set]) => set);
}

/** The piece that holds a number: what the SQL of a tree of comparisons finds, too. */
export function pieceOf({ starts }: Pick<IntervalClasses, 'starts'>, value: bigint): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0n) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
