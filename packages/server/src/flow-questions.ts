import type { FlowsAnswer, Pulse, QueryAnswer, SeriesAnswer } from './answers.ts';
import type { TimeWindow } from './parameters.ts';

export type MeasureName = 'octets' | 'packets' | 'flows';

interface Question {
  readonly filter: string;
  readonly window: TimeWindow;
  readonly deduplicated?: boolean | undefined;
  readonly scaled?: boolean | undefined;
}

export interface RankQuestion extends Question {
  readonly by: readonly string[];
  readonly top: number;
  /** Any measure. */
  readonly orderBy: string;
  readonly measures?: readonly string[];
  readonly previous?: boolean | undefined;
}

export interface SeriesQuestion extends Question {
  readonly by: readonly string[];
  readonly top: number;
  readonly orderBy: MeasureName;
  /** The answer has at most so many steps. */
  readonly points: number;
}

export interface RecordsQuestion extends Question {
  readonly limit: number;
  readonly cursor: string | undefined;
}

/**
 * The questions of the API, whoever answers them. All reject with FilterError (of analysis) when the filter
 * cannot
 * be read, with ParameterError when a dimension does not exist, and with the signal's reason when it is
 * aborted.
 */
export interface FlowQuestions {
  series(question: SeriesQuestion, signal: AbortSignal): Promise<SeriesAnswer>;
  rank(question: RankQuestion, signal: AbortSignal): Promise<QueryAnswer>;
  records(question: RecordsQuestion, signal: AbortSignal): Promise<FlowsAnswer>;
  pulse(filter: string, signal: AbortSignal): Promise<Pulse>;
  /** The same questions, answered as if only flows that meet `rowFilter` existed; empty: all do. */
  narrowed(rowFilter: string): FlowQuestions;
}
