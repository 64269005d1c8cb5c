/**
 * Growth and forecast of a daily figure (the 95th percentile of a day's 5-minute bins): a robust line (Theil and Sen: the
 * median of the slopes of all pairs of days), effects of the days of the week as medians, and a band that holds both what
 * days differ from the line and how little is known of its slope. No day, however odd, moves the line by itself.
 */

/** Without so many days nothing is forecast. */
export const DAYS_NEEDED = 14;
/** From so many on, days of the week have effects of their own: three of each. */
const DAYS_FOR_WEEKS = 21;
/** Older days say nothing of how things grow now; also bounds the pairs to 16,110. */
const DAYS_USED_MAX = 180;
const HORIZON_DAYS_MAX = 365;
/** The band holds 90 % of all days: 5 % are above, 5 % below. */
export const BAND_SHARE = 0.9;
const Z = 1.645;
/** Beyond, days hang together so much that the formula for it means nothing. */
const AUTOCORRELATION_MAX = 0.9;
const WEEK = 7;
const MAD_TO_SIGMA = 1.4826;

/** A day's figure; null where too little of the day was observed. `day` counts days since 1970. */
export interface DailyValue {
  readonly day: number;
  readonly value: number | null;
}

export interface ForecastDay {
  readonly day: number;
  readonly expected: number;
  readonly lower: number;
  readonly upper: number;
}

export interface Forecast {
  readonly kind: 'forecast';
  /** How many days it is made of, and whether days of the week are told apart. */
  readonly daysUsed: number;
  readonly weekly: boolean;
  /** In units of the figure a day; and where 90 % of slopes that fit would be. */
  readonly growthPerDay: number;
  readonly growthLower: number;
  readonly growthUpper: number;
  /** By the day of the week, 0 is Sunday: how much its days differ from the line. */
  readonly weekdayEffects: readonly number[];
  /** As many days ahead as there are behind, a year at most. */
  readonly days: readonly ForecastDay[];
  /** The same line over the days that it was made of. */
  readonly fitted: readonly ForecastDay[];
}

export interface ShortHistory {
  readonly kind: 'short';
  readonly days: number;
  readonly needed: number;
}

/** `values` in order of time. */
export function forecastOf(values: readonly DailyValue[]): Forecast | ShortHistory {
  const known = values
    .filter((each): each is { day: number; value: number } => each.value !== null)
    .slice(-DAYS_USED_MAX);
  if (known.length < DAYS_NEEDED) return { kind: 'short', days: known.length, needed: DAYS_NEEDED };
  const weekly = known.length >= DAYS_FOR_WEEKS;
  const days = known.map(({ day }) => day);
  const raw = known.map(({ value }) => value);
  const effects = weekly ? weekdayEffects(days, raw) : Array<number>(WEEK).fill(0);
  const level = raw.map((value, index) => value - effects[weekdayOf(days[index]!)]!);
  const line = robustLine(days, level);
  const residuals = level.map((value, index) => value - line.at(days[index]!));
  const band = bandOf(days, residuals, line);
  const lastDay = days[days.length - 1]!;
  const horizon = Math.min(HORIZON_DAYS_MAX, lastDay - days[0]! + 1);
  const dayAt = (day: number): ForecastDay => {
    const expected = line.at(day) + effects[weekdayOf(day)]!;
    const { below, above } = band(day);
    return {
      day,
      expected: Math.max(0, expected),
      lower: Math.max(0, expected - below),
      upper: Math.max(0, expected + above),
    };
  };
  return {
    kind: 'forecast',
    daysUsed: known.length,
    weekly,
    growthPerDay: line.slope,
    growthLower: line.slope - Z * line.slopeError,
    growthUpper: line.slope + Z * line.slopeError,
    weekdayEffects: effects,
    fitted: days.map(dayAt),
    days: Array.from({ length: horizon }, (_, index) => dayAt(lastDay + 1 + index)),
  };
}

export interface Crossing {
  /** When the expected value reaches it; null: not as far ahead as can be seen. */
  readonly expected: number | null;
  /** When the upper and the lower end of the band do. */
  readonly earliest: number | null;
  readonly latest: number | null;
}

/** The first days (since 1970) on which a forecast reaches a limit. */
export function crossingOf({ days }: Forecast, limit: number): Crossing {
  const first = (reached: (day: ForecastDay) => boolean) => days.find(reached)?.day ?? null;
  return {
    expected: first(({ expected }) => expected >= limit),
    earliest: first(({ upper }) => upper >= limit),
    latest: first(({ lower }) => lower >= limit),
  };
}

/** The 1st of January 1970 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 4) % WEEK) + WEEK) % WEEK;

interface RobustLine {
  readonly slope: number;
  /** Standard error of the slope, without regard to autocorrelation. */
  readonly slopeError: number;
  readonly middle: number;
  at(day: number): number;
}

/** Theil and Sen; the error of the slope by the ranks of Kendall's statistic (Sen 1968). */
function robustLine(days: readonly number[], values: readonly number[]): RobustLine {
  const n = days.length;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let count = 0;
  for (let later = 1; later < n; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      slopes[count++] = (values[later]! - values[earlier]!) / (days[later]! - days[earlier]!);
    }
  }
  slopes.sort();
  const slope = middleOf(slopes);
  const spread = Z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const [low, high] = [Math.floor((count - spread) / 2), Math.ceil((count + spread) / 2)];
  const width = slopes[Math.min(count - 1, high)]! - slopes[Math.max(0, low)]!;
  const intercept = median(values.map((value, index) => value - slope * days[index]!));
  const middle = median(days);
  return { slope, slopeError: width / (2 * Z), middle, at: (day) => intercept + slope * day };
}

/** Medians of what the days of a week differ from the line through all days; their own median is zero. */
function weekdayEffects(days: readonly number[], values: readonly number[]): number[] {
  const line = robustLine(days, values);
  const effects = Array.from({ length: WEEK }, (_, weekday) =>
    median(
      values
        .map((value, index) => value - line.at(days[index]!))
        .filter((_, index) => weekdayOf(days[index]!) === weekday),
    ),
  );
  const centre = median(effects);
  return effects.map((effect) => effect - centre);
}

/**
 * How far below and above the line 90 % of days lie: quantiles of what days differed until now, and the error of line
 * and slope, which grows with the distance. What one day differs hangs together with the day before: errors grow by
 * sqrt((1 + ρ) / (1 − ρ)).
 */
function bandOf(days: readonly number[], residuals: readonly number[], line: RobustLine) {
  const n = days.length;
  const sorted = Float64Array.from(residuals).sort();
  // Residuals of a line that was fitted to them are too small: by the degrees of freedom of line and week days.
  const widening = Math.sqrt(n / Math.max(1, n - 2 - (n >= DAYS_FOR_WEEKS ? WEEK - 1 : 0)));
  const tail = (1 - BAND_SHARE) / 2;
  const [low, high] = [quantile(sorted, tail) * widening, quantile(sorted, 1 - tail) * widening];
  const correlation = Math.min(AUTOCORRELATION_MAX, Math.max(0, autocorrelation(residuals)));
  const inflation = Math.sqrt((1 + correlation) / (1 - correlation));
  const sigma = MAD_TO_SIGMA * median(residuals.map(Math.abs));
  const levelError = (1.2533 * sigma * inflation) / Math.sqrt(n);
  const slopeError = line.slopeError * inflation;
  return (day: number) => {
    const error = Z * Math.hypot(levelError, slopeError * (day - line.middle));
    return { below: Math.hypot(Math.min(0, low), error), above: Math.hypot(Math.max(0, high), error) };
  };
}

function autocorrelation(values: readonly number[]): number {
  let [products, squares] = [0, 0];
  for (const [index, value] of values.entries()) {
    squares += value * value;
    if (index > 0) products += value * values[index - 1]!;
  }
  return squares === 0 ? 0 : products / squares;
}

function median(values: readonly number[]): number {
  return values.length === 0 ? 0 : middleOf(Float64Array.from(values).sort());
}

function middleOf(sorted: Float64Array): number {
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** With interpolation between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [low, high] = [sorted[below]!, sorted[Math.min(sorted.length - 1, below + 1)]!];
  return low + (high - low) * (place - below);
}
