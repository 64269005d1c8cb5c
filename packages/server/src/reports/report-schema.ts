/** Definitions and runs of reports, as schemas. */
import { REPORT_INTERVALS } from '@weir/analysis';
import { z } from 'zod';

const FILTER_MAX = 8192;
const dimensions = z.array(z.string().max(100)).max(4);
const measure = z.enum(['octets', 'packets', 'flows']);

export const sectionSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('talkers').describe('The largest groups, with what they had in the period before'),
    by: dimensions.min(1).default(['srcAddr']),
    filter: z.string().max(FILTER_MAX).default(''),
    orderBy: measure.default('octets'),
    limit: z.number().int().min(1).max(100).default(10),
  }),
  z.strictObject({
    kind: z.literal('traffic').describe('Traffic over time, and the sums against the period before'),
    by: dimensions.default([]),
    filter: z.string().max(FILTER_MAX).default(''),
    limit: z.number().int().min(1).max(8).default(5),
  }),
  z.strictObject({
    kind: z.literal('drops').describe('What was dropped, by rule'),
    filter: z.string().max(FILTER_MAX).default(''),
    limit: z.number().int().min(1).max(100).default(10),
  }),
  z.strictObject({ kind: z.literal('alerts').describe('Alerts that were seen in the period') }),
  z.strictObject({ kind: z.literal('policy').describe('What was seen against the policy') }),
  z.strictObject({
    kind: z.literal('billing').describe('The current statement'),
    account: z.string().max(80),
  }),
  z.strictObject({ kind: z.literal('capacity').describe('The fullest interfaces and when they are full') }),
]);
export type ReportSection = z.infer<typeof sectionSchema>;

export const REPORT_FORMATS = ['pdf', 'html', 'csv'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

const mailAddress = z
  .string()
  .max(320)
  .regex(/^[^\s@<>]+@[^\s@<>]+$/, 'an address like noc@example.net');

export const reportRequestSchema = z.strictObject({
  name: z.string().trim().min(1).max(80),
  enabled: z.boolean().default(true).describe('Whether it is made by the clock'),
  schedule: z
    .strictObject({
      every: z
        .enum(REPORT_INTERVALS)
        .default('weekly')
        .describe('Reports the day, seven days or month before'),
      weekday: z.number().int().min(0).max(6).default(1).describe('Of weekly ones; 0 is Sunday'),
      day: z.number().int().min(1).max(28).default(1).describe('Of monthly ones'),
      minute: z.number().int().min(0).max(1439).default(420).describe('Past midnight'),
      timeZone: z.string().max(60).default('UTC').describe('IANA name'),
    })
    .prefault({}),
  sections: z.array(sectionSchema).min(1).max(20),
  formats: z.array(z.enum(REPORT_FORMATS)).min(1).max(3).default(['pdf']),
  sendTo: z.array(mailAddress).max(20).default([]).describe('E-mail addresses; empty: it is kept only'),
  keep: z.number().int().min(1).max(100).default(12).describe('How many are kept'),
});

export const reportSchema = reportRequestSchema.extend({ id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/) });
export type ReportDefinition = z.infer<typeof reportSchema>;

export const runSchema = z.object({
  id: z.string().regex(/^[0-9]{8}T[0-9]{6}(-[0-9]+)?$/),
  report: z.string(),
  /** When it was due; when it was asked for by hand: then. */
  dueMs: z.number(),
  madeMs: z.number(),
  fromMs: z.number(),
  toMs: z.number(),
  cause: z.enum(['clock', 'missed', 'hand']),
  state: z.enum(['made', 'failed']),
  error: z.string(),
  formats: z.array(z.enum(REPORT_FORMATS)),
  octets: z.number(),
  delivery: z.object({
    state: z.enum(['none', 'waiting', 'sent', 'givenUp']),
    to: z.array(z.string()),
    attempts: z.number(),
    dueMs: z.number(),
    error: z.string(),
  }),
});
export type ReportRun = z.infer<typeof runSchema>;

export const reportsStateSchema = z.object({
  version: z.literal(1),
  reports: z.array(reportSchema),
  /** By id of the report: when the newest that was made by the clock was due. */
  lastDueMs: z.record(z.string(), z.number()),
  runs: z.array(runSchema),
});
export type ReportsState = z.infer<typeof reportsStateSchema>;

export const reportsAnswerSchema = z.object({
  reports: z.array(
    reportSchema.extend({ nextDueMs: z.number().nullable(), runs: z.array(runSchema), running: z.boolean() }),
  ),
  mail: z.boolean().describe('Whether a mail server is known'),
});
