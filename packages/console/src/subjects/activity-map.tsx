import { formatOctets } from '../format/quantity.ts';
import type { ActivityCell } from './subject-contract.ts';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/** When somebody is active: a cell for each hour of the week in UTC, as strong as often they were. */
export function ActivityMap({ cells }: { cells: readonly ActivityCell[] }) {
  const busiest = cells.reduce((most, { octets }) => Math.max(most, octets), 0);
  return (
    <div className="overflow-x-auto px-3.5 py-3">
      <table
        aria-label="Activity by hour of the week"
        className="figures w-full min-w-[21rem] table-fixed border-separate border-spacing-[2px] text-[0.625rem] text-ink-faint"
      >
        <thead>
          <tr>
            <td className="w-7" />
            {HOURS.map((hour) => (
              <th key={hour} scope="col" className="font-normal">
                {hour % 3 === 0 ? String(hour).padStart(2, '0') : <span className="sr-only">{hour}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {DAYS.map((day, at) => (
            <tr key={day}>
              <th scope="row" className="pr-1 text-left font-normal">
                {day}
              </th>
              {HOURS.map((hour) => (
                <Cell key={hour} day={day} hour={hour} cell={cells[at * 24 + hour]} busiest={busiest} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-1.5 text-ink-faint text-xs">
        Hours are UTC. A cell is as strong as its traffic; empty cells had none.
      </p>
    </div>
  );
}

interface CellProps {
  day: string;
  hour: number;
  cell: ActivityCell | undefined;
  busiest: number;
}

function Cell({ day, hour, cell, busiest }: CellProps) {
  const { hours = 0, active = 0, octets = 0 } = cell ?? {};
  const strength = octets === 0 || busiest === 0 ? 0 : 15 + 85 * Math.sqrt(octets / busiest);
  const words = `${day} ${String(hour).padStart(2, '0')}:00: active in ${active} of ${hours} hours, ${formatOctets(octets)}`;
  return (
    <td
      title={words}
      className="h-4 rounded-[2px] p-0"
      style={{ background: `color-mix(in oklab, var(--heat-high) ${strength.toFixed(0)}%, var(--sunken))` }}
    >
      <span className="sr-only">{active === 0 ? 'none' : words}</span>
    </td>
  );
}
