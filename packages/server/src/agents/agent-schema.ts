/** What agents and the server tell each other, and what the API tells of agents. */
import { z } from 'zod';

const text = (length: number) => z.string().max(length);
const count = z.number().min(0);

const interfaceSchema = z.object({ name: text(100), state: text(40), packets: count, kernelDrops: count });
const collectorSchema = z.object({
  name: text(300),
  state: text(40),
  flowsSent: count,
  flowsNotSent: count,
  spoolOctets: count,
  lastError: text(1000).optional(),
});

export const agentStatusSchema = z.object({
  version: text(40),
  state: z.enum(['starting', 'metering', 'waiting', 'disabled', 'stopping']),
  reason: text(1000).optional().describe('Why it is disabled, or what it waits for'),
  profileProblem: text(4000).optional().describe('Why the file is not in force: the profile before is'),
  startedAt: z.number().describe('Milliseconds since the epoch, by its own clock'),
  rates: z.object({ packets: count, octets: count, records: count }).describe('A second'),
  interfaces: z.array(interfaceSchema).max(1000),
  collectors: z.array(collectorSchema).max(100),
});

/** `FlowMetadata` with all its properties by name, defaults included; a secret is not in it. */
export const settingsSchema = z.record(text(60), z.unknown());

export const changeResultSchema = z.object({
  id: text(100),
  outcome: z.enum(['applied', 'refused', 'conflict']),
  message: text(4000),
});

export const reportSchema = z.object({
  name: text(255),
  platform: text(100),
  profile: text(1000),
  revision: text(64).optional(),
  settings: settingsSchema.optional(),
  status: agentStatusSchema,
  result: changeResultSchema.optional(),
});
export type AgentReport = z.infer<typeof reportSchema>;

export const enrolSchema = z.strictObject({
  token: text(200),
  name: text(255),
  platform: text(100),
  version: text(40),
});

export const editSchema = z.strictObject({
  basis: text(64).describe('The revision that was edited'),
  set: settingsSchema.default({}).describe('Properties and the values that they get'),
  unset: z.array(text(60)).max(100).default([]).describe('Properties that get their defaults again'),
});
export type SettingsEdit = z.infer<typeof editSchema>;

const editRecordSchema = z.object({
  id: z.string(),
  at: z.number(),
  by: z.string(),
  set: settingsSchema,
  unset: z.array(z.string()),
  outcome: z.enum(['waiting', 'applied', 'refused', 'conflict', 'withdrawn']),
  message: z.string(),
  endedAt: z.number().optional(),
});
export type EditRecord = z.infer<typeof editRecordSchema>;

export const agentSchema = z.object({
  id: z.string(),
  name: z.string(),
  platform: z.string(),
  enrolledAt: z.number(),
  enrolledBy: z.string().describe('Who made the token'),
  address: z.string().describe('Where it asked from last'),
  lastSeenAt: z.number().optional(),
  online: z.boolean(),
  profile: z.string().optional(),
  revision: z.string().optional(),
  settings: settingsSchema.optional(),
  status: agentStatusSchema.optional(),
  edits: z.array(editRecordSchema).describe('Newest first'),
});
export type AgentView = z.infer<typeof agentSchema>;

export const agentsAnswerSchema = z.object({
  now: z.number(),
  agents: z.array(agentSchema),
  /** Whether exporters elsewhere can enrol: over TLS only. */
  reachable: z.boolean(),
  whyNotReachable: z.string().optional(),
});

/** What is kept over a restart. */
export const registerSchema = z.object({
  version: z.literal(1),
  agents: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      platform: z.string(),
      secretHash: z.string(),
      enrolledAt: z.number(),
      enrolledBy: z.string(),
      lastSeenAt: z.number().optional(),
      address: z.string(),
      edits: z.array(editRecordSchema.extend({ basis: z.string() })),
    }),
  ),
  tokens: z.array(z.object({ hash: z.string(), expiresAt: z.number(), by: z.string() })),
});
export type RegisterState = z.infer<typeof registerSchema>;
