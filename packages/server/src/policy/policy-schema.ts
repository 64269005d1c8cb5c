/** What the API says of policies, as schemas: documented from them, and requests checked with them. */
import { DIRECTION_BASES, OUTCOMES } from '@weir/analysis';
import { z } from 'zod';
import { question } from '../parameters.ts';
import { trendDaySchema } from './policy-watch.ts';

const names = z.array(z.string());
const action = z.enum(['allow', 'deny']);
const group = z.object({
  name: z.string(),
  members: names.describe(
    '10.0.0.0/8, 10.0.0.1-10.0.0.9, peer:NAME, user:NAME, network:NAME, site:NAME, @LIST',
  ),
  comment: z.string().optional(),
});

export const documentSchema = z.object({
  version: z.literal(1),
  name: z.string().optional(),
  comment: z.string().optional(),
  groups: z.array(group),
  services: z.array(group.extend({ members: names.describe('tcp/443, udp/5000-5100, icmp/8, gre') })),
  rules: z.array(
    z.object({
      name: z.string(),
      from: names.describe('Names of groups, members of groups, or any'),
      to: names,
      services: names,
      action,
      expected: z.boolean().optional().describe('Must be seen'),
      firewall: z.string().optional().describe('What drop records call the rule that enforces it'),
      comment: z.string().optional(),
    }),
  ),
  default: action,
});

const problemSchema = z.object({
  path: z.string(),
  line: z.number().optional(),
  column: z.number().optional(),
  severity: z.enum(['error', 'warning']),
  message: z.string(),
});
export const versionSchema = z.object({
  version: z.number(),
  at: z.string(),
  by: z.string(),
  comment: z.string(),
});

export const policyAnswerSchema = z.object({
  document: documentSchema.nullable(),
  version: versionSchema.nullable(),
  file: z.string(),
  problems: z.array(problemSchema),
  watch: z.object({
    judgedToMs: z.number().nullable(),
    passes: z.number(),
    failures: z.number(),
    alerts: z.number(),
    skippedMs: z.number(),
    lastFailure: z.string().nullable(),
  }),
});
export const checkedSchema = z.object({
  document: documentSchema.nullable(),
  problems: z.array(problemSchema),
});
export const versionsSchema = z.object({ versions: z.array(versionSchema) });
export const trendSchema = z.object({ days: z.array(trendDaySchema) });
export const importedSchema = z.object({
  document: documentSchema,
  notMapped: z.array(z.object({ what: z.string(), reason: z.string() })),
  notes: names,
  problems: z.array(problemSchema),
});

const sums = z
  .object({
    connections: z.number(),
    answered: z.number().describe('Of these the other end answered'),
    records: z.number(),
    packets: z.number(),
    octets: z.number(),
    first: z.number().nullable(),
    last: z.number().nullable(),
  })
  .describe('Both directions; times are ms since the epoch');
const outcomes = z.object(
  Object.fromEntries(OUTCOMES.map((outcome) => [outcome, sums])) as Record<
    (typeof OUTCOMES)[number],
    typeof sums
  >,
);
const judged = {
  fromMs: z.number(),
  toMs: z.number(),
  records: z.number().describe('Read'),
  elapsedMs: z.number(),
  notes: names.describe('What limits the figures'),
};

export const matrixSchema = z.object({
  ...judged,
  version: versionSchema,
  matrix: z.object({
    groups: names,
    cells: z.array(
      outcomes.extend({
        from: z.string(),
        to: z.string(),
        missing: names.describe('Rules whose expected traffic was not seen'),
        droppedAllowed: sums,
        services: z.array(outcomes.extend({ service: z.string(), rules: names, firewall: names })),
      }),
    ),
    totals: outcomes,
    rules: z.array(
      z.object({
        name: z.string(),
        action,
        expected: z.boolean(),
        forwarded: sums,
        dropped: sums,
        neverHit: z.boolean(),
      }),
    ),
    byDefault: z.object({ forwarded: sums, dropped: sums }),
    firewall: z.array(z.object({ name: z.string(), dropped: sums, droppedAllowed: sums })),
    firewallNeverHit: names,
    expected: z.array(
      z.object({ rule: z.string(), from: z.string(), to: z.string(), seen: sums, dropped: sums }),
    ),
    connections: z.number(),
    bases: z.record(z.enum(DIRECTION_BASES), z.number()).describe('How it was found out who began'),
    unsure: z.number(),
    mixed: z.number(),
    related: z.number(),
    rest: z.number(),
    notes: names,
  }),
});

export const evidenceSchema = z.object({
  pairs: z.array(
    z.object({
      fromAddr: z.string(),
      toAddr: z.string(),
      fromName: z.string().nullable(),
      toName: z.string().nullable(),
      protocol: z.number(),
      value: z.number().describe('Port; of ICMP type × 256 + code'),
      forwarded: sums,
      dropped: sums,
      rule: z.string().nullable(),
      rules: z.number(),
      direction: z.enum(DIRECTION_BASES),
      filter: z.string(),
    }),
  ),
  pairCount: z.number(),
  sources: z.number(),
  destinations: z.number(),
  filter: z.string().describe('The flows of the cell'),
  exact: z.boolean().describe('False: the filter lets through other flows, too'),
  kind: z.enum(['forwarded', 'dropped', 'all']),
});

const stand = z.enum(['allow', 'deny', 'nothing']);
export const changeSchema = z.object({
  ...judged,
  change: z.object({
    lines: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        service: z.string(),
        before: stand,
        after: stand,
        ruleBefore: z.string(),
        ruleAfter: z.string(),
        was: z.enum(['forwarded', 'dropped']),
        sums,
      }),
    ),
    more: z.number(),
    newlyDenied: sums,
    newlyAllowed: sums,
    legalised: sums,
    hits: z.array(z.object({ rule: z.string(), forwarded: sums, dropped: sums })),
  }),
});

export const sourcesSchema = z.object({
  sources: z.array(
    z.object({
      rule: z.string(),
      srcAddr: z.string(),
      name: z.string().nullable(),
      records: z.number(),
      destinations: z.number(),
      packets: z.number(),
      octets: z.number(),
      first: z.number().nullable(),
      last: z.number().nullable(),
    }),
  ),
});

const NAME_MAX = 200;
const windowShape = { filter: question.filter, last: question.last, from: question.from, to: question.to };
export const windowParameters = z.strictObject(windowShape);
export const cellParameters = z.strictObject({
  ...windowShape,
  source: z.string().max(NAME_MAX).optional().describe('Group of who began; any when not given'),
  destination: z.string().max(NAME_MAX).optional(),
  service: z.string().max(NAME_MAX).optional(),
  rule: z.string().max(NAME_MAX).optional().describe('Rule of the policy, or (default)'),
  outcome: z.enum(OUTCOMES).optional(),
});
export const trendParameters = z.strictObject({
  days: z
    .string()
    .regex(/^\d{1,3}$/, 'expected a number of days')
    .transform(Number)
    .default(90),
});
export const versionParameters = z.object({
  version: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
});

export const saveBody = z.strictObject({
  document: z.unknown().describe('The policy'),
  comment: z.string().max(500).default(''),
  basedOn: z.number().int().min(0).describe('The version that was edited; 0: there was none'),
});
export const checkBody = z.strictObject({
  text: z.string().optional().describe('The text of a file: problems have lines'),
  document: z.unknown().optional(),
});
export const importBody = z.strictObject({
  from: z.enum(['nftables', 'csv']),
  text: z.string(),
  self: z.array(z.string()).max(100).default([]).describe('Addresses of the machine of the firewall'),
  interfaces: z.record(z.string(), z.array(z.string()).max(1000)).default({}),
});
/** A policy, or one more rule of the policy that there is. */
export const changeBody = z.strictObject({
  document: z.unknown().optional(),
  rule: z.unknown().optional(),
  position: z.number().int().min(0).optional().describe('Where the rule goes: 0 is before all'),
  ...windowShape,
});
export const changeEvidenceBody = changeBody.extend({
  line: z.strictObject({
    from: z.string(),
    to: z.string(),
    service: z.string(),
    was: z.enum(['forwarded', 'dropped']),
  }),
});
