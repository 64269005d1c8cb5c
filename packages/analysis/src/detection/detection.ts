/** What a detection is: a question to the flows at regular times, a formula with its parameters, and its findings. */

import type { Network } from '../address.ts';
import type { AlertFinding } from '../alert.ts';
import type { TimeRange } from '../query-plan.ts';
import type { AnswerRow } from '../query-result.ts';
import type { AddressFeeds } from './address-feed.ts';
import type { DetectionMemory } from './detection-memory.ts';

export interface DetectionParameter {
  readonly name: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  readonly meaning: string;
  /** Where the default comes from. */
  readonly source: string;
}

export type ParameterValues = Readonly<Record<string, number>>;

/** Asks the store; `flows` has only records that ended in the range. */
export type AskFlows = (sql: string, range: TimeRange) => Promise<readonly AnswerRow[]>;

export interface DetectionContext {
  /** Whole steps of the detection that are over, and were not looked at before. */
  readonly range: TimeRange;
  readonly parameters: ParameterValues;
  /** Networks that are ours. */
  readonly home: readonly Network[];
  /** SQL that holds for the records that count: no duplicates, nothing of what is left out. */
  readonly counted: string;
  /** What the detection knows from before, and leaves for the next time. */
  readonly memory: DetectionMemory;
  readonly feeds: AddressFeeds;
}

export interface Detection {
  /** Stable; part of alerts, addresses and metrics. */
  readonly id: string;
  readonly title: string;
  /** One sentence for people. */
  readonly what: string;
  readonly formula: string;
  /** Where formula and thresholds come from. */
  readonly source: string;
  /** What it does not find, and when it is wrong. */
  readonly misses: string;
  /** It looks at times that are multiples of this, each once. */
  readonly stepMs: number;
  /** The most that is asked for at once: history is played in such parts. */
  readonly chunkMs: number;
  readonly enabledByDefault: boolean;
  /** Whether what it says of a source depends on the records of that source alone, so that it can be asked in parts. */
  readonly isBySource: boolean;
  /** Rows that it remembers at most; 0: nothing. */
  readonly memoryRowsMax: number;
  readonly parameters: readonly DetectionParameter[];
  run(ask: AskFlows, context: DetectionContext): Promise<AlertFinding[]>;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The value of a parameter; a name that the detection has not declared is a programmer's mistake. */
export function setting(values: ParameterValues, name: string): number {
  const value = values[name];
  if (value === undefined) throw new Error(`the detection has no parameter ${name}`);
  return value;
}

export function defaultParameters({ parameters }: Detection): Record<string, number> {
  return Object.fromEntries(parameters.map((each) => [each.name, each.default]));
}

/** What a detection says of one finding; the rest follows. */
export interface FindingParts extends Pick<AlertFinding, 'subject' | 'score' | 'explanation'> {
  readonly title?: string;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Flows in the filter language that ended in `range`. */
  readonly filter: string;
  readonly range: TimeRange;
  readonly numbers: AlertFinding['evidence']['numbers'];
}

export function findingOf({ id, title, formula }: Detection, parts: FindingParts): AlertFinding {
  const { firstMs, lastMs, range, filter, numbers, subject, explanation } = parts;
  const iso = (ms: number) => new Date(ms).toISOString();
  return {
    detection: id,
    title: parts.title ?? title,
    subject,
    score: Math.min(1, Math.max(0, parts.score)),
    firstSeen: iso(firstMs),
    lastSeen: iso(lastMs),
    evidence: { formula, numbers, filter, from: iso(range.fromMs), to: iso(range.toMs) },
    explanation,
  };
}

/** How far beyond its threshold a count is, as a score: `from` at the threshold, 0.9 at ten times as much. */
export function excessScore(value: number, threshold: number, from: number): number {
  const decades = Math.log10(Math.max(1, value / Math.max(threshold, 1e-9)));
  return Math.min(0.9, from + (0.9 - from) * decades);
}
