import type { Clock } from '@weir/base';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { rowFilterOf } from './access/identity.ts';
import {
  flowsAnswerSchema,
  listsAnswerSchema,
  planSourceSchema,
  problemSchema,
  pulseSchema,
  queryAnswerSchema,
  seriesAnswerSchema,
  valuesAnswerSchema,
} from './answers.ts';
import { clientSignal } from './client-signal.ts';
import type { ListFolder } from './list-folder.ts';
import {
  flowsParameters,
  pulseParameters,
  queryParameters,
  seriesParameters,
  timeWindow,
  valuesParameters,
} from './parameters.ts';
import type { StoreQuestions } from './store-questions.ts';

/**
 * Windows of "the last 15 minutes" start on whole seconds, so that pages which ask at once share an answer.
 */
const WINDOW_ROUNDING_MS = 1000;

/** A plan that brings lists along: half a million addresses. */
const PLAN_OCTETS_MAX = 16 * 1024 * 1024;

/** Values of the last hour, when nothing else is asked for. */
const VALUES_RANGE_MS = 3_600_000;

/** The schemas of one route, for the OpenAPI document; requests are checked with the same zod schemas. */
export function describeRoute(summary: string, parameters: z.ZodType | undefined, answer: z.ZodType) {
  return {
    schema: {
      summary,
      ...(parameters === undefined ? {} : { querystring: z.toJSONSchema(parameters, { io: 'input' }) }),
      response: {
        200: z.toJSONSchema(answer),
        400: z.toJSONSchema(problemSchema),
        503: z.toJSONSchema(problemSchema),
      },
    },
  };
}

/** The same for a route that is sent JSON. */
export function describeBody(summary: string, body: z.ZodType, answer: z.ZodType) {
  const { schema } = describeRoute(summary, undefined, answer);
  return { schema: { ...schema, body: z.toJSONSchema(body, { io: 'input' }) } };
}

const planAnswerSchema = z.object({
  columns: z.array(z.object({ name: z.string(), kind: z.string() })),
  rows: z.array(z.record(z.string(), z.unknown())),
  elapsedMs: z.number(),
  nextCursor: z.string().optional(),
  sql: z.string(),
  notes: z.array(z.string()),
  source: planSourceSchema,
});

const estimateSchema = planSourceSchema.extend({
  expectedMs: z.number().describe('Going by how fast this store answered large questions before'),
  notes: z.array(z.string()),
  sql: z.string(),
});
const ESTIMATE_ROUTE = describeRoute(
  'Where a plan would be answered from, and what would be read',
  undefined,
  estimateSchema,
);
const PLAN_ROUTE = describeRoute('A query plan', undefined, planAnswerSchema);

/** A question in a body changes nothing. */
const QUESTION = { role: 'viewer', narrowed: true } as const;

function describeQuestion(summary: string, parameters: z.ZodType | undefined, answer: z.ZodType) {
  return { ...describeRoute(summary, parameters, answer), config: QUESTION };
}

/** `/query`, `/series`, `/flows`, `/pulse`, `/values`, `/lists`: questions to the store. */
export function addQueryRoutes(
  app: FastifyInstance,
  questions: StoreQuestions,
  lists: ListFolder | undefined,
  clock: Clock,
): void {
  const asks = (request: FastifyRequest) => questions.narrowed(rowFilterOf(request));
  const window = (parameters: Parameters<typeof timeWindow>[0]) =>
    timeWindow(parameters, Math.floor(clock.nowMs() / WINDOW_ROUNDING_MS) * WINDOW_ROUNDING_MS);

  app.get(
    '/query',
    describeQuestion('The largest groups', queryParameters, queryAnswerSchema),
    (request, reply) => {
      const asked = queryParameters.parse(request.query);
      return asks(request).rank({ ...asked, window: window(asked) }, clientSignal(reply));
    },
  );

  app.post('/query', { ...PLAN_ROUTE, config: QUESTION, bodyLimit: PLAN_OCTETS_MAX }, (request, reply) =>
    asks(request).plan(request.body, clientSignal(reply)),
  );

  app.post(
    '/query/estimate',
    { ...ESTIMATE_ROUTE, config: QUESTION, bodyLimit: PLAN_OCTETS_MAX },
    (request) => asks(request).estimate(request.body),
  );

  app.get(
    '/query/estimate',
    describeQuestion('What a ranking would read, and how long that takes', queryParameters, estimateSchema),
    (request) => {
      const asked = queryParameters.parse(request.query);
      return asks(request).estimateRank({ ...asked, window: window(asked) });
    },
  );

  app.get(
    '/series',
    describeQuestion('Sums over time', seriesParameters, seriesAnswerSchema),
    (request, reply) => {
      const asked = seriesParameters.parse(request.query);
      return asks(request).series({ ...asked, window: window(asked) }, clientSignal(reply));
    },
  );

  app.get(
    '/flows',
    describeQuestion('Records, newest first', flowsParameters, flowsAnswerSchema),
    (request, reply) => {
      const asked = flowsParameters.parse(request.query);
      return asks(request).records(
        { ...asked, cursor: asked.cursor, window: window(asked) },
        clientSignal(reply),
      );
    },
  );

  app.get(
    '/pulse',
    describeQuestion('What arrived in the last minute', pulseParameters, pulseSchema),
    (request, reply) => {
      const { filter } = pulseParameters.parse(request.query);
      return asks(request).pulse(filter, clientSignal(reply));
    },
  );

  app.get(
    '/values',
    describeQuestion('The most frequent values of a field', valuesParameters, valuesAnswerSchema),
    (request, reply) => {
      const { field, prefix, limit, ...range } = valuesParameters.parse(request.query);
      const last = range.last ?? (range.from === undefined ? VALUES_RANGE_MS : undefined);
      return asks(request).values(
        { field, prefix, limit, window: window({ ...range, last }) },
        clientSignal(reply),
      );
    },
  );

  app.get('/lists', describeQuestion('Named lists for filters', undefined, listsAnswerSchema), () => ({
    lists: lists?.names() ?? [],
  }));
}
