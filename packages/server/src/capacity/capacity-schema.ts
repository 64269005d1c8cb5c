/** What files hold and people send of capacity, as schemas. Rates are Mbit/s (10^6 bits a second). */
import { z } from 'zod';

const exporter = z.string().min(1).max(60);
const ifIndex = z.number().int().min(0).max(4_294_967_295);
const speedMbit = z.number().positive().max(100_000_000);
const memberSchema = z.strictObject({ exporter, ifIndex });

export const settingsSchema = z.strictObject({
  version: z.literal(1).default(1),
  thresholdPercent: z.number().int().min(1).max(100).default(80).describe('Of the speed: what "full" means'),
  alertDays: z
    .number()
    .int()
    .min(0)
    .max(365)
    .default(30)
    .describe('Alert when it is reached in so many days; 0: never'),
  interfaces: z
    .array(
      memberSchema.extend({ name: z.string().max(80).default(''), speedMbit: speedMbit.exactOptional() }),
    )
    .max(2000)
    .default([]),
  exporters: z.array(z.strictObject({ exporter, speedMbit })).max(500).default([]),
  links: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
        name: z.string().trim().min(1).max(80),
        speedMbit: speedMbit.exactOptional().describe('The sum of its interfaces when not given'),
        members: z.array(memberSchema).min(1).max(64),
      }),
    )
    .max(200)
    .default([]),
});
export type CapacitySettings = z.infer<typeof settingsSchema>;

const dayFiguresSchema = z.object({ p95: z.number(), max: z.number(), mean: z.number() });
const daySchema = z.object({
  /** Since 1970, UTC. */
  day: z.number(),
  /** Bins of 5 minutes in hours in which anything was received. */
  bins: z.number(),
  in: dayFiguresSchema,
  out: dayFiguresSchema,
});
export type CapacityDay = z.infer<typeof daySchema>;

export const subjectSchema = z.object({
  version: z.literal(1),
  key: z.string(),
  kind: z.enum(['interface', 'link', 'exporter']),
  exporter: z.string(),
  ifIndex: z.number().nullable(),
  /** As records name it; of a link its name. */
  name: z.string(),
  throughMs: z.number(),
  days: z.array(daySchema),
  /** The day that runs: its bins in order; null: nothing was received at all. */
  today: z.object({
    day: z.number(),
    in: z.array(z.number().nullable()),
    out: z.array(z.number().nullable()),
  }),
  /** Means of the last hours. */
  hours: z.object({
    firstHour: z.number(),
    in: z.array(z.number().nullable()),
    out: z.array(z.number().nullable()),
  }),
});
export type CapacitySubject = z.infer<typeof subjectSchema>;

const crossingSchema = z.object({
  expected: z.string().nullable(),
  earliest: z.string().nullable(),
  latest: z.string().nullable(),
});

const forecastDaySchema = z.object({
  day: z.string(),
  expected: z.number(),
  lower: z.number(),
  upper: z.number(),
});

const outlookSchema = z.object({
  state: z.enum(['forecast', 'short', 'noSpeed']),
  daysUsed: z.number(),
  daysNeeded: z.number(),
  weekly: z.boolean(),
  growthPerDay: z.number(),
  growthLower: z.number(),
  growthUpper: z.number(),
  crossing: crossingSchema.nullable().describe('When the threshold is reached; null without a speed'),
  horizonDays: z.number(),
});

const wayFields = {
  p95: z.number().nullable(),
  max: z.number().nullable(),
  mean: z.number().nullable(),
  utilisation: z.number().nullable(),
};
const waySchema = z.object({ ...wayFields, outlook: outlookSchema });

export const summarySchema = z.object({
  key: z.string(),
  kind: z.enum(['interface', 'link', 'exporter']),
  name: z.string(),
  exporter: z.string(),
  ifIndex: z.number().nullable(),
  speedMbit: z.number().nullable(),
  days: z.number(),
  lastDay: z.string().nullable().describe('The last whole day; figures are of it'),
  in: waySchema,
  out: waySchema,
  filter: z.string().describe('Its flows, in the filter language'),
});
export type CapacitySummary = z.infer<typeof summarySchema>;

export const overviewSchema = z.object({
  settings: settingsSchema,
  throughMs: z.number().nullable(),
  subjects: z.array(summarySchema),
  turnedAway: z.number().describe('Interfaces that are not followed because there are too many'),
});

const wayDetailSchema = z.object({
  days: z.array(
    z.object({ day: z.string(), p95: z.number(), max: z.number(), mean: z.number(), complete: z.boolean() }),
  ),
  fitted: z.array(forecastDaySchema),
  forecast: z.array(forecastDaySchema),
  profile: z
    .array(z.number().nullable())
    .describe('168 hours of the week (UTC), Monday first: median of means'),
  weekdayEffects: z.array(z.number()),
});

export const detailSchema = summarySchema.extend({
  thresholdPercent: z.number(),
  bandShare: z.number(),
  series: z.object({ in: wayDetailSchema, out: wayDetailSchema }),
});
export type CapacityDetail = z.infer<typeof detailSchema>;
