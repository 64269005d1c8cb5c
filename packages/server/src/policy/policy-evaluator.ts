/**
 * Asks the store what a policy is held against: in parts that fit into memory, and says what limits the
 * answer.
 */
import {
  basesOf,
  type ClassKey,
  type ClassRow,
  classesSql,
  createPolicySpace,
  DIRECTION_BASES,
  type DirectionBasis,
  droppedSourcesSql,
  filterOfEnds,
  filterOfPair,
  listNamesIn,
  mergeRows,
  type PolicyDocument,
  type PolicySpace,
  pairsSql,
  parseFilter,
  rangeSql,
  readClassRow,
  type SeenSums,
  sumsOf,
  type TimeRange,
} from '@weir/analysis';
import { type Clock, UserError } from '@weir/base';
import { bothFilters } from '../access/row-filter.ts';
import type { AnalysisQueue, AnalysisStore } from '../analyses/analysis-queue.ts';
import type { ListFolder } from '../list-folder.ts';

/**
 * Records of one question: about 1.4 CPU seconds a million, so that it ends in time on a busy machine, too.
 */
const SLICE_RECORDS_MAX = 2_000_000;
/** About two minutes of CPU: a person waits no longer, and collecting must not. */
const RECORDS_MAX = 60_000_000;
const PAIRS_MAX = 50;
const SOURCES_MAX = 100;
/** An answer is asked for again for its cells, within a minute. */
const KEPT_MS = 60_000;
const KEPT_MAX = 4;

export interface PolicyQuestion extends TimeRange {
  readonly filter: string;
}

/** Sums by class of a range, and what limits them. */
export interface Evaluation {
  readonly space: PolicySpace;
  readonly rows: readonly ClassRow[];
  readonly records: number;
  readonly parts: number;
  readonly elapsedMs: number;
  readonly notes: readonly string[];
}

/** Two ends and a service, in the direction in which connections were opened. */
export interface EvidencePair {
  readonly fromAddr: string;
  readonly toAddr: string;
  readonly fromName: string | null;
  readonly toName: string | null;
  readonly protocol: number;
  /** Port, or type × 256 + code of ICMP. */
  readonly value: number;
  readonly forwarded: SeenSums;
  readonly dropped: SeenSums;
  /** The firewall's rule; of several the first by name, with their number in `rules`. */
  readonly rule: string | null;
  readonly rules: number;
  /** How it was found out who began, by the surest of its connections. */
  readonly direction: DirectionBasis;
  /** Both directions of these connections, in the filter language. */
  readonly filter: string;
}

export interface Evidence {
  readonly pairs: readonly EvidencePair[];
  /** All of them, of which `pairs` are the first. */
  readonly pairCount: number;
  readonly sources: number;
  readonly destinations: number;
}

export interface DroppedSource {
  readonly rule: string;
  readonly srcAddr: string;
  readonly name: string | null;
  readonly records: number;
  readonly destinations: number;
  readonly packets: number;
  readonly octets: number;
  readonly first: number | null;
  readonly last: number | null;
}

export interface PolicyEvaluator {
  /** Throws UserError `policy_range_invalid` when it would take too long; FilterError. */
  evaluate(
    documents: readonly PolicyDocument[],
    question: PolicyQuestion,
    signal?: AbortSignal,
  ): Promise<Evaluation>;
  pairs(
    space: PolicySpace,
    keys: readonly ClassKey[],
    kind: 'forwarded' | 'dropped' | 'all',
    question: PolicyQuestion,
    signal?: AbortSignal,
  ): Promise<Evidence>;
  droppedSources(question: PolicyQuestion, signal?: AbortSignal): Promise<readonly DroppedSource[]>;
}

export interface PolicyEvaluatorOptions {
  readonly queue: AnalysisQueue;
  readonly lists: ListFolder;
  readonly clock: Clock;
}

export function createPolicyEvaluator({ queue, lists, clock }: PolicyEvaluatorOptions): PolicyEvaluator {
  const kept = new Map<string, { readonly atMs: number; readonly evaluation: Evaluation }>();
  const read = (name: string) => lists.read(name);

  function filterOf(filter: string) {
    if (filter.trim() === '') return undefined;
    const named = listNamesIn(filter).map((name) => [name, read(name)] as const);
    const found = named.filter((entry): entry is [string, readonly string[]] => entry[1] !== undefined);
    return parseFilter(filter, { lists: Object.fromEntries(found) });
  }

  async function evaluateNow(
    documents: readonly PolicyDocument[],
    question: PolicyQuestion,
    signal: AbortSignal | undefined,
  ): Promise<Evaluation> {
    const startMs = clock.monotonicMs();
    const space = createPolicySpace(documents, read);
    const filter = filterOf(question.filter);
    const ask = <T>(work: (store: AnalysisStore) => Promise<T>) => queue.run('policy', work, signal);
    const { fromMs, toMs } = question;
    const counted = await ask((store) => store.sql(rangeSql(filter), { range: { fromMs, toMs } }));
    const counts = counted.rows[0] ?? {};
    const records = Number(counts['records'] ?? 0);
    if (records > RECORDS_MAX) throw tooMany(records);
    const slices = slicesOf({ fromMs, toMs }, Math.ceil(records / SLICE_RECORDS_MAX));
    const sql = classesSql(space, filter);
    let rows: readonly ClassRow[] = [];
    let truncated = false;
    for (const range of records === 0 ? [] : slices) {
      const answer = await ask((store) => store.sql(sql, { range }));
      truncated ||= answer.truncated;
      rows = mergeRows([...rows, ...answer.rows.map((row) => readClassRow(space, row))]);
    }
    const notes = notesOf(counts, slices.length, truncated);
    return { space, rows, records, parts: slices.length, elapsedMs: clock.monotonicMs() - startMs, notes };
  }

  return {
    async evaluate(documents, question, signal) {
      const key = JSON.stringify([documents, question]);
      const known = kept.get(key);
      if (known !== undefined && clock.nowMs() - known.atMs < KEPT_MS) return known.evaluation;
      const evaluation = await evaluateNow(documents, question, signal);
      kept.set(key, { atMs: clock.nowMs(), evaluation });
      for (const oldest of [...kept.keys()].slice(0, -KEPT_MAX)) kept.delete(oldest);
      return evaluation;
    },
    async pairs(space, keys, kind, question, signal) {
      if (keys.length === 0) return { pairs: [], pairCount: 0, sources: 0, destinations: 0 };
      const { fromMs, toMs } = question;
      const filter = bothFilters(filterOfEnds(space, keys) ?? '', question.filter);
      const sql = pairsSql(space, { filter: filterOf(filter), keys, kind, limit: PAIRS_MAX });
      const range = { fromMs, toMs };
      const { rows } = await queue.run('policy evidence', (store) => store.sql(sql, { range }), signal);
      const [first = {}] = rows;
      return {
        pairs: rows.map(readPair),
        pairCount: Number(first['pairs'] ?? 0),
        sources: Number(first['sources'] ?? 0),
        destinations: Number(first['destinations'] ?? 0),
      };
    },
    async droppedSources(question, signal) {
      const { fromMs, toMs } = question;
      const sql = droppedSourcesSql(filterOf(question.filter), SOURCES_MAX);
      const range = { fromMs, toMs };
      const { rows } = await queue.run('policy drops', (store) => store.sql(sql, { range }), signal);
      return rows.map((row) => ({
        rule: String(row['rule'] ?? ''),
        srcAddr: String(row['srcAddr'] ?? ''),
        name: textOrNull(row['name']),
        records: Number(row['records']),
        destinations: Number(row['destinations']),
        packets: Number(row['packets'] ?? 0),
        octets: Number(row['octets'] ?? 0),
        first: row['first'] === null ? null : Number(row['first']),
        last: row['last'] === null ? null : Number(row['last']),
      }));
    },
  };
}

type Row = Readonly<Record<string, Parameters<typeof sumsOf>[0][string]>>;

const textOrNull = (value: unknown) => (typeof value === 'string' ? value : null);

function readPair(row: Row): EvidencePair {
  const pair = {
    fromAddr: String(row['fromAddr']),
    toAddr: String(row['toAddr']),
    protocol: Number(row['protocol']),
    value: Number(row['value']),
  };
  const bases = basesOf(row);
  return {
    ...pair,
    fromName: textOrNull(row['fromName']),
    toName: textOrNull(row['toName']),
    ...sumsOf(row),
    rule: textOrNull(row['rule']),
    rules: Number(row['rules'] ?? 0),
    direction: DIRECTION_BASES.find((name) => bases[name] > 0) ?? 'arrival',
    filter: filterOfPair(pair),
  };
}

function slicesOf({ fromMs, toMs }: TimeRange, wanted: number): TimeRange[] {
  const count = Math.max(1, wanted);
  const lengthMs = Math.ceil((toMs - fromMs) / count);
  return Array.from({ length: count }, (_, index) => ({
    fromMs: fromMs + index * lengthMs,
    toMs: Math.min(toMs, fromMs + (index + 1) * lengthMs),
  })).filter((slice) => slice.fromMs < slice.toMs);
}

function notesOf(counts: Row, parts: number, truncated: boolean): string[] {
  const count = (name: string) => Number(counts[name] ?? 0);
  const notes: string[] = [];
  if (truncated) notes.push('The store answered with a part of the sums only: figures are too small.');
  if (parts > 1)
    notes.push(
      `Judged in ${parts} parts, one after the other: a connection that goes on from one to the next counts in each.`,
    );
  if (count('withoutAddress') > 0)
    notes.push(`${count('withoutAddress')} records have no addresses: no policy speaks of them.`);
  if (count('unmarked') > 0)
    notes.push(
      `${count('unmarked')} records are not marked as duplicate or not: packets that two exporters told of count twice, and may outnumber their drops.`,
    );
  if (count('sampled') > 0)
    notes.push(`${count('sampled')} records are sampled: their packets and octets are estimates.`);
  return notes;
}

const tooMany = (records: number) =>
  new UserError(
    'policy_range_invalid',
    `this would read ${records} records; allowed: ${RECORDS_MAX}. Ask for a shorter time, or with a filter`,
  );
