/** `/exporters`: who exports, how they fare, and what their templates lack. */
import {
  type Alarm,
  type CollectorStatus,
  EXPORTER_ALARM_CODES,
  EXPORTER_NAME_ORIGINS,
  type NamedExporter,
  SOURCE_ALARM_CODES,
  TEMPLATE_USES,
} from '@weir/collecting';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { describeRoute } from './query-routes.ts';

/** What the route needs of a collector. */
export interface ExporterObserver {
  exporters(): Promise<NamedExporter[]>;
  status(): Promise<CollectorStatus>;
}

const LIMIT_MAX = 4096;
const LIMIT_DEFAULT = 1000;

export const exportersParameters = z.strictObject({
  source: z.string().max(64).optional().describe('Only those of the flow source of this name'),
  address: z.string().max(64).optional().describe('Only those with this address'),
  limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT_DEFAULT),
});

const timeMs = z.number().describe('Milliseconds since the Unix epoch');

const alarmSchema = <Codes extends readonly [string, ...string[]]>(codes: Codes) =>
  z.object({
    code: z.enum(codes).describe('Stable'),
    message: z.string().describe('For people'),
    since: timeMs,
  });

const exporterSchema = z.object({
  address: z.string(),
  name: z.string().describe('As configured, told in option records, found by reverse DNS, or the address'),
  nameFrom: z.enum(EXPORTER_NAME_ORIGINS),
  source: z.string().describe('Name of the flow source'),
  observationDomainId: z.number(),
  versions: z
    .array(z.number())
    .describe('1, 5, 7, 9 or 10; a domain that two versions speak for is told twice'),
  firstSeen: timeMs,
  lastSeen: timeMs,
  rates: z
    .object({
      recordsPerSecond: z.number(),
      octetsPerSecond: z.number().describe('Of export messages, not of the traffic that they tell of'),
      loss: z
        .number()
        .nullable()
        .describe('Part lost in the last 5 minutes, 0 to 1; null where nothing is numbered'),
    })
    .describe('Means over the last minute'),
  totals: z.object({
    messages: z.number(),
    records: z.number(),
    optionsRecords: z.number(),
    octets: z.number().describe('Of export messages'),
    undecodedSets: z.number().describe('Data Sets that came before their template'),
    templateChanges: z.number(),
    templatesRefused: z.number(),
    problems: z.number().describe('Malformed units'),
  }),
  problems: z.array(
    z.object({ code: z.string(), count: z.number(), lastAt: timeMs, lastMessage: z.string() }),
  ),
  sequence: z.object({
    lost: z.number().describe('Records, of NetFlow v9 messages'),
    duplicates: z.number(),
    reordered: z.number(),
    restarts: z.number(),
  }),
  clockSkewMs: z.number().nullable().describe('How far its clock is ahead; null before that is known'),
  usualGapMs: z.number().nullable().describe('Pauses between its messages are hardly ever longer'),
  sampling: z.array(
    z.object({
      scope: z.enum(['domain', 'sampler', 'interface']),
      id: z.number().optional().describe('Sampler or ifIndex'),
      name: z.string().optional(),
      rate: z.number().describe('One packet in so many'),
    }),
  ),
  interfaces: z.number().describe('Known by name'),
  applications: z.number().describe('Known by name'),
  vrfs: z.number().describe('Known by name'),
  peers: z.number().describe('Known by name'),
  templates: z.array(
    z.object({
      id: z.number().describe('0 for the one format of NetFlow v1, v5 and v7'),
      options: z.boolean().describe('Its records describe the exporter'),
      fields: z.array(z.string()),
      missing: z
        .partialRecord(z.enum(TEMPLATE_USES), z.array(z.string()))
        .describe('By use, the fields that it needs and the template lacks'),
    }),
  ),
  templateCount: z.number().describe('Those left out of `templates` included'),
  silentSince: timeMs.optional().describe('When it was last heard of, where that is an alarm'),
  alarms: z.array(alarmSchema(EXPORTER_ALARM_CODES)),
});

const sourceSchema = z.object({
  source: z.string(),
  kernelDrops: z.number().nullable().describe('Datagrams; null where the kernel does not say'),
  refusedVersions: z.array(z.object({ version: z.number(), datagrams: z.number() })),
  alarms: z.array(alarmSchema(SOURCE_ALARM_CODES)),
});

export const exportersAnswerSchema = z.object({
  now: timeMs,
  exporters: z.array(exporterSchema).describe('Those with the most records first'),
  total: z.number().describe('Those beyond the limit included'),
  sources: z.array(sourceSchema).describe('What is told of sources as a whole'),
});

export type ExportersAnswer = z.infer<typeof exportersAnswerSchema>;
type ExporterAnswer = z.infer<typeof exporterSchema>;
type SourceAnswer = z.infer<typeof sourceSchema>;

export function addExporterRoutes(
  app: FastifyInstance,
  observer: ExporterObserver,
  nowMs: () => number,
): void {
  app.get(
    '/exporters',
    describeRoute(
      'Who exports, how they fare, what their templates lack',
      exportersParameters,
      exportersAnswerSchema,
    ),
    async (request): Promise<ExportersAnswer> => {
      const { source, address, limit } = exportersParameters.parse(request.query);
      const [all, status] = await Promise.all([observer.exporters(), observer.status()]);
      const asked = all
        .filter((one) => source === undefined || one.source === source)
        .filter((one) => address === undefined || one.address === address)
        .sort((one, other) => other.records - one.records);
      return {
        now: nowMs(),
        exporters: asked.slice(0, limit).map(describeExporter),
        total: asked.length,
        sources: describeSources(status).filter((one) => source === undefined || one.source === source),
      };
    },
  );
}

function describeExporter(exporter: NamedExporter): ExporterAnswer {
  const { named, silentSinceMs } = exporter;
  return {
    address: exporter.address,
    name: exporter.name,
    nameFrom: exporter.origin,
    source: exporter.source,
    observationDomainId: exporter.observationDomainId,
    versions: [exporter.version],
    firstSeen: exporter.firstSeenMs,
    lastSeen: exporter.lastSeenMs,
    rates: {
      recordsPerSecond: exporter.recordsPerSecond,
      octetsPerSecond: exporter.octetsPerSecond,
      loss: exporter.loss ?? null,
    },
    ...describeCounters(exporter),
    clockSkewMs: exporter.clockSkewMs ?? null,
    usualGapMs: exporter.usualGapMs ?? null,
    sampling: exporter.sampling.map(({ scope, id, name, rate }) => ({
      scope,
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      rate,
    })),
    ...named,
    templates: exporter.templates.map(({ id, options, fields, missing }) => ({
      id,
      options,
      fields: [...fields],
      missing: Object.fromEntries(Object.entries(missing).map(([use, names]) => [use, [...names]])),
    })),
    templateCount: exporter.templateCount,
    ...(silentSinceMs === undefined ? {} : { silentSince: silentSinceMs }),
    alarms: exporter.alarms.map(describeAlarm),
  };
}

function describeCounters(exporter: NamedExporter): Pick<ExporterAnswer, 'totals' | 'problems' | 'sequence'> {
  return {
    totals: {
      messages: exporter.messages,
      records: exporter.records,
      optionsRecords: exporter.optionsRecords,
      octets: exporter.octets,
      undecodedSets: exporter.undecodedSets,
      templateChanges: exporter.templateConflicts,
      templatesRefused: exporter.templatesRefused,
      problems: exporter.problems,
    },
    problems: exporter.problemsByCode.map(({ code, count, lastAtMs, lastMessage }) => ({
      code,
      count,
      lastAt: lastAtMs,
      lastMessage,
    })),
    sequence: {
      lost: exporter.unitsLost,
      duplicates: exporter.duplicates,
      reordered: exporter.reordered,
      restarts: exporter.restarts,
    },
  };
}

function describeSources({ sources }: CollectorStatus): SourceAnswer[] {
  return sources.flatMap(({ source, listener }) =>
    listener === undefined
      ? []
      : [
          {
            source: source.name,
            kernelDrops: listener.counters.kernelDrops ?? null,
            refusedVersions: [...listener.refusedVersions],
            alarms: listener.alarms.map(describeAlarm),
          },
        ],
  );
}

function describeAlarm<Code extends string>({ code, message, sinceMs }: Alarm<Code>) {
  return { code, message, since: sinceMs };
}
