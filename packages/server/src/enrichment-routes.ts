/** `/enrichment` and `/as-names`: what was added to records, where it comes from, and names that are asked for. */
import type { BatchStagesCounters, EnrichmentStatus } from '@weir/collecting';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { describeRoute } from './query-routes.ts';

/** What the routes need of a device. */
export interface EnrichmentObserver {
  status(): EnrichmentStatus;
  asName(number: number): string | undefined;
  /** Counters of the stages of each flow source; `local` for what this process meters. */
  stages(): Promise<readonly { readonly source: string; readonly counters: BatchStagesCounters }[]>;
}

const AS_NUMBERS_MAX = 1000;
const AS_NUMBER_MAX = 4_294_967_295;

export const asNamesParameters = z.strictObject({
  number: z
    .string()
    .regex(/^\d{1,10}(,\d{1,10})*$/)
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.number().max(AS_NUMBER_MAX)).max(AS_NUMBERS_MAX))
    .describe(`Up to ${AS_NUMBERS_MAX} numbers of autonomous systems, comma-separated`),
});

const asNamesAnswer = z.object({
  names: z.record(z.string(), z.string()).describe('By number; those that have none are left out'),
});

const enrichmentAnswer = z.object({
  attribution: z
    .string()
    .describe('To be shown with countries and systems, as the licence of the data wants; may be empty'),
  originsDate: z.string().nullable().describe('Day of the embedded database; null until it is loaded'),
  networks: z.number().describe('Prefixes in the file of networks'),
  users: z.number().describe('Prefixes in the file of users'),
  reloads: z.number(),
  reloadFailures: z.number().describe('Changed files that could not be used'),
  sources: z.array(
    z.object({
      source: z.string(),
      sessions: z
        .object({
          records: z.number(),
          sessions: z.number(),
          paired: z.number().describe('Sessions of which both directions were seen'),
          duplicates: z.number().describe('Records marked as duplicates'),
          ownersChanged: z.number(),
          evicted: z.number().describe('Sessions given up because the table was full'),
          observationPoints: z.number(),
        })
        .nullable()
        .describe('null where records are neither paired nor compared'),
      addressesLookedUp: z.number(),
      hostNamesLearned: z.number(),
      labelsHeld: z.number(),
      labelsRefused: z.number(),
    }),
  ),
});

export type EnrichmentAnswer = z.infer<typeof enrichmentAnswer>;
export type AsNamesAnswer = z.infer<typeof asNamesAnswer>;

export function addEnrichmentRoutes(app: FastifyInstance, observer: EnrichmentObserver): void {
  app.get(
    '/enrichment',
    describeRoute('What was added to records, and where it comes from', z.strictObject({}), enrichmentAnswer),
    async (): Promise<EnrichmentAnswer> => {
      const { originsDate, ...status } = observer.status();
      const stages = await observer.stages();
      return {
        ...status,
        originsDate: originsDate ?? null,
        sources: stages.map(({ source, counters }) => describeStages(source, counters)),
      };
    },
  );
  app.get(
    '/as-names',
    // Public knowledge, whoever asks.
    {
      ...describeRoute('Names of autonomous systems', asNamesParameters, asNamesAnswer),
      config: { narrowed: true },
    },
    async (request): Promise<AsNamesAnswer> => {
      const { number: numbers } = asNamesParameters.parse(request.query);
      const named = numbers.flatMap((number) => {
        const name = observer.asName(number);
        return name === undefined ? [] : [[String(number), name] as const];
      });
      return { names: Object.fromEntries(named) };
    },
  );
}

function describeStages(source: string, counters: BatchStagesCounters): EnrichmentAnswer['sources'][number] {
  const { sessions, origins, hostNames, labels } = counters;
  return {
    source,
    sessions:
      sessions === undefined
        ? null
        : {
            records: sessions.records,
            sessions: sessions.sessions,
            paired: sessions.paired,
            duplicates: sessions.duplicates,
            ownersChanged: sessions.ownersChanged,
            evicted: sessions.evicted,
            observationPoints: sessions.observationPoints,
          },
    addressesLookedUp: origins.addresses,
    hostNamesLearned: hostNames.learned,
    labelsHeld: labels.held,
    labelsRefused: labels.refused + labels.batchFull,
  };
}
