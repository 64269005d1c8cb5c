import { rateText } from './capacity-model.ts';

const HOURS = [0, 6, 12, 18];
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Hours of the week as a grid: the darker, the more. */
export function WeekProfile({ label, profile }: { label: string; profile: readonly (number | null)[] }) {
  const max = Math.max(...profile.map((value) => value ?? 0), 1e-9);
  if (profile.every((value) => value === null)) {
    return <p className="px-3.5 py-3 text-ink-soft text-xs">No hour is known yet.</p>;
  }
  const busiest = profile.indexOf(max);
  return (
    <div className="px-3.5 py-3">
      <table
        aria-label={label}
        className="w-full table-fixed border-separate border-spacing-px text-[0.625rem]"
      >
        <thead aria-hidden="true">
          <tr>
            <td className="w-8" />
            {HOURS.map((hour) => (
              <td key={hour} colSpan={6} className="text-ink-faint">
                {String(hour).padStart(2, '0')}:00
              </td>
            ))}
          </tr>
        </thead>
        <tbody>
          {DAYS.map((day, row) => (
            <tr key={day}>
              <th scope="row" className="w-8 text-left font-normal text-ink-faint">
                {day}
              </th>
              {profile.slice(row * 24, row * 24 + 24).map((value, hour) => (
                <td
                  // biome-ignore lint/suspicious/noArrayIndexKey: hours are their places.
                  key={hour}
                  title={`${day} ${String(hour).padStart(2, '0')}:00 UTC: ${rateText(value)}`}
                  className="h-4 rounded-[2px]"
                  style={{
                    background: `color-mix(in srgb, var(--series-blue) ${Math.round(((value ?? 0) / max) * 90)}%, var(--sunken))`,
                  }}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="mt-1.5 text-ink-faint text-xs">
        Busiest: {DAYS[Math.floor(busiest / 24)]} {String(busiest % 24).padStart(2, '0')}:00 UTC with{' '}
        {rateText(max)}, the median of the last eight weeks.
      </p>
    </div>
  );
}
