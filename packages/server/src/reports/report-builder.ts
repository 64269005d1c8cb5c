/** The content of a report: each section asks what a page of the console asks, for a period and the one before. */
import {
  type AnswerRow,
  automaticStepMs,
  fieldNamed,
  formatDimension,
  formatFieldValue,
  type GroupsPlan,
  parseQueryPlan,
  type SeriesPlan,
  type TimeRange,
} from '@weir/analysis';
import { UserError } from '@weir/base';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue, AnalysisStore } from '../analyses/analysis-queue.ts';
import type { Billing } from '../billing/billing.ts';
import { statementBlocks } from '../billing/statement-document.ts';
import type { Capacity } from '../capacity/capacity.ts';
import type { ChartTone, DocumentBlock, ReportDocument, TableCell } from '../documents/document.ts';
import type { PolicyAnalysis } from '../policy/policy.ts';
import { auditDocument } from '../policy/policy-audit.ts';
import type { ReportDefinition, ReportSection } from './report-schema.ts';

export interface ReportSources {
  readonly queue: AnalysisQueue;
  readonly alerts: Pick<AlertBook, 'alerts'>;
  readonly billing: Pick<Billing, 'statement'>;
  readonly capacity: Pick<Capacity, 'subjects' | 'settings'>;
  readonly policy?: Pick<PolicyAnalysis, 'matrix'>;
}

const ALERTS_MAX = 50;
const SUBJECTS_MAX = 20;
const TONES: readonly ChartTone[] = ['first', 'second', 'third', 'limit', 'muted'];
const CHART_POINTS = 160;

/**
 * Makes the document. A section that cannot be answered says so in its place; the others are made all the same.
 */
export async function buildReport(
  report: ReportDefinition,
  range: TimeRange,
  nowMs: number,
  sources: ReportSources,
  signal: AbortSignal,
): Promise<ReportDocument> {
  const { timeZone } = report.schedule;
  const blocks: DocumentBlock[] = [];
  for (const section of report.sections) {
    blocks.push({ kind: 'heading', text: sectionTitle(section) });
    try {
      blocks.push(...(await sectionBlocks(section, range, timeZone, sources, signal)));
    } catch (error) {
      signal.throwIfAborted();
      blocks.push({
        kind: 'paragraph',
        tone: 'warning',
        text: `This section could not be made: ${reasonOf(error)}.`,
      });
    }
  }
  return {
    title: report.name,
    subtitle: `${zonedText(range.fromMs, timeZone)} to ${zonedText(range.toMs, timeZone)} (${timeZone})`,
    createdMs: nowMs,
    blocks,
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Checks filters and dimensions before anything is due. Throws a UserError or a FilterError. */
export function checkSections(sections: readonly ReportSection[]): void {
  const range = { fromMs: 0, toMs: 86_400_000 };
  for (const section of sections) {
    if (section.kind === 'talkers') talkersPlan(section, range);
    if (section.kind === 'traffic') trafficPlan(section, range);
    if (section.kind === 'drops') dropsPlan(section, range);
  }
}

export function sectionTitle(section: ReportSection): string {
  switch (section.kind) {
    case 'talkers':
      return `Top ${section.limit} by ${section.by.join(', ')}${filterText(section.filter)}`;
    case 'traffic':
      return `Traffic over time${section.by.length === 0 ? '' : ` by ${section.by.join(', ')}`}${filterText(section.filter)}`;
    case 'drops':
      return `Dropped, by rule${filterText(section.filter)}`;
    case 'alerts':
      return 'Alerts';
    case 'policy':
      return 'Policy';
    case 'billing':
      return `Billing: ${section.account}`;
    case 'capacity':
      return 'Capacity';
  }
}

const filterText = (filter: string): string => (filter === '' ? '' : `: ${filter}`);

async function sectionBlocks(
  section: ReportSection,
  range: TimeRange,
  timeZone: string,
  { queue, alerts, billing, capacity, policy }: ReportSources,
  signal: AbortSignal,
): Promise<readonly DocumentBlock[]> {
  const ask = <T>(work: (store: AnalysisStore) => Promise<T>) => queue.run('report', work, signal);
  switch (section.kind) {
    case 'talkers':
      return groupsBlocks(await ask((store) => store.query(talkersPlan(section, range))), section.by);
    case 'drops':
      return groupsBlocks(await ask((store) => store.query(dropsPlan(section, range))), ['rule']);
    case 'traffic':
      return ask((store) => trafficBlocks(store, section, range, timeZone));
    case 'alerts':
      return [alertsTable(alerts, range, timeZone)];
    case 'billing': {
      const { statement, bins } = billing.statement(section.account);
      return [
        { kind: 'paragraph', text: `Period ${statement.period.name}` },
        ...statementBlocks(statement, bins),
      ];
    }
    case 'capacity':
      return [capacityTable(capacity)];
    case 'policy':
      return policyBlocks(policy, range, signal);
  }
}

const COUNTING = { deduplicated: true, scaled: true } as const;

function talkersPlan(section: Extract<ReportSection, { kind: 'talkers' }>, timeRange: TimeRange): GroupsPlan {
  const { by, filter, orderBy, limit } = section;
  const plan = {
    kind: 'groups',
    timeRange,
    groupBy: by,
    filter,
    orderBy,
    limit,
    previous: true,
    ...COUNTING,
  };
  return parseQueryPlan(plan) as GroupsPlan;
}

function dropsPlan(
  { filter, limit }: Extract<ReportSection, { kind: 'drops' }>,
  timeRange: TimeRange,
): GroupsPlan {
  const dropped = filter === '' ? 'dropped' : `(${filter}) and dropped`;
  const plan = { kind: 'groups', timeRange, groupBy: ['rule'], filter: dropped, orderBy: 'packets', limit };
  return parseQueryPlan({ ...plan, previous: true, ...COUNTING }) as GroupsPlan;
}

function trafficPlan(section: Extract<ReportSection, { kind: 'traffic' }>, timeRange: TimeRange): SeriesPlan {
  const { by, filter, limit } = section;
  const stepMs = automaticStepMs(timeRange, CHART_POINTS);
  return parseQueryPlan({
    kind: 'series',
    timeRange,
    groupBy: by,
    filter,
    limit,
    stepMs,
    ...COUNTING,
  }) as SeriesPlan;
}

/** A table of groups, with what they had before. */
function groupsBlocks(
  { rows, notes, source }: { rows: readonly AnswerRow[]; notes: readonly string[]; source: { why: string } },
  by: readonly string[],
): DocumentBlock[] {
  const names = by.map((name) => nameOfColumn(name, rows));
  return [
    {
      kind: 'table',
      columns: [
        ...by.map((title) => ({ title, weight: 2 })),
        { title: 'Octets', align: 'right' },
        { title: 'before', align: 'right' },
        { title: 'Change', align: 'right', weight: 0.7 },
        { title: 'Packets', align: 'right' },
        { title: 'Flows', align: 'right' },
      ],
      rows: rows.map((row) => [
        ...names.map((name) => valueText(name, row[name])),
        scaled(Number(row['octets'])),
        scaled(Number(row['octetsBefore'] ?? 0)),
        changeText(Number(row['octets']), Number(row['octetsBefore'] ?? 0)),
        scaled(Number(row['packets'])),
        scaled(Number(row['flows'])),
      ]),
      empty: 'No flows in this period.',
    },
    { kind: 'paragraph', tone: 'note', text: `From: ${[source.why, ...notes].join('; ')}.` },
  ];
}

/** A dimension may be written in another case than its column in the answer. */
const nameOfColumn = (name: string, [row]: readonly AnswerRow[]): string =>
  Object.keys(row ?? {}).find((each) => each.toLowerCase() === name.toLowerCase()) ?? name;

function valueText(name: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '(none)';
  const field = fieldNamed(name.split('/')[0] ?? '');
  return field === undefined ? String(value) : formatFieldValue(field, value);
}

const UNITS = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

function scaled(value: number): string {
  const power = value < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(value) / 3));
  const number = value / 1000 ** power;
  return `${power === 0 ? Math.round(number) : number.toPrecision(3)}${power === 0 ? '' : ` ${UNITS[power]}`}`;
}

/** In words: a sign in front would make a spreadsheet take it for a formula. */
function changeText(now: number, before: number): string {
  if (before === 0) return now === 0 ? '' : 'new';
  const percent = (100 * Math.abs(now - before)) / before;
  if (percent < 0.05) return 'the same';
  return `${now > before ? 'up' : 'down'} ${percent >= 1000 ? Math.round(percent) : percent.toFixed(1)} %`;
}

async function trafficBlocks(
  store: AnalysisStore,
  section: Extract<ReportSection, { kind: 'traffic' }>,
  range: TimeRange,
  timeZone: string,
): Promise<DocumentBlock[]> {
  const plan = trafficPlan(section, range);
  const { rows } = await store.query(plan);
  const totals = parseQueryPlan({
    kind: 'groups',
    timeRange: range,
    groupBy: [],
    filter: section.filter,
    limit: 1,
    previous: true,
    ...COUNTING,
  });
  const [sum = {}] = (await store.query(totals)).rows;
  const [octets, before] = [Number(sum['octets'] ?? 0), Number(sum['octetsBefore'] ?? 0)];
  const mean = (octets * 8000) / (range.toMs - range.fromMs);
  return [
    {
      kind: 'facts',
      facts: [
        {
          name: 'Octets',
          value: `${scaled(octets)} (before: ${scaled(before)}, ${changeText(octets, before) || 'no traffic'})`,
        },
        { name: 'Mean rate', value: `${scaled(mean)}bit/s` },
        {
          name: 'Packets, flows',
          value: `${scaled(Number(sum['packets'] ?? 0))}, ${scaled(Number(sum['flows'] ?? 0))}`,
        },
      ],
    },
    chartOf(plan, rows, range, timeZone),
  ];
}

function chartOf(
  plan: SeriesPlan,
  rows: readonly AnswerRow[],
  range: TimeRange,
  timeZone: string,
): DocumentBlock {
  const first = Math.floor(range.fromMs / plan.stepMs);
  const count = Math.ceil(range.toMs / plan.stepMs) - first;
  const names = plan.groupBy.map(formatDimension);
  const lines = new Map<string, number[]>();
  for (const row of rows) {
    const isOther = row['other'] === true;
    const name = isOther ? 'others' : names.map((each) => valueText(each, row[each])).join(' ') || 'all';
    const values = lines.get(name) ?? Array<number>(count).fill(0);
    lines.set(name, values);
    const index = Math.floor(Date.parse(String(row['time'])) / plan.stepMs) - first;
    if (index >= 0 && index < count) values[index] = (Number(row['octets']) * 8) / plan.stepMs / 1000;
  }
  return {
    kind: 'chart',
    title: 'Traffic',
    shape: 'line',
    unit: 'Mbit/s',
    labels: Array.from({ length: count }, (_, index) =>
      zonedText((first + index) * plan.stepMs, timeZone).slice(5),
    ),
    series: [...lines].map(([name, values], index) => ({
      name,
      tone: TONES[index % TONES.length] ?? 'muted',
      values,
    })),
  };
}

function alertsTable(
  book: Pick<AlertBook, 'alerts'>,
  { fromMs, toMs }: TimeRange,
  timeZone: string,
): DocumentBlock {
  const seen = book.alerts().filter(({ firstSeen, lastSeen, openedAt }) => {
    const times = [firstSeen, lastSeen, openedAt].map((text) => Date.parse(text));
    return Math.min(...times) < toMs && Math.max(...times) >= fromMs;
  });
  const rows = seen
    .slice(0, ALERTS_MAX)
    .map((alert): TableCell[] => [
      alert.severity,
      alert.title,
      alert.subject.value,
      alert.count,
      alert.state,
      zonedText(Date.parse(alert.lastSeen), timeZone),
    ]);
  const left = seen.length - rows.length;
  return {
    kind: 'table',
    ...(left > 0 ? { title: `The newest ${rows.length} of ${seen.length}` } : {}),
    columns: [
      { title: 'Severity', weight: 0.7 },
      { title: 'What', weight: 3 },
      { title: 'Of', weight: 1.5 },
      { title: 'Times', align: 'right', weight: 0.5 },
      { title: 'State', weight: 0.9 },
      { title: 'Last seen', weight: 1.2 },
    ],
    rows,
    empty: 'No alerts in this period.',
  };
}

function capacityTable(capacity: Pick<Capacity, 'subjects' | 'settings'>): DocumentBlock {
  const { thresholdPercent } = capacity.settings();
  const rate = (value: number | null): TableCell => (value === null ? '' : value.toFixed(1));
  const share = (value: number | null): TableCell => (value === null ? '' : `${(value * 100).toFixed(0)} %`);
  return {
    kind: 'table',
    columns: [
      { title: 'What', weight: 2.5 },
      { title: 'Speed (Mbit/s)', align: 'right' },
      { title: 'In (p95)', align: 'right' },
      { title: 'full', align: 'right', weight: 0.6 },
      { title: 'Out (p95)', align: 'right' },
      { title: 'full', align: 'right', weight: 0.6 },
      { title: `Reaches ${thresholdPercent} %`, weight: 1.4 },
    ],
    rows: capacity
      .subjects()
      .slice(0, SUBJECTS_MAX)
      .map((subject): TableCell[] => [
        `${subject.name}${subject.exporter === '' || subject.kind === 'exporter' ? '' : ` (${subject.exporter})`}`,
        rate(subject.speedMbit),
        rate(subject.in.p95),
        share(subject.in.utilisation),
        rate(subject.out.p95),
        share(subject.out.utilisation),
        reachesText(subject.in.outlook, subject.out.outlook),
      ]),
    empty: 'No interface has a whole day of history yet.',
  };
}

type Outlook = ReturnType<Capacity['subjects']>[number]['in']['outlook'];

function reachesText(...outlooks: readonly Outlook[]): string {
  const days = outlooks.map(({ crossing }) => crossing?.expected ?? null).filter((day) => day !== null);
  if (days.length > 0) return days.sort()[0] ?? '';
  const [first] = outlooks;
  if (first?.state === 'short') return `${first.daysUsed} days of history, needs ${first.daysNeeded}`;
  return first?.state === 'noSpeed' ? 'no speed is set' : `not within ${first?.horizonDays ?? 0} days`;
}

async function policyBlocks(
  policy: ReportSources['policy'],
  range: TimeRange,
  signal: AbortSignal,
): Promise<readonly DocumentBlock[]> {
  if (policy === undefined) throw new UserError('policy_unknown', 'there is no policy');
  const { matrix, policy: current, notes } = await policy.matrix({ ...range, filter: '' }, signal);
  const { document, version } = current;
  const audit = auditDocument(
    { name: document.name ?? 'policy', version, ...range, filter: '', matrix, notes },
    range.toMs,
  );
  return audit.blocks;
}

export function zonedText(timeMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return format.format(timeMs);
}
