/** What people send and files hold of billing, as schemas; what of it makes sense, `analysis` checks. */
import { BILLING_MEASURES, PERCENTILE_CONVENTIONS, PLAN_KINDS } from '@weir/analysis';
import { z } from 'zod';

const NETWORKS_MAX = 64;
const FILTER_MAX = 8192;
const amount = z.string().max(30).describe('A decimal number as text, exact: 12.50');

const planSchema = z.strictObject({
  kind: z
    .enum(PLAN_KINDS)
    .describe('percentile and volume: by use, the commit at least; flat: a fee, and what is above'),
  measure: z
    .enum(BILLING_MEASURES)
    .describe('merged: in and out summed bin by bin; greater: the larger of both'),
  percentile: z.number().int().min(50).max(99).default(95),
  convention: z.enum(PERCENTILE_CONVENTIONS).default('nearest-rank'),
  currency: z.string().max(3).describe('Three capital letters of ISO 4217: EUR'),
  commit: amount.default('0').describe('Mbit/s (10^6 bits a second), of a volume GB (10^9 octets)'),
  rate: amount.default('0').describe('For each Mbit/s or GB'),
  overageRate: amount
    .exactOptional()
    .describe('For each Mbit/s or GB above the commit; the rate when not given'),
  fee: amount.default('0').describe('Of a flat plan: what the period costs'),
});

const directionSchema = z.discriminatedUnion('by', [
  z.strictObject({
    by: z.literal('networks').describe('in: to these networks from elsewhere; out: from them to elsewhere'),
    networks: z.array(z.string().max(60)).max(NETWORKS_MAX),
  }),
  z.strictObject({
    by: z.literal('interface').describe('in: came in by the interface; out: left by it'),
    exporter: z.string().min(1).max(60),
    ifIndex: z.number().int().min(0).max(4_294_967_295),
    meters: z.enum(['ingress', 'both']).default('ingress'),
  }),
  z.strictObject({
    by: z.literal('filters'),
    in: z.string().min(1).max(FILTER_MAX),
    out: z.string().min(1).max(FILTER_MAX),
  }),
]);

export const accountRequestSchema = z.strictObject({
  name: z.string().trim().min(1).max(80),
  filter: z.string().max(FILTER_MAX).default('').describe('Only flows that meet it count; empty: all'),
  direction: directionSchema,
  plan: planSchema,
  calendar: z
    .strictObject({
      startDay: z
        .number()
        .int()
        .min(1)
        .max(28)
        .default(1)
        .describe('Day of the month on which a period begins'),
      timeZone: z.string().max(60).default('UTC').describe('IANA name'),
    })
    .prefault({}),
});
export type AccountRequest = z.infer<typeof accountRequestSchema>;

export const accountSchema = accountRequestSchema.extend({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
});

export const accountsStateSchema = z.object({ version: z.literal(1), accounts: z.array(accountSchema) });

const chargeSchema = z.object({
  unit: z.enum(['Mbit/s', 'GB']),
  billed: z.string(),
  currency: z.string(),
  lines: z.array(
    z.object({
      label: z.enum(['fee', 'commit', 'overage']),
      quantity: z.string(),
      rate: z.string(),
      amount: z.string(),
    }),
  ),
  total: z.string(),
});

const correctionSchema = z.object({
  period: z.string(),
  before: z.string().describe('What was billed'),
  after: z.string().describe('What it would have been with the records that came late'),
  amount: z.string().describe('after − before'),
});
export type Correction = z.infer<typeof correctionSchema>;

/** The file of one account and period. Times are milliseconds since 1970. */
export const periodBinsSchema = z.object({
  version: z.literal(1),
  period: z.string(),
  fromMs: z.number(),
  toMs: z.number(),
  /** Octets of each bin, to a thousandth. */
  in: z.array(z.number()),
  out: z.array(z.number()),
  /** Records that were received before are counted: those of flows after `splitMs`, and those before. */
  throughMs: z.number(),
  lateThroughMs: z.number(),
  splitMs: z.number(),
  /** Where the rest that has to be read from the records begins; null when there is none. */
  pendingFromMs: z.number().nullable(),
  /** Bins before were reckoned when their records were gone already, in part or all of them. */
  observedFromMs: z.number(),
  /** Records that came when their bins were settled, and their octets. */
  lateRecords: z.number(),
  lateOctets: z.number(),
  /** Octets that are estimates, from so many sampled packets, at a rate of one in `rateMax` at most. */
  sampledOctets: z.number(),
  sampledPackets: z.number(),
  rateMax: z.number(),
  closed: z
    .object({
      atMs: z.number(),
      plan: planSchema,
      charge: chargeSchema,
      corrections: z.array(correctionSchema),
      /** What was billed for this period until now, corrections on later statements included. */
      billedTotal: z.string(),
      /** The account counts other flows now: what comes late corrects nothing here. */
      frozen: z.boolean(),
    })
    .nullable(),
});
export type PeriodBins = z.infer<typeof periodBinsSchema>;

const distanceSchema = z.object({
  binsPast: z.number(),
  binsLeft: z.number(),
  soFar: z.number(),
  atLeast: z.number(),
  expected: z.number(),
  commit: z.number(),
  state: z.enum(['within', 'expected', 'exceeded']),
  allowedAbove: z.number().optional(),
  binsAbove: z.number().optional(),
  mayUseMbit: z.number().nullable().describe('In each bin that is left; null: as much as you like'),
});

export const statementSchema = z.object({
  account: accountSchema,
  period: z.object({ name: z.string(), fromMs: z.number(), toMs: z.number() }),
  state: z.enum(['reading', 'running', 'closing', 'closed']),
  asOfMs: z.number().describe('Records that were received before are counted'),
  binsAll: z.number(),
  binsPast: z.number(),
  zeroBins: z.number(),
  discarded: z.number().describe('Bins that the percentile leaves out'),
  percentileMbit: z.object({ in: z.number(), out: z.number(), merged: z.number() }),
  volumeGb: z.object({ in: z.number(), out: z.number() }),
  charge: chargeSchema,
  corrections: z.array(correctionSchema),
  total: z.string(),
  distance: distanceSchema.nullable(),
  lateRecords: z.number(),
  lateOctets: z.number(),
  notes: z.array(z.string()),
  previous: z.array(
    z.object({
      period: z.string(),
      billed: z.string(),
      unit: z.string(),
      total: z.string(),
      state: z.string(),
    }),
  ),
  filters: z.object({ in: z.string(), out: z.string() }),
});
export type Statement = z.infer<typeof statementSchema>;

export const statementWithBinsSchema = statementSchema.extend({
  binMs: z.number(),
  bins: z
    .object({ in: z.array(z.number()), out: z.array(z.number()) })
    .describe('Octets of each bin that is past'),
});
