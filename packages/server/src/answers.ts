/**
 * What the API answers, as schemas: the source of the OpenAPI document. Console and clients read these
 * shapes.
 */
import { z } from 'zod';

const value = z
  .union([z.string(), z.number(), z.null()])
  .describe('Text, a number, or null where the record had none');
const timeMs = z.number().describe('Milliseconds since the Unix epoch');

export const measuresSchema = z.object({ octets: z.number(), packets: z.number(), flows: z.number() });

export const seriesAnswerSchema = z.object({
  from: timeMs,
  to: timeMs,
  stepMs: z.number(),
  by: z.array(z.string()).describe('Dimensions of the keys, in order'),
  times: z.array(timeMs).describe('Starts of the steps'),
  series: z.array(
    z.object({
      key: z.array(value).nullable().describe('Values of the dimensions; null: all the rest together'),
      octets: z.array(z.number()).describe('Sum for each step'),
      packets: z.array(z.number()),
      flows: z.array(z.number()),
    }),
  ),
  tookMs: z.number(),
  sql: z.string().optional().describe('What the store was asked'),
});

export const planSourceSchema = z.object({
  source: z.enum(['raw', 'rollup']),
  level: z.string().optional(),
  cube: z.string().optional(),
  stepMs: z.number().optional(),
  why: z.string().describe('For people'),
  errorShare: z.number().optional().describe('The most that a group can lack, as a share of the total'),
  rows: z.number().describe('Rows read, about'),
  octets: z.number().describe('Octets of the files that hold them'),
});

export const queryAnswerSchema = z.object({
  from: timeMs,
  to: timeMs,
  by: z.array(z.string()),
  rows: z.array(z.record(z.string(), value)).describe('The dimensions by name, and octets, packets, flows'),
  total: measuresSchema.describe('Sums over all flows of the question, also those beyond the rows'),
  tookMs: z.number(),
  sql: z.string().describe('What the store was asked'),
  notes: z.array(z.string()).describe('What counts and what not'),
  source: planSourceSchema,
});

export const flowsAnswerSchema = z.object({
  flows: z
    .array(z.record(z.string(), value))
    .describe('Records, newest first, each field by its name; fields that a record has not are left out'),
  next: z.string().nullable().describe('Cursor of the next, older page; null at the end'),
  tookMs: z.number(),
  sql: z.string().optional().describe('What the store was asked'),
});

export const valuesAnswerSchema = z.object({
  field: z.string(),
  values: z
    .array(z.object({ value: z.union([z.string(), z.number()]), flows: z.number(), octets: z.number() }))
    .describe('Most frequent first'),
});

export const listsAnswerSchema = z.object({
  lists: z.array(z.string()).describe('Names of the lists that a filter may name with @'),
});

export const pulseSchema = measuresSchema.extend({
  at: timeMs,
  windowMs: z.number().describe('The sums are over this long, ending at `at`'),
  exporters: z.number().describe('Exporters with at least one record in that time'),
});

const meteringSchema = z.union([
  z.object({
    state: z.literal('on'),
    interfaces: z.array(
      z.object({
        name: z.string(),
        state: z.enum(['up', 'down', 'gone']),
        packets: z.number(),
        kernelDrops: z.number().describe('Packets never metered because the meter was behind'),
      }),
    ),
    openFlows: z.number(),
  }),
  z.object({
    state: z.literal('off'),
    reason: z.string(),
    howToGrant: z
      .string()
      .optional()
      .describe('What removes the reason; a command line in it stands in double quotes'),
  }),
]);

const fileSourceSchema = z.object({
  path: z.string(),
  taken: z.number().describe('Files read to the end since the start, those with a problem included'),
  failed: z.number(),
  waiting: z.number(),
  unfinished: z.number().describe('Still being written'),
  problem: z.string().optional().describe('Why no file can be taken now'),
  current: z.string().optional().describe('What is being read'),
  recent: z.array(
    z.object({
      name: z.string(),
      packets: z.number(),
      records: z.number(),
      problem: z.string().optional().describe('Why not all of it could be taken'),
      atMs: timeMs,
    }),
  ),
});

const relaySchema = z.object({
  datagrams: z.number().describe('Handed over for sending, to all destinations together'),
  dropped: z.number().describe('Not relayed because sending was behind'),
  oversized: z.number().describe('Messages of a stream that no datagram can hold'),
  templateMessages: z.number(),
  destinations: z.array(
    z.object({
      address: z.string(),
      port: z.number(),
      sent: z.number(),
      sentOctets: z.number(),
      sampledOut: z.number(),
      refused: z.number().describe('Given up because the kernel took them too slowly'),
      failed: z.number().describe('Not sent, or answered with an error'),
      problem: z.string().optional().describe('The latest error'),
    }),
  ),
});

export const statusAnswerSchema = z.object({
  version: z.string(),
  now: timeMs,
  startedAt: timeMs,
  demo: z.boolean(),
  metering: meteringSchema,
  listeners: z.array(
    z.object({
      source: z.string(),
      transport: z.string(),
      address: z.string(),
      port: z.number(),
      state: z.enum(['listening', 'failed']),
      problem: z.string().optional(),
      remarks: z
        .array(z.string())
        .optional()
        .describe('What is not as its operator may think, a sentence each'),
      files: fileSourceSchema.optional().describe('Only of a source file path'),
      relay: relaySchema.optional().describe('Only of a source that forwards'),
      datagrams: z.number().describe('Over TCP and TLS messages'),
      kernelDrops: z.number(),
      refused: z
        .array(z.object({ version: z.number(), datagrams: z.number() }))
        .optional()
        .describe("Datagrams of versions that the source's type does not accept; 0: no export protocol"),
      connections: z
        .array(
          z.object({
            address: z.string(),
            port: z.number(),
            subject: z.string().optional().describe('Name in the certificate of the exporter'),
            sinceMs: timeMs,
            lastMessageMs: timeMs,
            octets: z.number(),
            messages: z.number(),
            records: z.number().describe('Flow records taken from this connection'),
          }),
        )
        .optional()
        .describe('Open connections of exporters, over TCP and TLS'),
    }),
  ),
  exporters: z.array(
    z.object({
      address: z.string(),
      observationDomainId: z.number(),
      source: z.string(),
      version: z.number(),
      records: z.number(),
      recordsPerSecond: z.number(),
      lost: z.number().describe('By sequence numbers: records, of NetFlow v9 messages'),
      lastSeenAt: timeMs,
    }),
  ),
  store: z.object({
    dataDirectory: z.string(),
    records: z.number(),
    octets: z.number(),
    oldestAt: timeMs.nullable(),
    newestAt: timeMs.nullable(),
  }),
});

export const problemSchema = z.object({
  error: z.object({
    code: z.string().describe('Stable'),
    message: z.string(),
    position: z.number().optional().describe('Filter errors: offset in the text'),
    expected: z.array(z.string()).optional().describe('Filter errors: what could stand there'),
  }),
});

export type DimensionValue = z.infer<typeof value>;
export type Measures = z.infer<typeof measuresSchema>;
export type SeriesAnswer = z.infer<typeof seriesAnswerSchema>;
export type SeriesLine = SeriesAnswer['series'][number];
export type QueryAnswer = z.infer<typeof queryAnswerSchema>;
export type FlowsAnswer = z.infer<typeof flowsAnswerSchema>;
export type Pulse = z.infer<typeof pulseSchema>;
export type ValuesAnswer = z.infer<typeof valuesAnswerSchema>;
export type SuggestedValue = ValuesAnswer['values'][number];
export type ListsAnswer = z.infer<typeof listsAnswerSchema>;
export type StatusAnswer = z.infer<typeof statusAnswerSchema>;
export type Problem = z.infer<typeof problemSchema>['error'];
