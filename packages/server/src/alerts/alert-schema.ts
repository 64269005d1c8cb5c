/** Alerts and suppressions as the API answers them and as the state file keeps them. */
import { ALERT_SEVERITIES, ALERT_STATES, ALERT_SUBJECT_KINDS } from '@weir/analysis';
import { z } from 'zod';

export const subjectSchema = z.object({
  kind: z.enum(ALERT_SUBJECT_KINDS),
  value: z.string().min(1).max(400),
});

const evidenceSchema = z.object({
  formula: z.string(),
  numbers: z.array(
    z.object({
      name: z.string(),
      value: z.number(),
      unit: z.string().exactOptional(),
      threshold: z.number().exactOptional(),
      meaning: z.string(),
    }),
  ),
  filter: z.string().describe('the flows behind it, in the filter language'),
  from: z.string(),
  to: z.string(),
});

export const alertSchema = z.object({
  id: z.string(),
  detection: z.string(),
  title: z.string(),
  severity: z.enum(ALERT_SEVERITIES),
  score: z.number(),
  subject: subjectSchema,
  firstSeen: z.string(),
  lastSeen: z.string(),
  count: z.number().describe('how often it was found'),
  more: z
    .number()
    .describe('findings of the same detection that the cap kept from being alerts of their own'),
  state: z.enum(ALERT_STATES),
  openedAt: z.string(),
  changedAt: z.string(),
  by: z.string().exactOptional(),
  note: z.string().exactOptional(),
  evidence: evidenceSchema,
  explanation: z.string(),
});

/** What of the alerts is not looked at, until when; all that is said must fit. */
export const suppressionSchema = z.object({
  id: z.string(),
  detection: z.string().exactOptional(),
  subject: subjectSchema.exactOptional(),
  network: z.string().exactOptional(),
  reason: z.string(),
  until: z.string(),
  createdAt: z.string(),
  createdBy: z.string(),
  hits: z.number().describe('findings that it silenced'),
});
export type Suppression = z.infer<typeof suppressionSchema>;

export const ledgerStateSchema = z.object({
  version: z.literal(1),
  nextId: z.number().int(),
  alerts: z.array(alertSchema),
  suppressions: z.array(suppressionSchema),
});
export type LedgerState = z.infer<typeof ledgerStateSchema>;
