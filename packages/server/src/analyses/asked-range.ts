/** The time range and the filter that routes of analyses are asked with. */
import { type FlowFilter, listNamesIn, type TimeRange } from '@weir/analysis';
import { UserError } from '@weir/base';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { rowFilterOf } from '../access/identity.ts';
import { bothFilters } from '../access/row-filter.ts';

/** Longer ranges are for roll-ups and reports: analyses read records. */
const RANGE_MAX_MS = 92 * 86_400_000;
const RANGE_DEFAULT_MS = 3_600_000;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const instantSchema = z
  .string()
  .max(40)
  .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
  .refine(
    (timeMs) => Number.isSafeInteger(timeMs) && timeMs >= 0,
    'expected ISO 8601 or milliseconds since the epoch',
  );

export const askedRange = {
  last: z
    .string()
    .regex(/^[1-9]\d{0,8}[smhd]$/, 'expected a duration such as 90s, 15m, 6h or 7d')
    .transform((text) => Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0))
    .optional()
    .describe('A window that ends now: 90s, 15m, 6h, 7d'),
  from: instantSchema.optional().describe('Start of the window: ISO 8601 or ms since the epoch'),
  to: instantSchema.optional().describe('End of the window, exclusive; now when it is not given'),
  filter: z.string().max(8192).default('').describe('Filter language; empty: all flows'),
};

export const limitSchema = (max: number, standard: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, `expected a number from 1 to ${max}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, `expected a number from 1 to ${max}`)
    .default(standard);

/** The last hour when nothing is said. Throws UserError `range_invalid`. */
export function rangeAsked(
  asked: { last?: number | undefined; from?: number | undefined; to?: number | undefined },
  nowMs: number,
): TimeRange {
  const toMs = asked.to ?? Math.floor(nowMs / 1000) * 1000;
  const fromMs = asked.from ?? toMs - (asked.last ?? RANGE_DEFAULT_MS);
  if (asked.last !== undefined && asked.from !== undefined)
    throw new UserError('range_invalid', 'give either last or from, not both');
  if (fromMs >= toMs) throw new UserError('range_invalid', 'from: the window has to start before it ends');
  if (toMs - fromMs > RANGE_MAX_MS)
    throw new UserError('range_invalid', 'from: the window is longer than 92 days');
  return { fromMs: Math.max(0, fromMs), toMs };
}

/** The lines of a named list; undefined when there is none. */
export type ReadList = (name: string) => readonly string[] | undefined;

/** What is asked for, within what who asks may see. Throws FilterError. */
export function filterAsked(
  request: Pick<FastifyRequest, 'identity'>,
  text: string,
  readList: ReadList | undefined,
): FlowFilter {
  const both = bothFilters(rowFilterOf(request), text);
  const lists: Record<string, readonly string[]> = {};
  for (const name of listNamesIn(both)) {
    const lines = readList?.(name);
    if (lines !== undefined) lists[name] = lines;
  }
  return { text: both, lists };
}

/** So many steps at most, of a round length. */
export function stepOf({ fromMs, toMs }: TimeRange, stepsMax: number): number {
  const wanted = (toMs - fromMs) / stepsMax;
  return ROUND_STEPS_MS.find((step) => step >= wanted) ?? Math.ceil(wanted / 86_400_000) * 86_400_000;
}

const ROUND_STEPS_MS = [
  1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000,
  43_200_000, 86_400_000,
];

/** Starts of the steps of a range, aligned to the epoch. */
export function stepsOf({ fromMs, toMs }: TimeRange, stepMs: number): number[] {
  const first = Math.floor(fromMs / stepMs) * stepMs;
  return Array.from({ length: Math.ceil((toMs - first) / stepMs) }, (_, index) => first + index * stepMs);
}
