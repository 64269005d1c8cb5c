/** What may be asked in a URL, as schemas: validated with them, documented from them. */
import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const RANGE_MS_DEFAULT = 15 * 60_000;
/** Ten years: beyond, somebody mistook seconds for milliseconds. */
const RANGE_MS_MAX = 3650 * 86_400_000;

const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}[smhd]$/, 'expected a duration such as 90s, 15m, 6h or 7d')
  .transform((text) => Number(text.slice(0, -1)) * (UNIT_MS[text.slice(-1)] ?? 0));

const instant = z
  .string()
  .transform((text) => (/^\d+$/.test(text) ? Number(text) : Date.parse(text)))
  .refine((timeMs) => Number.isSafeInteger(timeMs), 'expected ISO 8601 or milliseconds since the epoch');

const count = (max: number, standard: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, `expected a number from 1 to ${max}`)
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, `expected a number from 1 to ${max}`)
    .default(standard);

const names = (standard: string) =>
  z
    .string()
    .max(400)
    .default(standard)
    .transform((text) =>
      text
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    )
    .refine((list) => list.length <= 8, 'expected at most 8 dimensions');

export const question = {
  filter: z.string().max(8192).default('').describe('Filter language; empty: all flows'),
  last: duration.optional().describe('A window that ends now: 90s, 15m, 6h, 7d'),
  from: instant.optional().describe('Start of the window: ISO 8601 or ms since the epoch'),
  to: instant.optional().describe('End of the window, exclusive; now when it is not given'),
};
const orderBy = z.enum(['octets', 'packets', 'flows']).default('octets').describe('What ranks');
const flag = z
  .enum(['true', 'false', '1', '0'])
  .transform((text) => text === 'true' || text === '1')
  .optional();
const counting = {
  deduplicated: flag.describe('Leave out records of packets that another observation point told of'),
  scaled: flag.describe('Multiply octets and packets by the sampling rate'),
};

export const queryParameters = z.strictObject({
  ...question,
  by: names('srcAddr,dstAddr').describe('Dimensions, separated by commas'),
  top: count(10_000, 10).describe('Rows'),
  orderBy: z.string().max(100).default('octets').describe('A measure: octets, packets, flows, bps, bps95, …'),
  measures: names('').describe('More measures, separated by commas'),
  previous: flag.describe('Also the sums of the period before'),
  ...counting,
});

export const seriesParameters = z.strictObject({
  ...question,
  by: names('protocol').describe('Dimensions, separated by commas'),
  top: count(50, 8).describe('Lines; the rest is one more line'),
  points: count(2000, 200).describe('Steps at most'),
  orderBy,
  ...counting,
});

export const flowsParameters = z.strictObject({
  ...question,
  limit: count(1000, 50).describe('Records'),
  cursor: z.string().max(200).optional().describe('`next` of the page before'),
});

export const valuesParameters = z.strictObject({
  field: z.string().max(200).describe('A field, or a dimension of either side such as host'),
  prefix: z.string().max(200).default('').describe('Only values that begin so'),
  last: question.last,
  from: question.from,
  to: question.to,
  limit: count(1000, 50).describe('Values'),
});

/** Without a time: all records. */
export const sqlParameters = z.strictObject({
  sql: z.string().max(100_000).describe('One SELECT of DuckDB'),
  last: question.last,
  from: question.from,
  to: question.to,
});

export const pulseParameters = z.strictObject({ filter: question.filter });

export const liveParameters = z.strictObject({
  filter: question.filter,
  last: question.last,
  by: names('protocol').describe('Dimensions of the series'),
  top: count(50, 8).describe('Lines of the series'),
  points: count(2000, 200).describe('Steps of the series at most'),
  topBy: names('srcAddr').describe('Dimensions of the top talkers'),
  topRows: count(100, 10).describe('Rows of the top talkers'),
  limit: count(200, 50).describe('Newest records'),
  orderBy,
});

export interface TimeWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A parameter that was understood but cannot be answered. */
export class ParameterError extends Error {
  override readonly name = 'ParameterError';
}

/** The window that is meant: [from, to), the last 15 minutes when nothing is said. Throws ParameterError. */
export function timeWindow(
  parameters: { last?: number | undefined; from?: number | undefined; to?: number | undefined },
  nowMs: number,
): TimeWindow {
  const { last, from, to } = parameters;
  if (last !== undefined && from !== undefined)
    throw new ParameterError('last: give either last or from, not both');
  const toMs = to ?? nowMs;
  const fromMs = from ?? toMs - (last ?? RANGE_MS_DEFAULT);
  if (fromMs >= toMs) throw new ParameterError('from: the window has to start before it ends');
  if (toMs - fromMs > RANGE_MS_MAX) throw new ParameterError('from: the window is longer than ten years');
  return { fromMs: Math.max(0, fromMs), toMs };
}
