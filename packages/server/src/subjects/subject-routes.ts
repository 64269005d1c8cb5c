/** `/hosts`, `/users`, `/peers`: lists, and all about one. */
import {
  type Alert,
  addressesOf,
  type Subject,
  type SubjectKind,
  subjectListSql,
  subjectOf,
  WEEK_MS,
} from '@weir/analysis';
import { UserError } from '@weir/base';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { rowFilterOf } from '../access/identity.ts';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { askedRange, filterAsked, limitSchema, type ReadList, rangeAsked } from '../analyses/asked-range.ts';
import { columnsOfFlows } from '../analyses/flow-columns.ts';
import { clientSignal } from '../client-signal.ts';
import { accessKey } from '../profile/first-seen-table.ts';
import type { ProfileKeeper } from '../profile/profile-keeper.ts';
import { describeRoute } from '../query-routes.ts';
import { readSubjectPage } from './subject-page.ts';
import { subjectAnswer, subjectListAnswer } from './subject-schema.ts';

export interface SubjectTopicOptions {
  readonly queue: AnalysisQueue;
  readonly keeper: ProfileKeeper;
  readonly alerts?: AlertBook;
  readonly readList?: ReadList;
  readonly nowMs: () => number;
}

const HISTORY_DAYS_DEFAULT = 28;
const DAY_MS = 86_400_000;
const ALERTS_TOLD = 20;

const listParameters = z.strictObject({
  ...askedRange,
  search: z.string().max(100).default('').describe('Part of an address or name'),
  all: z
    .enum(['true', 'false'])
    .default('false')
    .describe('Also hosts outside: public addresses without a network’s name'),
  limit: limitSchema(1000, 50),
});
const pageParameters = z.strictObject({
  ...askedRange,
  historyDays: limitSchema(92, HISTORY_DAYS_DEFAULT).describe(
    'How far back is looked for what was there before',
  ),
});

const RESOURCES: readonly { kind: SubjectKind; path: string; parameter: string; what: string }[] = [
  { kind: 'host', path: '/hosts', parameter: 'address', what: 'host' },
  { kind: 'user', path: '/users', parameter: 'name', what: 'user' },
  { kind: 'peer', path: '/peers', parameter: 'name', what: 'overlay peer' },
];

export function createSubjectTopic(options: SubjectTopicOptions): ApiTopic {
  return {
    addRoutes(api) {
      for (const resource of RESOURCES) {
        addList(api, options, resource);
        addPage(api, options, resource);
      }
    },
  };
}

const NARROWED = { config: { narrowed: true } } as const;

function addList(
  api: FastifyInstance,
  { queue, keeper, readList, nowMs }: SubjectTopicOptions,
  { kind, path, what }: (typeof RESOURCES)[number],
): void {
  const route = describeRoute(`The ${what}s with most traffic`, listParameters, subjectListAnswer);
  api.get(path, { ...route, ...NARROWED }, (request, reply) => {
    const { search, all, limit, ...rest } = listParameters.parse(request.query);
    const range = rangeAsked(rest, nowMs());
    const filter = filterAsked(request, rest.filter, readList);
    const seesAll = rowFilterOf(request) === '';
    return queue.run(
      'subjects',
      async (store) => {
        const startMs = performance.now();
        const columns = await columnsOfFlows(store, range);
        const sql = subjectListSql({
          kind,
          range,
          filter,
          columns,
          insideOnly: all === 'false',
          search,
          limit,
        });
        const { rows } = await store.sql(sql, { range });
        const knownMs = keeper.status().firstHourMs;
        return {
          from: range.fromMs,
          to: range.toMs,
          kind,
          why: rows.length > 0 ? null : whyNone(kind, search),
          rows: rows.map((row) => {
            const seen = seesAll ? keeper.firstSeen.of(kind, String(row['value'])) : undefined;
            const firstSeenMs = seen === undefined ? null : Math.min(seen.firstMs, Number(row['firstMs']));
            return { ...row, firstSeenMs, isNew: isNew(firstSeenMs, knownMs, nowMs()) };
          }),
          tookMs: Math.round(performance.now() - startMs),
        };
      },
      clientSignal(reply),
    );
  });
}

/** What was first seen in the first days of all knowledge is not new, only unknown before. */
function isNew(firstSeenMs: number | null, knownMs: number | null, nowMs: number): boolean {
  return (
    firstSeenMs !== null &&
    knownMs !== null &&
    firstSeenMs >= nowMs - WEEK_MS &&
    firstSeenMs >= knownMs + DAY_MS
  );
}

function whyNone(kind: SubjectKind, search: string): string {
  if (search !== '') return `No ${kind} of this time range has “${search}” in its address or name.`;
  if (kind === 'host')
    return 'No host inside has traffic in this time range. Inside are private addresses, and those with the name of a network.';
  return kind === 'user'
    ? 'No record of this time range names a user. Users come with records (NAT and firewall logs, probes), or from the names of peers.'
    : 'No record of this time range names an overlay peer. Exporters of overlays tell them by option records.';
}

function addPage(
  api: FastifyInstance,
  { queue, keeper, alerts, readList, nowMs }: SubjectTopicOptions,
  { kind, path, parameter, what }: (typeof RESOURCES)[number],
): void {
  const route = describeRoute(`All about a ${what}`, pageParameters, subjectAnswer);
  api.get(`${path}/:${parameter}`, { ...route, ...NARROWED }, (request, reply) => {
    const { historyDays, ...rest } = pageParameters.parse(request.query);
    const { [parameter]: given = '' } = z.record(z.string(), z.string()).parse(request.params);
    const subject = subjectOf(kind, given);
    if (subject === undefined)
      throw new UserError('subject_invalid', `“${given}” is no ${kind === 'host' ? 'address' : 'name'}`);
    const range = rangeAsked(rest, nowMs());
    const filter = filterAsked(request, rest.filter, readList);
    const seesAll = rowFilterOf(request) === '';
    const history = {
      fromMs: Math.max(0, Math.min(range.fromMs, range.toMs - historyDays * DAY_MS)),
      toMs: range.toMs,
    };
    return queue.run(
      'subject',
      async (store) => {
        const startMs = performance.now();
        const columns = await columnsOfFlows(store, history);
        const page = await readSubjectPage(store, { subject, range, history, filter, columns });
        return {
          ...page,
          from: range.fromMs,
          to: range.toMs,
          sightings: seesAll ? (keeper.firstSeen.of(kind, subject.value) ?? null) : null,
          uses: seesAll ? usesOf(keeper, subject) : [],
          alerts: seesAll ? alertsOf(alerts, subject) : [],
          tookMs: Math.round(performance.now() - startMs),
        };
      },
      clientSignal(reply),
    );
  });
}

function usesOf({ firstSeen }: ProfileKeeper, { kind, value }: Subject) {
  return firstSeen
    .entries('access', accessKey(kind, value, ''))
    .map(({ key, sighting }) => ({ service: key.split('\t')[2] ?? '', ...sighting }))
    .sort((a, b) => b.lastMs - a.lastMs);
}

function alertsOf(alerts: AlertBook | undefined, subject: Subject) {
  return (alerts?.alerts() ?? [])
    .filter((alert) => concerns(alert, subject))
    .slice(0, ALERTS_TOLD)
    .map(({ id, title, severity, state, lastSeen, detection }) => ({
      id,
      title,
      severity,
      state,
      lastSeen,
      detection,
    }));
}

function concerns(alert: Alert, { kind, value }: Subject): boolean {
  if (kind !== 'host') return alert.subject.value === value;
  const own = subjectOf('host', value);
  return (
    alert.subject.value === value ||
    (own !== undefined &&
      alert.subject.value.split(/[\s→,]+/).includes(value) &&
      addressesOf(alert.subject).length > 0)
  );
}
