/**
 * Which dimension explains a change, and which of its values: explanatory power and surprise, as in "Adtributor:
 * Revenue Debugging in Advertising Systems" (Bhagwan et al., NSDI 2014, section 3). A is what was, F what was expected.
 *
 * Explanatory power of a value: EP = (A_value − F_value) / (A − F): 1 when the value alone makes the change. Surprise: the
 * value's part of the Jensen-Shannon divergence of the shares p = F_value / F and q = A_value / A, in nats.
 */

export interface Contribution {
  /** What was, and what was expected. */
  readonly actual: number;
  readonly expected: number;
}

export interface ExplainedValue<Value> {
  readonly value: Value;
  readonly explanatoryPower: number;
  readonly surprise: number;
}

export interface ExplainedDimension<Value> {
  readonly dimension: string;
  /** The values that explain the change together, the most surprising first. */
  readonly values: readonly ExplainedValue<Value>[];
  readonly explanatoryPower: number;
  readonly surprise: number;
}

/** A value that makes less of the change is none of its causes (T_EEP of the paper). */
export const VALUE_POWER_MIN = 0.1;
/** The values of a dimension explain the change when they make so much of it (T_EP). */
export const DIMENSION_POWER_MIN = 0.67;
/** So many dimensions are told. */
const DIMENSIONS_TOLD = 3;

export function explanatoryPower({ actual, expected }: Contribution, total: Contribution): number {
  const change = total.actual - total.expected;
  return change === 0 ? 0 : (actual - expected) / change;
}

export function surprise({ actual, expected }: Contribution, total: Contribution): number {
  const p = total.expected > 0 ? Math.max(0, expected) / total.expected : 0;
  const q = total.actual > 0 ? Math.max(0, actual) / total.actual : 0;
  return 0.5 * (halfDivergence(p, p + q) + halfDivergence(q, p + q));
}

/** x · ln(2x / sum), which is 0 for x = 0. */
function halfDivergence(x: number, sum: number): number {
  return x === 0 ? 0 : x * Math.log((2 * x) / sum);
}

/**
 * The dimensions whose values explain the change from `total.expected` to `total.actual`, the most surprising first. Of
 * each dimension only values with at least VALUE_POWER_MIN matter, so a list cut to the largest changes is enough.
 */
export function explainChange<Value extends Contribution>(
  total: Contribution,
  dimensions: Readonly<Record<string, readonly Value[]>>,
): ExplainedDimension<Value>[] {
  if (total.actual === total.expected) return [];
  return Object.entries(dimensions)
    .map(([dimension, values]) => explainBy(dimension, values, total))
    .filter((explained) => explained !== undefined)
    .sort((a, b) => b.surprise - a.surprise)
    .slice(0, DIMENSIONS_TOLD);
}

function explainBy<Value extends Contribution>(
  dimension: string,
  values: readonly Value[],
  total: Contribution,
): ExplainedDimension<Value> | undefined {
  const measured = values
    .map((value) => ({
      value,
      explanatoryPower: explanatoryPower(value, total),
      surprise: surprise(value, total),
    }))
    .filter((each) => each.explanatoryPower > VALUE_POWER_MIN)
    .sort((a, b) => b.surprise - a.surprise);
  const chosen: ExplainedValue<Value>[] = [];
  let [power, surprised] = [0, 0];
  for (const each of measured) {
    chosen.push(each);
    power += each.explanatoryPower;
    surprised += each.surprise;
    if (power > DIMENSION_POWER_MIN)
      return { dimension, values: chosen, explanatoryPower: power, surprise: surprised };
  }
  return undefined;
}
