/** `/alerts`: what was found, with the evidence; acknowledging, closing, suppressing. */
import {
  ALERT_SEVERITIES,
  ALERT_STATES,
  type Alert,
  automaticStepMs,
  type QueryPlan,
  severityRank,
} from '@weir/analysis';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { clientSignal } from '../client-signal.ts';
import { describeRoute } from '../query-routes.ts';
import type { AlertBook } from './alert-book.ts';
import { alertSchema, subjectSchema, suppressionSchema } from './alert-schema.ts';

const PAGE_MAX = 500;
const SERIES_POINTS = 120;
const SAMPLE_FLOWS = 20;
/** A graph shows at least this much before and after. */
const MARGIN_MIN_MS = 30 * 60_000;

const listParameters = z.strictObject({
  state: z
    .enum([...ALERT_STATES, 'active'])
    .optional()
    .describe('active: open or acknowledged'),
  severity: z.enum(ALERT_SEVERITIES).optional().describe('At least so grave'),
  detection: z.string().max(60).optional(),
  text: z.string().max(200).default('').describe('In the subject or the title'),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
  offset: z.coerce.number().int().min(0).max(100_000).default(0),
});

const summarySchema = alertSchema.omit({ evidence: true, explanation: true });
const listAnswer = z.object({
  alerts: z.array(summarySchema),
  total: z.number().describe('That meet the filters'),
  counts: z.object({
    states: z.record(z.string(), z.number()),
    active: z.record(z.string(), z.number()).describe('Open ones by severity'),
  }),
});

const detailAnswer = z.object({
  alert: alertSchema,
  series: z.object({
    from: z.string(),
    to: z.string(),
    stepMs: z.number(),
    points: z.array(
      z.object({ time: z.string(), octets: z.number(), packets: z.number(), flows: z.number() }),
    ),
  }),
  flows: z.array(z.record(z.string(), z.unknown())).describe('The newest of the flows behind it'),
  notes: z.array(z.string()),
});

const stateRequest = z.strictObject({
  state: z.enum(['open', 'acknowledged', 'closed']),
  note: z.string().max(500).default(''),
});

const suppressionRequest = z.strictObject({
  detection: z.string().max(60).exactOptional(),
  subject: subjectSchema.exactOptional(),
  network: z.string().max(60).exactOptional(),
  until: z.iso.datetime().describe('When it ends, UTC'),
  reason: z.string().max(500).default(''),
});

const suppressionsAnswer = z.object({ suppressions: z.array(suppressionSchema) });
const idParameters = z.object({ id: z.string().max(20) });

export interface AlertTopicOptions {
  readonly alerts: AlertBook;
  readonly queue: AnalysisQueue;
  readonly nowMs: () => number;
}

export function createAlertTopic({ alerts, queue, nowMs }: AlertTopicOptions): ApiTopic {
  return {
    addRoutes(api) {
      api.get('/alerts', describeRoute('Alerts, newest first', listParameters, listAnswer), (request) =>
        listOf(alerts.alerts(), listParameters.parse(request.query)),
      );
      addSuppressionRoutes(api, alerts);
      api.get(
        '/alerts/:id',
        describeRoute('One alert with its evidence', undefined, detailAnswer),
        (request, reply) => {
          const alert = alerts.alert(idParameters.parse(request.params).id);
          return detailOf(alert, queue, nowMs(), clientSignal(reply));
        },
      );
      api.post(
        '/alerts/:id/state',
        describeRoute('Acknowledges, closes or reopens', undefined, alertSchema),
        (request) => {
          const { id } = idParameters.parse(request.params);
          const { state, note } = stateRequest.parse(request.body);
          return alerts.setState(id, state, nameOf(request), note);
        },
      );
    },
  };
}

const nameOf = ({ identity }: FastifyRequest): string => identity?.name ?? 'local';

function addSuppressionRoutes(api: FastifyInstance, alerts: AlertBook): void {
  const described = describeRoute('What is not told, and until when', undefined, suppressionsAnswer);
  api.get('/alerts/suppressions', described, () => ({ suppressions: alerts.suppressions() }));
  api.post('/alerts/suppressions', describeRoute('Suppresses', undefined, suppressionSchema), (request) =>
    alerts.suppress({ ...suppressionRequest.parse(request.body), createdBy: nameOf(request) }),
  );
  api.delete(
    '/alerts/suppressions/:id',
    describeRoute('Ends a suppression', undefined, suppressionsAnswer),
    (request) => {
      alerts.unsuppress(idParameters.parse(request.params).id);
      return { suppressions: alerts.suppressions() };
    },
  );
}

function listOf(all: readonly Alert[], asked: z.infer<typeof listParameters>): z.infer<typeof listAnswer> {
  const text = asked.text.toLowerCase();
  const chosen = all.filter(
    ({ state, severity, detection, subject, title }) =>
      (asked.state === undefined ||
        state === asked.state ||
        (asked.state === 'active' && (state === 'open' || state === 'acknowledged'))) &&
      (asked.severity === undefined || severityRank(severity) >= severityRank(asked.severity)) &&
      (asked.detection === undefined || detection === asked.detection) &&
      (text === '' || `${subject.value} ${title}`.toLowerCase().includes(text)),
  );
  const counts = {
    states: countBy(all, ({ state }) => state),
    active: countBy(
      all.filter(({ state }) => state === 'open'),
      ({ severity }) => severity,
    ),
  };
  const page = chosen
    .sort((one, other) => Date.parse(other.lastSeen) - Date.parse(one.lastSeen))
    .slice(asked.offset, asked.offset + asked.limit);
  return {
    alerts: page.map(({ evidence: _e, explanation: _x, ...rest }) => rest),
    total: chosen.length,
    counts,
  };
}

function countBy(alerts: readonly Alert[], keyOf: (alert: Alert) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const alert of alerts) counts[keyOf(alert)] = (counts[keyOf(alert)] ?? 0) + 1;
  return counts;
}

/** The flows of the alert's time and as long before and after, so that one sees what changed. */
async function detailOf(alert: Alert, queue: AnalysisQueue, nowMs: number, signal: AbortSignal) {
  const { evidence } = alert;
  const [fromMs, toMs] = [Date.parse(evidence.from), Date.parse(evidence.to)];
  const marginMs = Math.max(MARGIN_MIN_MS, toMs - fromMs);
  const shown = { fromMs: fromMs - marginMs, toMs: Math.max(toMs, Math.min(nowMs, toMs + marginMs)) };
  const stepMs = automaticStepMs(shown, SERIES_POINTS);
  const { filter } = evidence;
  const plans: { readonly series: QueryPlan; readonly records: QueryPlan } = {
    series: {
      kind: 'series',
      filter,
      timeRange: shown,
      groupBy: [],
      orderBy: 'octets',
      limit: 1,
      stepMs,
      deduplicated: true,
    },
    records: { kind: 'records', filter, timeRange: { fromMs, toMs }, limit: SAMPLE_FLOWS },
  };
  const ask = async (plan: QueryPlan) => queue.run('alert evidence', (store) => store.query(plan), signal);
  const [series, records] = [await ask(plans.series), await ask(plans.records)];
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    alert,
    series: {
      from: iso(shown.fromMs),
      to: iso(shown.toMs),
      stepMs,
      points: series.rows.map(({ time, octets, packets, flows }) => ({ time, octets, packets, flows })),
    },
    flows: records.rows,
    notes: [...new Set([...series.notes, ...records.notes])],
  };
}
