/**
 * Where the newest records that a plan asks for begin. All columns of a record cost thirty times as much to read as
 * those that a filter needs; so the ends of the matching records are looked for first, newest first, and whole records
 * are only read between the oldest and the newest of these.
 */
import { parseCursor, type RecordsPlan, type TimeRange } from '@weir/analysis';

/** The first look; each further one goes four times as far back. */
const FIRST_SPAN_MS = 600_000;
const SPAN_FACTOR = 4;

/** The ends of at most `limit` records of a plan in a time range, newest first, as epoch milliseconds. */
export type FindEnds = (timeRange: TimeRange, limit: number) => Promise<readonly number[]>;

/** The plan with a time range that still has all of its records, and few others. `newestMs`: of all records. */
export async function newestRecords(
  plan: RecordsPlan,
  newestMs: number,
  findEnds: FindEnds,
): Promise<RecordsPlan> {
  const { fromMs, toMs } = plan.timeRange;
  const cursor = plan.cursor === undefined ? undefined : parseCursor(plan.cursor);
  let wanted = plan.limit + (cursor?.skip ?? 0);
  let untilMs = Math.min(toMs, newestMs + 1, (cursor?.beforeMs ?? toMs) + 1);
  const found: TimeRange[] = [];
  for (let spanMs = FIRST_SPAN_MS; untilMs > fromMs; spanMs *= SPAN_FACTOR) {
    const sinceMs = Math.max(fromMs, untilMs - spanMs);
    const ends = await findEnds({ fromMs: sinceMs, toMs: untilMs }, wanted);
    const [lastMs, firstMs = lastMs] = [ends[0], ends.at(-1)];
    if (lastMs !== undefined && firstMs !== undefined) found.push({ fromMs: firstMs, toMs: lastMs + 1 });
    wanted -= ends.length;
    if (wanted <= 0) break;
    untilMs = sinceMs;
  }
  // A range is never empty.
  const begin = found.at(-1)?.fromMs ?? fromMs;
  const end = found[0]?.toMs ?? fromMs + 1;
  return { ...plan, timeRange: { fromMs: begin, toMs: end } };
}
