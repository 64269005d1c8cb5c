/**
 * The most frequent values of a field, for who types a filter. A look-up has a time limit of its own and
 * begins with the newest flows: an answer that comes late helps nobody. One look-up serves all letters that
 * are typed after it.
 */
import {
  type AnswerRow,
  dimensionField,
  formatDimension,
  formatFieldValue,
  parseDimension,
  type QueryPlan,
  type QueryResult,
} from '@weir/analysis';
import type { Clock } from '@weir/base';
import type { SuggestedValue, ValuesAnswer } from './answers.ts';
import { ParameterError, type TimeWindow } from './parameters.ts';

export interface ValueQuestion {
  readonly field: string;
  readonly prefix: string;
  readonly limit: number;
  readonly window: TimeWindow;
}

export interface ValueSuggestions {
  /** Rejects with ParameterError when there is no such field. */
  values(question: ValueQuestion, signal: AbortSignal): Promise<ValuesAnswer>;
}

/** Reads a plan, and narrows it to what who asks may see. */
type ParsePlan = (input: unknown) => QueryPlan;
type Ask = (plan: QueryPlan, signal: AbortSignal) => Promise<QueryResult>;

/** Values kept for each field: what somebody types next is among the most frequent, or is asked for again. */
const VALUES_KEPT = 2000;
const KEPT_FOR_MS = 30_000;
const FIELDS_KEPT = 64;
/** First the newest, which are in memory; then the whole window, while there is time. */
const FIRST_WINDOW_MS = 120_000;
const TIME_LIMIT_MS = 1500;

interface Kept {
  readonly atMs: number;
  readonly values: readonly SuggestedValue[];
}

export function createValueSuggestions(ask: Ask, parse: ParsePlan, clock: Clock): ValueSuggestions {
  const kept = new Map<string, Kept>();

  async function lookUp(name: string, filter: string, window: TimeWindow, signal: AbortSignal) {
    const key = `${name} ${filter} ${window.toMs - window.fromMs}`;
    const known = kept.get(key);
    if (known !== undefined && clock.monotonicMs() - known.atMs < KEPT_FOR_MS) return known.values;
    const values = await askWithin(name, filter, window, signal);
    kept.delete(key);
    kept.set(key, { atMs: clock.monotonicMs(), values });
    for (const oldest of kept.keys()) {
      if (kept.size <= FIELDS_KEPT) break;
      kept.delete(oldest);
    }
    return values;
  }

  /** The whole window when that can be had in time, else its last minutes. */
  async function askWithin(name: string, filter: string, window: TimeWindow, signal: AbortSignal) {
    const limit = new AbortController();
    const cancel = clock.after(TIME_LIMIT_MS, () => limit.abort(new Error('too late')));
    const either = AbortSignal.any([signal, limit.signal]);
    let values: SuggestedValue[] = [];
    try {
      const recent = { ...window, fromMs: Math.max(window.fromMs, window.toMs - FIRST_WINDOW_MS) };
      values = await askOnce(name, filter, recent, either);
      if (recent.fromMs > window.fromMs) values = await askOnce(name, filter, window, either);
    } catch (error) {
      if (!limit.signal.aborted) throw error;
    } finally {
      cancel();
    }
    return values;
  }

  async function askOnce(name: string, filter: string, window: TimeWindow, signal: AbortSignal) {
    const plan = parse({
      kind: 'groups',
      timeRange: window,
      filter,
      groupBy: [name],
      orderBy: 'flows',
      limit: VALUES_KEPT,
    });
    const { rows } = await ask(plan, signal);
    return rows.map((row) => suggestedValue(row, name)).filter((value) => value !== undefined);
  }

  return {
    async values({ field, prefix, limit, window }, signal) {
      const dimension = parseDimension(field);
      if (dimension === undefined) throw new ParameterError(`field: there is no field ${field}`);
      const name = formatDimension(dimension);
      const definition = dimensionField(dimension);
      const isText = definition.kind === 'text' || definition.kind === 'country';
      const matches = ({ value }: SuggestedValue) => {
        const wanted = prefix.toLowerCase();
        const shown = formatFieldValue(definition, value).toLowerCase();
        return shown.startsWith(wanted) || String(value).startsWith(wanted);
      };
      const frequent = await lookUp(name, '', window, signal);
      let found = frequent.filter(matches);
      if (found.length === 0 && isText && prefix !== '' && frequent.length >= VALUES_KEPT) {
        found = (await lookUp(name, textFilter(field, prefix), window, signal)).filter(matches);
      }
      return { field: name, values: found.slice(0, limit) };
    },
  };
}

/** Rare texts, which are not among the values kept. */
function textFilter(field: string, prefix: string): string {
  const pattern = `${prefix.replace(/[%_\\]/g, '')}%`;
  return `${field} ilike ${JSON.stringify(pattern)}`;
}

function suggestedValue(row: AnswerRow, name: string): SuggestedValue | undefined {
  const value = row[name];
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  return { value, flows: Number(row['flows'] ?? 0), octets: Number(row['octets'] ?? 0) };
}
