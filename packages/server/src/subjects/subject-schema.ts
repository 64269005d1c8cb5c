/** What the API tells of a host, user or peer. */
import { z } from 'zod';

const text = z.string().nullable();
const traffic = { sent: z.number(), received: z.number(), flows: z.number() };

export const subjectListAnswer = z.object({
  from: z.number(),
  to: z.number(),
  kind: z.enum(['host', 'user', 'peer']),
  why: z.string().nullable(),
  rows: z.array(
    z.object({
      value: z.string(),
      name: text,
      network: text,
      ...traffic,
      drops: z.number(),
      firstMs: z.number(),
      lastMs: z.number(),
      firstSeenMs: z.number().nullable().describe('Since when it is known; null where nothing is kept'),
      isNew: z.boolean().describe('First seen within the last week'),
    }),
  ),
  tookMs: z.number(),
});

export const subjectAnswer = z.object({
  kind: z.enum(['host', 'user', 'peer']),
  value: z.string(),
  filter: z.string(),
  from: z.number(),
  to: z.number(),
  historyFrom: z.number(),
  sightings: z
    .object({ firstMs: z.number(), lastMs: z.number() })
    .nullable()
    .describe('First and last time, as far as is remembered'),
  names: z.array(z.object({ kind: z.string(), value: z.string(), octets: z.number(), lastMs: z.number() })),
  addresses: z.array(
    z.object({
      address: z.string(),
      name: text,
      octets: z.number(),
      flows: z.number(),
      firstMs: z.number(),
      lastMs: z.number(),
    }),
  ),
  stepMs: z.number(),
  times: z.array(z.number()),
  series: z.object({ sent: z.array(z.number()), received: z.array(z.number()), flows: z.array(z.number()) }),
  totals: z.object(traffic),
  peers: z.array(
    z.object({
      address: z.string(),
      name: text,
      peer: text,
      user: text,
      country: text,
      network: text,
      ...traffic,
      sessions: z.number(),
      firstMs: z.number().nullable().describe('First time within the history'),
      isNew: z.boolean().describe('Nothing with it in the history before the range'),
    }),
  ),
  peerCounts: z.object({ all: z.number(), fresh: z.number() }),
  services: z.array(
    z.object({
      role: z.enum(['client', 'server']),
      service: z.string(),
      application: text,
      filter: z.string(),
      ...traffic,
      sessions: z.number(),
      others: z.number().describe('With how many others'),
      firstMs: z.number().nullable(),
      isNew: z.boolean(),
    }),
  ),
  uses: z
    .array(z.object({ service: z.string(), firstMs: z.number(), lastMs: z.number() }))
    .describe('Every use of a service that is remembered, beyond the range'),
  countries: z.array(z.object({ country: z.string(), ...traffic })),
  drops: z.array(
    z.object({
      rule: text,
      dropReason: z.number().nullable(),
      from: z.boolean(),
      service: z.string(),
      flows: z.number(),
      packets: z.number(),
    }),
  ),
  activity: z.object({
    weeks: z.number(),
    cells: z
      .array(z.object({ hours: z.number(), active: z.number(), octets: z.number() }))
      .describe('168, from Monday 00:00 UTC'),
    unusual: z.array(
      z.object({
        hourMs: z.number(),
        hours: z.number(),
        active: z.number(),
        chance: z.number(),
        octets: z.number(),
      }),
    ),
  }),
  performance: z
    .object({
      samples: z.number(),
      roundTripP50: z.number().nullable(),
      roundTripP95: z.number().nullable(),
      retransmittedShare: z.number().nullable(),
    })
    .nullable(),
  sessions: z.array(z.record(z.string(), z.unknown())),
  alerts: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      severity: z.string(),
      state: z.string(),
      lastSeen: z.string(),
      detection: z.string(),
    }),
  ),
  tookMs: z.number(),
});
