import type { MatrixCell, PolicyMatrix } from '@weir/analysis';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { amountOf, CELL_STATES, type CellState, LOOKS, StateLine, statesOf } from './outcome-look.tsx';

interface MatrixGridProps {
  matrix: PolicyMatrix;
  /** Only cells that have this. */
  state: CellState | undefined;
  chosen: { from: string; to: string } | undefined;
  onChoose: (cell: MatrixCell) => void;
}

/** Who reached whom: rows begin, columns answer. On a phone a list, the gravest first. */
export function MatrixGrid({ matrix, state, chosen, onChoose }: MatrixGridProps) {
  const cells = matrix.cells.filter((cell) => statesOf(cell).length > 0 && isShown(cell, state));
  if (cells.length === 0) {
    return (
      <p className="px-4 py-6 text-ink-soft" data-testid="empty-state">
        {state === undefined
          ? 'No connection was seen or dropped in this time: a longer time range may have some.'
          : `Nothing is “${LOOKS[state].title}” in this time.`}
      </p>
    );
  }
  return (
    <>
      <WideGrid matrix={matrix} cells={cells} state={state} chosen={chosen} onChoose={onChoose} />
      <ul aria-label="Cells of the matrix" className="divide-y divide-line md:hidden">
        {cells.map((cell) => (
          <li key={`${cell.from}\n${cell.to}`}>
            <button
              type="button"
              aria-pressed={isChosen(cell, chosen)}
              onClick={() => onChoose(cell)}
              className="block w-full px-3.5 py-2.5 text-left hover:bg-hover aria-pressed:bg-accent-soft"
            >
              <span className="block font-semibold text-[0.8125rem] [overflow-wrap:anywhere]">
                {cell.from} → {cell.to}
              </span>
              <span className="mt-1 flex flex-wrap gap-x-3">
                <Lines cell={cell} state={state} />
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

const isShown = (cell: MatrixCell, state: CellState | undefined) =>
  state === undefined || amountOf(cell, state) > 0;
const isChosen = (cell: MatrixCell, chosen: MatrixGridProps['chosen']) =>
  chosen?.from === cell.from && chosen.to === cell.to;

function Lines({ cell, state }: { cell: MatrixCell; state: CellState | undefined }) {
  return CELL_STATES.filter(
    (each) => (state === undefined || each === state) && amountOf(cell, each) > 0,
  ).map((each) => <StateLine key={each} state={each} amount={amountOf(cell, each)} />);
}

function WideGrid({
  matrix,
  cells,
  state,
  chosen,
  onChoose,
}: MatrixGridProps & { cells: readonly MatrixCell[] }) {
  const byPlace = new Map(cells.map((cell) => [`${cell.from}\n${cell.to}`, cell]));
  const rows = matrix.groups.filter((group) => cells.some(({ from }) => from === group));
  const columns = matrix.groups.filter((group) => cells.some(({ to }) => to === group));
  return (
    <ScrollRegion label="Matrix of groups" className="hidden max-h-[70vh] md:block">
      <table className="border-separate border-spacing-1 p-2" aria-label="Who reached whom">
        <thead>
          <tr>
            <th scope="col" className="px-2 py-1 text-left font-normal text-ink-faint text-xs">
              from ↓ to →
            </th>
            {columns.map((group) => (
              <th
                key={group}
                scope="col"
                className="max-w-44 truncate px-2 py-1 text-left font-semibold text-xs"
                title={group}
              >
                {group}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((from) => (
            <tr key={from}>
              <th scope="row" className="max-w-52 truncate px-2 text-left font-semibold text-xs" title={from}>
                {from}
              </th>
              {columns.map((to) => {
                const cell = byPlace.get(`${from}\n${to}`);
                return (
                  <td key={to} className="h-px p-0 align-top">
                    {cell === undefined ? (
                      <span className="block h-full min-h-9 rounded-md border border-line border-dashed px-2 py-1 text-ink-faint text-xs">
                        –
                      </span>
                    ) : (
                      <Cell cell={cell} state={state} chosen={isChosen(cell, chosen)} onChoose={onChoose} />
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

interface CellProps {
  cell: MatrixCell;
  state: CellState | undefined;
  chosen: boolean;
  onChoose: (cell: MatrixCell) => void;
}

function Cell({ cell, state, chosen, onChoose }: CellProps) {
  const gravest = state ?? statesOf(cell)[0] ?? 'allowed';
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={() => onChoose(cell)}
      className={`block h-full min-h-9 w-full min-w-32 rounded-md border border-line px-2 py-1 text-left hover:border-line-strong aria-pressed:border-accent aria-pressed:shadow-[0_0_0_1px_var(--accent)] ${LOOKS[gravest].ground}`}
    >
      <span className="sr-only">
        {cell.from} to {cell.to}:{' '}
      </span>
      <Lines cell={cell} state={state} />
    </button>
  );
}
