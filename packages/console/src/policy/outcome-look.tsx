import type { MatrixCell, Outcome } from '@weir/analysis';
import { formatCount } from '../format/quantity.ts';

/** What the policy and the network make of a connection, and traffic that never came. */
export type CellState = Outcome | 'missing';

interface Look {
  /** A sign beside the word: states differ without colour. */
  sign: string;
  word: string;
  title: string;
  about: string;
  ink: string;
  ground: string;
}

/** The gravest first. */
export const CELL_STATES: readonly CellState[] = [
  'violation',
  'unexplained',
  'missing',
  'dropped',
  'allowed',
];

export const LOOKS: Readonly<Record<CellState, Look>> = {
  violation: {
    sign: '▲',
    word: 'although denied',
    title: 'Allowed although denied',
    about: 'The policy denies it, and the network let it pass.',
    ink: 'text-drop',
    ground: 'bg-drop-soft',
  },
  unexplained: {
    sign: '?',
    word: 'unexplained',
    title: 'Unexplained',
    about: 'No rule and no group speaks of it, or it was dropped although the policy allows it.',
    ink: 'text-warn',
    ground: 'bg-warn-soft',
  },
  missing: {
    sign: '○',
    word: 'never seen',
    title: 'Expected but never seen',
    about: 'The policy says that this traffic must be there.',
    ink: 'text-accent',
    ground: 'bg-accent-soft',
  },
  dropped: {
    sign: '⊘',
    word: 'dropped',
    title: 'Denied and dropped',
    about: 'The policy denies it, and a drop was told of.',
    ink: 'text-ink-soft',
    ground: 'bg-sunken',
  },
  allowed: {
    sign: '✓',
    word: 'allowed',
    title: 'Allowed and seen',
    about: 'As the policy wants it.',
    ink: 'text-good',
    ground: 'bg-surface',
  },
};

/** How much of a state a cell has: connections, or rules whose traffic did not come. */
export function amountOf(cell: MatrixCell, state: CellState): number {
  return state === 'missing' ? cell.missing.length : cell[state].connections;
}

export function statesOf(cell: MatrixCell): CellState[] {
  return CELL_STATES.filter((state) => amountOf(cell, state) > 0);
}

/** `2 although denied`; of missing traffic there is no count to tell. */
export function StateLine({ state, amount }: { state: CellState; amount: number }) {
  const { sign, word, ink } = LOOKS[state];
  return (
    <span className={`figures flex items-baseline gap-1 whitespace-nowrap text-xs ${ink}`}>
      <span aria-hidden="true" className="inline-block w-3 text-center">
        {sign}
      </span>
      {state !== 'missing' && <b className="font-semibold">{formatCount(amount)}</b>} <span>{word}</span>
    </span>
  );
}
