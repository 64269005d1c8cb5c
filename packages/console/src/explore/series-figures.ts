/** Arithmetic over the values of chart lines. */

export function totalOf(lines: readonly (readonly number[])[], count: number): number[] {
  return Array.from({ length: count }, (_, index) =>
    lines.reduce((sum, values) => sum + (values[index] ?? 0), 0),
  );
}

/** Each value in percent of the total of its step. */
export const sharesOf = (values: readonly number[], total: readonly number[]): number[] =>
  values.map((value, index) => ((total[index] ?? 0) === 0 ? 0 : (value / (total[index] ?? 1)) * 100));

export const negated = (values: readonly number[]): number[] =>
  values.map((value) => (value === 0 ? 0 : -value));

export interface Statistics {
  min: number;
  max: number;
  last: number;
  /** The highest value when the highest twentieth of them is dropped. */
  p95: number;
}

export function statisticsOf(values: readonly number[]): Statistics {
  const sorted = values.toSorted((one, other) => one - other);
  const dropped = Math.floor(sorted.length / 20);
  return {
    min: sorted[0] ?? 0,
    max: sorted.at(-1) ?? 0,
    last: values.at(-1) ?? 0,
    p95: sorted[sorted.length - 1 - dropped] ?? 0,
  };
}

/** The period of the same length that ends where this one begins. */
export const previousBounds = ({ from, to }: { from: number; to: number }): { from: number; to: number } => ({
  from: Math.max(0, from - (to - from)),
  to: from,
});
