/** What hours of the week are like: medians over weeks, 24 hours of seven days, Monday first. */

const HOURS = 168;
/** The first Monday of 1970, in hours. */
const FIRST_MONDAY_HOUR = 4 * 24;

/** `values` are of consecutive hours (UTC), the first of which is `firstHour` since 1970; null: unknown. */
export function hourOfWeekProfile(firstHour: number, values: readonly (number | null)[]): (number | null)[] {
  const byHour: number[][] = Array.from({ length: HOURS }, () => []);
  for (const [index, value] of values.entries()) {
    const hour = (((firstHour + index - FIRST_MONDAY_HOUR) % HOURS) + HOURS) % HOURS;
    if (value !== null) byHour[hour]!.push(value);
  }
  return byHour.map((list) => (list.length === 0 ? null : list.sort((a, b) => a - b)[list.length >> 1]!));
}
