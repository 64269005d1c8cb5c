/** `/profile`: what changed between two periods, baselines, what is learned, and its settings. */
import {
  baselineAt,
  changeOf,
  changesOf,
  changesSql,
  deviationsAbove,
  filterOfKey,
  HOUR_MS,
  hourStartOf,
  mainPair,
  periodsRange,
  serversOfChangeSql,
  storyOf,
} from '@weir/analysis';
import { UserError } from '@weir/base';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { rowFilterOf } from '../access/identity.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import {
  askedRange,
  filterAsked,
  instantSchema,
  type ReadList,
  rangeAsked,
} from '../analyses/asked-range.ts';
import { columnsOfFlows } from '../analyses/flow-columns.ts';
import { clientSignal } from '../client-signal.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import { countedHistory } from './hour-judgement.ts';
import { AGAINST, comparability, periodBefore } from './period-choice.ts';
import type { ProfileKeeper } from './profile-keeper.ts';
import { profileSettingsSchema } from './profile-settings.ts';

export interface ProfileTopicOptions {
  readonly keeper: ProfileKeeper;
  readonly queue: AnalysisQueue;
  readonly readList?: ReadList;
  readonly nowMs: () => number;
}

const changesParameters = z.strictObject({
  ...askedRange,
  against: z
    .enum(AGAINST)
    .default('previous')
    .describe('previous: as long, just before; week-ago; range: againstFrom and againstTo'),
  againstFrom: instantSchema.optional(),
  againstTo: instantSchema.optional(),
});

const period = z.object({ from: z.number(), to: z.number() });
const changeSchema = z.object({
  dimension: z.string(),
  label: z.string(),
  key: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  kind: z.enum(['new', 'gone', 'grown', 'shrunk', 'same']),
  actual: z.number().describe('Octets in the period'),
  before: z.number().describe('Octets in the period before'),
  expected: z.number().describe('Octets before, made comparable'),
  flowsNow: z.number(),
  flowsBefore: z.number(),
  filter: z.string().describe('The flows behind it'),
});
const explainedSchema = z.object({ explanatoryPower: z.number(), surprise: z.number() });
const changesAnswer = z.object({
  now: period,
  before: period,
  comparable: z.object({ factor: z.number(), by: z.enum(['length', 'hour-of-week']), why: z.string() }),
  sentences: z.array(z.string()),
  total: changeSchema.nullable(),
  causes: z.array(
    explainedSchema.extend({
      dimension: z.string(),
      values: z.array(explainedSchema.extend({ value: changeSchema })),
    }),
  ),
  dimensions: z.array(z.object({ dimension: z.string(), changes: z.array(changeSchema) })),
  tookMs: z.number(),
});

const KINDS = ['total', 'host', 'user', 'peer', 'service', 'roundTrip', 'retransmitted'] as const;
const baselineParameters = z.strictObject({
  kind: z.enum(KINDS).default('total'),
  key: z.string().max(300).default('').describe('An address, a name, or a service such as tcp/443'),
  from: instantSchema.optional(),
  to: instantSchema.optional(),
});
const baselineAnswer = z.object({
  kind: z.string(),
  key: z.string(),
  known: z.boolean(),
  unit: z.enum(['octets', 'ms', '%']),
  weeks: z.number(),
  note: z.string(),
  filter: z.string(),
  hours: z.array(
    z.object({
      hourMs: z.number(),
      value: z.number().nullable(),
      median: z.number().nullable(),
      low: z.number().nullable(),
      high: z.number().nullable(),
      basis: z.string().nullable(),
      samples: z.number(),
      deviations: z.number().nullable(),
    }),
  ),
});
const keysAnswer = z.object({ kinds: z.record(z.string(), z.array(z.string())) });

const statusAnswer = z.object({
  settings: profileSettingsSchema,
  learnedThroughMs: z.number().nullable(),
  firstHourMs: z.number().nullable(),
  hours: z.number(),
  weeks: z.number(),
  values: z.number(),
  sightings: z.number(),
  evicted: z.number(),
  counters: z.record(z.string(), z.number()),
});

/** Hours of a baseline that are answered at once. */
const BASELINE_HOURS_MAX = 24 * 35;
/** A change is told by so many values of a dimension. */
const CHANGES_TOLD = 50;

export function createProfileTopic(options: ProfileTopicOptions): ApiTopic {
  return {
    addRoutes(api) {
      addChangesRoute(api, options);
      addBaselineRoutes(api, options);
      addKeepingRoutes(api, options);
    },
  };
}

function addChangesRoute(
  api: FastifyInstance,
  { keeper, queue, readList, nowMs }: ProfileTopicOptions,
): void {
  const route = describeRoute(
    'What changed between two periods, and what explains it',
    changesParameters,
    changesAnswer,
  );
  api.get('/profile/changes', { ...route, config: { narrowed: true } }, (request, reply) => {
    const parameters = changesParameters.parse(request.query);
    const now = rangeAsked(parameters, nowMs());
    const before = periodBefore(now, parameters.against, {
      fromMs: parameters.againstFrom,
      toMs: parameters.againstTo,
    });
    const filter = filterAsked(request, parameters.filter, readList);
    // What is usual of all traffic says nothing of a part of it.
    const comparable =
      filter.text.trim() === ''
        ? comparability(now, before, keeper.baselines)
        : {
            factor: (now.toMs - now.fromMs) / (before.toMs - before.fromMs),
            by: 'length' as const,
            why: 'By length: of a part of the traffic no hours of the week are known.',
          };
    return queue.run(
      'changes',
      async (store) => {
        const startMs = performance.now();
        const range = periodsRange({ now, before });
        const columns = await columnsOfFlows(store, range);
        const asked = { now, before, factor: comparable.factor, filter, columns };
        const changes = changesOf((await store.sql(changesSql(asked), { range })).rows, comparable.factor);
        const pair = mainPair(changes);
        const servers =
          pair === undefined ? [] : (await store.sql(serversOfChangeSql(asked, pair), { range })).rows;
        const story = storyOf(
          changes,
          servers.map((row) => changeOf('server', row, comparable.factor)),
        );
        return {
          now: { from: now.fromMs, to: now.toMs },
          before: { from: before.fromMs, to: before.toMs },
          comparable,
          sentences: story.sentences,
          total: changes.get('total')?.[0] ?? null,
          causes: story.causes,
          dimensions: [...changes]
            .filter(([dimension]) => dimension !== 'total')
            .map(([dimension, list]) => ({
              dimension,
              changes: list.filter(({ kind }) => kind !== 'same').slice(0, CHANGES_TOLD),
            })),
          tookMs: Math.round(performance.now() - startMs),
        };
      },
      clientSignal(reply),
    );
  });
}

function addBaselineRoutes(api: FastifyInstance, { keeper, nowMs }: ProfileTopicOptions): void {
  api.get(
    '/profile/baseline',
    describeRoute(
      'What is usual of a host, user, peer or service by the hour, and what was',
      baselineParameters,
      baselineAnswer,
    ),
    (request) => {
      const { kind, key, from, to } = baselineParameters.parse(request.query);
      const toMs = hourStartOf(to ?? nowMs());
      const fromMs = hourStartOf(from ?? toMs - 7 * 24 * HOUR_MS);
      if (fromMs >= toMs || toMs - fromMs > BASELINE_HOURS_MAX * HOUR_MS)
        throw new UserError('range_invalid', `a baseline is asked for of 1 to ${BASELINE_HOURS_MAX} hours`);
      return baselineOf(keeper, kind, key, fromMs, toMs);
    },
  );
  api.get(
    '/profile/values',
    describeRoute('Of what a baseline is known, by kind, the largest first', undefined, keysAnswer),
    () => ({ kinds: Object.fromEntries(KINDS.map((kind) => [kind, keeper.baselines.keys(kind)])) }),
  );
}

function baselineOf(
  keeper: ProfileKeeper,
  kind: (typeof KINDS)[number],
  key: string,
  fromMs: number,
  toMs: number,
) {
  const { weeks } = keeper.settings();
  const all = keeper.baselines.history(kind, key, toMs);
  const values = new Map((all ?? []).map(({ hourMs, value }) => [hourMs, value]));
  const hours = [];
  for (let hourMs = fromMs; hourMs < toMs; hourMs += HOUR_MS) {
    const baseline = baselineAt(hourMs, countedHistory(keeper.baselines, kind, key, hourMs, weeks) ?? []);
    const value = values.get(hourMs) ?? null;
    const deviations = baseline === undefined || value === null ? null : deviationsAbove(value, baseline);
    hours.push({
      hourMs,
      value,
      median: baseline?.median ?? null,
      low: baseline?.low ?? null,
      high: baseline?.high ?? null,
      basis: baseline?.basis ?? null,
      samples: baseline?.samples ?? 0,
      deviations: deviations === null || Number.isFinite(deviations) ? deviations : null,
    });
  }
  const known = (all ?? []).length;
  return {
    kind,
    key,
    known: all !== undefined,
    unit:
      kind === 'roundTrip'
        ? ('ms' as const)
        : kind === 'retransmitted'
          ? ('%' as const)
          : ('octets' as const),
    weeks: known / 168,
    note: noteOf(all === undefined, known),
    filter: filterOfKey(kind, key),
    hours,
  };
}

function noteOf(isUnknown: boolean, hours: number): string {
  if (isUnknown) return 'It is not among the largest values of its kind, of which baselines are kept.';
  const weeks = hours / 168;
  if (hours < 24) return `Only ${hours} hours are known: a baseline begins with a day.`;
  if (weeks < 3)
    return `${weeks.toFixed(1)} weeks are known: until there are three, like hours of other days stand in for the same hour of the week.`;
  return `${weeks.toFixed(1)} weeks are known.`;
}

function addKeepingRoutes(api: FastifyInstance, { keeper }: ProfileTopicOptions): void {
  api.get(
    '/profile/status',
    {
      ...describeRoute('What is learned, and since when', undefined, statusAnswer),
      config: { narrowed: true },
    },
    (request) => {
      const status = keeper.status();
      return rowFilterOf(request) === '' ? status : { ...status, values: 0, sightings: 0 };
    },
  );
  api.put(
    '/profile/settings',
    describeBody('Changes what is learned, kept and alerted', profileSettingsSchema, statusAnswer),
    async (request) => {
      await keeper.changeSettings(profileSettingsSchema.parse(request.body));
      return keeper.status();
    },
  );
  const forgetParameters = z.strictObject({
    kind: z.enum(['host', 'user', 'peer', 'service']),
    key: z.string().min(1).max(300),
  });
  api.delete(
    '/profile/values',
    describeRoute('Forgets what was learned of one value', forgetParameters, statusAnswer),
    async (request) => {
      const { kind, key } = forgetParameters.parse(request.query);
      await keeper.forget(kind, key);
      return keeper.status();
    },
  );
  api.delete(
    '/profile',
    describeRoute('Forgets everything that was learned', undefined, statusAnswer),
    async () => {
      await keeper.forgetAll();
      return keeper.status();
    },
  );
}
