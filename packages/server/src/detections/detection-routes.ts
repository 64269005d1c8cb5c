/** `/detections`: what is looked for, with which parameters, and what it would have said of the past. */
import { DETECTIONS, type Detection } from '@weir/analysis';
import { UserError } from '@weir/base';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { alertSchema } from '../alerts/alert-schema.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { describeRoute } from '../query-routes.ts';
import type { DetectionRunner } from './detection-runner.ts';
import {
  checkedParameters,
  commonSettingsSchema,
  type DetectionSettings,
  detectionNamed,
} from './detection-settings.ts';
import { DRY_RUN_DAYS_MAX, type DryRun, type DryRuns } from './dry-run.ts';
import type { FeedFolder } from './feed-folder.ts';

const parameterSchema = z.object({
  name: z.string(),
  value: z.number(),
  default: z.number(),
  min: z.number(),
  max: z.number(),
  unit: z.string(),
  meaning: z.string(),
  source: z.string().describe('where the default comes from'),
});

const detectionSchema = z.object({
  id: z.string(),
  title: z.string(),
  what: z.string(),
  formula: z.string(),
  source: z.string(),
  misses: z.string(),
  enabled: z.boolean(),
  everyMs: z.number(),
  parameters: z.array(parameterSchema),
  state: z.object({
    lookedAtUntil: z.string().nullable(),
    learnsSince: z.string().nullable(),
    remembered: z.number(),
    runs: z.number(),
    failures: z.number(),
    findings: z.number(),
    elapsedMs: z.number(),
    lastError: z.string(),
  }),
});

const listAnswer = z.object({
  detections: z.array(detectionSchema),
  common: commonSettingsSchema,
  feeds: z.object({
    files: z.array(
      z.object({ name: z.string(), entries: z.number(), changedAt: z.string(), badLines: z.number() }),
    ),
    ignored: z.number().describe('entries beyond the limit'),
    folder: z.string(),
  }),
});

const changeRequest = z.strictObject({
  enabled: z.boolean().exactOptional(),
  parameters: z.record(z.string(), z.number()).exactOptional(),
});

const dryRunRequest = z.strictObject({
  days: z.number().min(0.04).max(DRY_RUN_DAYS_MAX).default(7),
  parameters: z.record(z.string(), z.number()).default({}),
});

const dryRunAnswer = z.object({
  detection: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled']),
  progress: z.number(),
  error: z.string(),
  from: z.string(),
  to: z.string(),
  parameters: z.record(z.string(), z.number()),
  findings: z.number(),
  alerts: z.number().describe('alerts that would have been opened'),
  perDay: z.record(z.string(), z.number()),
  shown: z.array(alertSchema),
});

const idParameters = z.object({ id: z.string().max(60) });
const iso = (ms: number): string => new Date(ms).toISOString();

export interface DetectionTopicOptions {
  readonly runner: Pick<DetectionRunner, 'state'>;
  readonly settings: DetectionSettings;
  readonly dryRuns: DryRuns;
  readonly feeds: FeedFolder;
  readonly nowMs: () => number;
}

export function createDetectionTopic(options: DetectionTopicOptions): ApiTopic {
  const { settings } = options;
  const list = () => listOf(options);
  return {
    addRoutes(api) {
      api.get('/detections', describeRoute('What is looked for', undefined, listAnswer), list);
      api.put(
        '/detections',
        describeRoute('What concerns all detections', undefined, listAnswer),
        async (request) => {
          await settings.changeCommon(commonSettingsSchema.parse(request.body));
          return list();
        },
      );
      api.put(
        '/detections/:id',
        describeRoute('Switches and sets one', undefined, listAnswer),
        async (request) => {
          const detection = detectionNamed(idParameters.parse(request.params).id);
          await settings.change(detection, changeRequest.parse(request.body));
          return list();
        },
      );
      addDryRunRoutes(api, options);
    },
  };
}

function addDryRunRoutes(api: FastifyInstance, { settings, dryRuns, nowMs }: DetectionTopicOptions): void {
  const path = '/detections/:id/dry-run';
  const runOf = (id: string) => {
    const run = dryRuns.of(id);
    if (run === undefined) throw new UserError('dry_run_unknown', `${id} was not tried yet`);
    return answerOf(run);
  };
  const started = {
    ...describeRoute('Plays history through it, telling nobody', undefined, dryRunAnswer),
    config: { role: 'viewer' } as const,
  };
  api.post(path, started, (request) => {
    const detection = detectionNamed(idParameters.parse(request.params).id);
    const { days, parameters } = dryRunRequest.parse(request.body);
    const chosen = { ...settings.choice(detection).parameters, ...checkedParameters(detection, parameters) };
    const toMs = nowMs();
    return answerOf(dryRuns.start(detection, chosen, { fromMs: toMs - days * 86_400_000, toMs }));
  });
  api.get(path, describeRoute('How far it is, and what it found', undefined, dryRunAnswer), (request) =>
    runOf(detectionNamed(idParameters.parse(request.params).id).id),
  );
  api.delete(
    path,
    { ...describeRoute('Stops it', undefined, dryRunAnswer), config: { role: 'viewer' } as const },
    (request) => {
      const { id } = detectionNamed(idParameters.parse(request.params).id);
      dryRuns.cancel(id);
      return runOf(id);
    },
  );
}

function answerOf({ range, ...run }: DryRun) {
  return { ...run, from: iso(range.fromMs), to: iso(range.toMs) };
}

async function listOf({
  runner,
  settings,
  feeds,
}: DetectionTopicOptions): Promise<z.infer<typeof listAnswer>> {
  const { feeds: files, ignored } = await feeds.read();
  return {
    detections: DETECTIONS.map((detection) => describe(detection, settings, runner)),
    common: settings.common(),
    feeds: {
      files: files.map(({ name, networks, changedMs, badLines }) => ({
        name,
        badLines,
        entries: networks.length,
        changedAt: iso(changedMs),
      })),
      ignored,
      folder: 'feeds',
    },
  };
}

function describe(
  detection: Detection,
  settings: DetectionSettings,
  runner: Pick<DetectionRunner, 'state'>,
): z.infer<typeof detectionSchema> {
  const { id, title, what, formula, source, misses, stepMs } = detection;
  const { enabled, parameters } = settings.choice(detection);
  const { counters, doneMs, learnsSinceMs, remembered, lastError } = runner.state(id);
  return {
    id,
    title,
    what,
    formula,
    source,
    misses,
    enabled,
    everyMs: stepMs,
    parameters: detection.parameters.map((each) => ({
      ...each,
      value: parameters[each.name] ?? each.default,
    })),
    state: {
      ...counters,
      remembered,
      lastError,
      lookedAtUntil: doneMs === 0 ? null : iso(doneMs),
      learnsSince: learnsSinceMs === 0 ? null : iso(learnsSinceMs),
    },
  };
}
