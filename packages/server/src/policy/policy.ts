/**
 * Policy validation as one thing to start, stop and ask: the intended policy, what became of it, and what
 * others would change.
 */
import path from 'node:path';
import {
  type CellChoice,
  type CellFilter,
  type ChangeLine,
  comparePolicies,
  createPolicyMatrix,
  createPolicySpace,
  filterOfClasses,
  type PolicyChange,
  type PolicyDocument,
  type PolicyMatrix,
  type PolicyProblem,
  rowsOfChange,
  rowsOfChoice,
  shadowedRules,
} from '@weir/analysis';
import { type Clock, type Component, type Logger, UserError } from '@weir/base';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { createListFolder } from '../list-folder.ts';
import { type CurrentPolicy, createPolicyBook, type PolicyBook, type PolicyVersion } from './policy-book.ts';
import {
  createPolicyEvaluator,
  type DroppedSource,
  type Evaluation,
  type Evidence,
  type PolicyQuestion,
} from './policy-evaluator.ts';
import { createPolicyWatch, type PolicyWatch } from './policy-watch.ts';

/** Figures of a range, and where they come from. */
export interface Judged {
  readonly fromMs: number;
  readonly toMs: number;
  readonly records: number;
  readonly elapsedMs: number;
  /** What limits the figures, beyond the notes of the matrix. */
  readonly notes: readonly string[];
}

/** What `/policy/matrix` answers. */
export interface MatrixAnswer extends Judged {
  readonly version: PolicyVersion;
  readonly matrix: PolicyMatrix;
}

export interface CellEvidence extends Evidence, CellFilter {
  /** When the pairs were asked for, not only counted. */
  readonly kind: 'forwarded' | 'dropped' | 'all';
}

export interface PolicyAnalysis extends Component {
  readonly book: PolicyBook;
  readonly watch: PolicyWatch;
  /** Rules that no connection can reach, of a policy that can be read. */
  warnings(document: PolicyDocument): PolicyProblem[];
  /** Throws UserError `policy_unknown` when there is no policy. */
  matrix(
    question: PolicyQuestion,
    signal?: AbortSignal,
  ): Promise<Judged & { matrix: PolicyMatrix; policy: CurrentPolicy }>;
  cell(choice: CellChoice, question: PolicyQuestion, signal?: AbortSignal): Promise<CellEvidence>;
  change(
    after: PolicyDocument,
    question: PolicyQuestion,
    signal?: AbortSignal,
  ): Promise<Judged & { change: PolicyChange }>;
  changeEvidence(
    after: PolicyDocument,
    line: Pick<ChangeLine, 'from' | 'to' | 'service' | 'was'>,
    question: PolicyQuestion,
    signal?: AbortSignal,
  ): Promise<CellEvidence>;
  droppedSources(question: PolicyQuestion, signal?: AbortSignal): Promise<readonly DroppedSource[]>;
}

export interface PolicyAnalysisOptions {
  readonly queue: AnalysisQueue;
  readonly alerts: Pick<AlertBook, 'raise'>;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is not there yet: a policy that allows nothing and knows nobody. */
const NO_POLICY: PolicyDocument = { version: 1, groups: [], services: [], rules: [], default: 'allow' };

export function createPolicyAnalysis(options: PolicyAnalysisOptions): PolicyAnalysis {
  const { queue, alerts, dataDirectory, clock, logger } = options;
  const lists = createListFolder(path.join(dataDirectory, 'lists'));
  const book = createPolicyBook({ dataDirectory, clock, logger });
  const evaluator = createPolicyEvaluator({ queue, lists, clock });
  const watch = createPolicyWatch({ book, evaluator, alerts, dataDirectory, clock, logger });

  function needed(): CurrentPolicy {
    const current = book.current();
    if (current !== undefined) return current;
    const [problem] = book.problems();
    const why = problem === undefined ? `${book.file} does not exist` : `${book.file}: ${problem.message}`;
    throw new UserError('policy_unknown', `there is no policy: ${why}`);
  }

  const judged = ({ records, elapsedMs, notes }: Evaluation, { fromMs, toMs }: PolicyQuestion): Judged => ({
    fromMs,
    toMs,
    records,
    elapsedMs,
    notes,
  });

  const compared = (after: PolicyDocument) => [book.current()?.document ?? NO_POLICY, after];

  return {
    book,
    watch,
    warnings(document) {
      const [policy] = createPolicySpace([document], (name) => lists.read(name)).policies;
      return policy === undefined
        ? []
        : shadowedRules(policy).map(({ rule, by }) => shadowText(document, rule, by));
    },
    async matrix(question, signal) {
      const policy = needed();
      const evaluation = await evaluator.evaluate([policy.document], question, signal);
      const matrix = createPolicyMatrix(evaluation.space, 0, evaluation.rows);
      return { ...judged(evaluation, question), matrix, policy };
    },
    async cell(choice, question, signal) {
      const { space, rows } = await evaluator.evaluate([needed().document], question, signal);
      const keys = rowsOfChoice(space, 0, rows, choice);
      const kind = kindOf(choice);
      const evidence = await evaluator.pairs(space, keys, kind, question, signal);
      return { ...evidence, ...filterOfClasses(space, keys, kind), kind };
    },
    async change(after, question, signal) {
      const evaluation = await evaluator.evaluate(compared(after), question, signal);
      return { ...judged(evaluation, question), change: comparePolicies(evaluation.space, evaluation.rows) };
    },
    async changeEvidence(after, line, question, signal) {
      const { space, rows } = await evaluator.evaluate(compared(after), question, signal);
      const keys = rowsOfChange(space, rows, line);
      const evidence = await evaluator.pairs(space, keys, line.was, question, signal);
      return { ...evidence, ...filterOfClasses(space, keys, line.was), kind: line.was };
    },
    droppedSources: (question, signal) => evaluator.droppedSources(question, signal),
    start: () => watch.start(),
    stop: () => watch.stop(),
  };
}

/** Which of the flows of a cell are those of an outcome; of what is unexplained it may be either. */
function kindOf({ outcome }: CellChoice): CellEvidence['kind'] {
  if (outcome === 'dropped') return 'dropped';
  return outcome === 'allowed' || outcome === 'violation' ? 'forwarded' : 'all';
}

function shadowText({ rules }: PolicyDocument, rule: number, by: number): PolicyProblem {
  const [later, earlier] = [rules[rule], rules[by]];
  const effect = later?.action === earlier?.action ? 'it changes nothing' : 'it never decides';
  return {
    path: `rules[${rule}]`,
    severity: 'warning',
    message: `"${earlier?.name}" matches before all that "${later?.name}" matches: ${effect}`,
  };
}
