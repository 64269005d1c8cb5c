import { type FormEvent, useId, useState } from 'react';
import { formatDateTime, formatDuration } from '../format/time.ts';
import { parseMoment, rangeTitle } from '../format/time-words.ts';
import { zoneName } from '../format/time-zone.ts';
import { useSharedView } from '../use-view-state.ts';
import {
  RANGES,
  rangeBounds,
  shiftedRange,
  type TimeRange,
  type TimeZone,
  widenedRange,
} from '../view-state.ts';
import { ClockIcon } from '../widgets/icons.tsx';
import { Popover } from '../widgets/popover.tsx';
import { Segmented } from '../widgets/segmented.tsx';

const STEP =
  'grid h-8 w-7 place-items-center border-line text-ink-soft hover:bg-hover hover:text-ink focus-visible:z-10';

/** Which time is shown: presets, moments in words, earlier and later, wider, the time zone. */
export function RangePicker() {
  const [{ range, zone }, change] = useSharedView();
  const move = (next: TimeRange): void => change({ range: next });
  const nowMs = Date.now();
  return (
    <fieldset aria-label="Time" className="flex w-full rounded-md border border-line bg-surface md:w-auto">
      <button
        type="button"
        aria-label="Earlier"
        title="Earlier ( [ )"
        onClick={() => move(shiftedRange(range, -1, Date.now()))}
        className={`${STEP} rounded-l-md border-r`}
      >
        ‹
      </button>
      <div className="min-w-0 flex-1">
        <Popover
          label={`Time range: ${rangeTitle(range, nowMs)}`}
          button={
            <>
              <ClockIcon className="size-4 shrink-0 text-ink-faint" />
              <span className="figures truncate">{rangeTitle(range, nowMs)}</span>
              {zone === 'utc' && <span className="text-ink-faint text-xs">UTC</span>}
            </>
          }
          buttonClassName="flex h-8 w-full items-center justify-center gap-2 px-2.5 text-[0.8125rem] hover:bg-hover"
          align="right"
        >
          {(close) => (
            <RangeForm
              range={range}
              zone={zone}
              onRange={(next) => {
                move(next);
                close();
              }}
              onZone={(next) => change({ zone: next })}
            />
          )}
        </Popover>
      </div>
      <button
        type="button"
        aria-label="Later"
        title="Later ( ] )"
        disabled={range.kind === 'last'}
        onClick={() => move(shiftedRange(range, 1, Date.now()))}
        className={`${STEP} border-l disabled:text-ink-faint disabled:opacity-50`}
      >
        ›
      </button>
      <button
        type="button"
        aria-label="Zoom out"
        title="Twice as long ( - )"
        onClick={() => move(widenedRange(range, Date.now()))}
        className={`${STEP} rounded-r-md border-l`}
      >
        −
      </button>
    </fieldset>
  );
}

interface RangeFormProps {
  range: TimeRange;
  zone: TimeZone;
  onRange: (range: TimeRange) => void;
  onZone: (zone: TimeZone) => void;
}

function RangeForm({ range, zone, onRange, onZone }: RangeFormProps) {
  return (
    <div className="w-[19rem] max-w-[calc(100vw-2rem)] p-2.5">
      <ul className="grid grid-cols-2 gap-0.5">
        {RANGES.map((last) => (
          <li key={last}>
            <button
              type="button"
              aria-pressed={range.kind === 'last' && range.last === last}
              onClick={() => onRange({ kind: 'last', last })}
              className="w-full rounded px-2 py-1 text-left text-[0.8125rem] hover:bg-hover aria-pressed:bg-accent-soft aria-pressed:font-semibold aria-pressed:text-accent"
            >
              {rangeTitle({ kind: 'last', last }, 0)}
            </button>
          </li>
        ))}
      </ul>
      <MomentsForm range={range} onRange={onRange} />
      <div className="mt-2.5 flex items-center justify-between border-line border-t pt-2.5">
        <span className="text-ink-soft text-xs">Time zone</span>
        <Segmented
          label="Time zone"
          value={zone}
          options={[
            { value: 'local', text: `Local (${zoneName('local', Date.now())})` },
            { value: 'utc', text: 'UTC' },
          ]}
          onChange={onZone}
        />
      </div>
    </div>
  );
}

/** From and to, in words or figures; says at once how they are understood. */
function MomentsForm({ range, onRange }: Pick<RangeFormProps, 'range' | 'onRange'>) {
  const nowMs = Date.now();
  const bounds = rangeBounds(range, nowMs);
  const [from, setFrom] = useState(() => formatDateTime(bounds.from));
  const [to, setTo] = useState(() => (range.kind === 'last' ? 'now' : formatDateTime(bounds.to)));
  const id = useId();
  const fromMs = parseMoment(from, nowMs);
  const toMs = parseMoment(to, nowMs);
  const complaint =
    fromMs === undefined || toMs === undefined
      ? `“${fromMs === undefined ? from : to}” is no time. Allowed: 10:30, yesterday 10:30, 2026-05-03 10:30, 2h ago, now.`
      : fromMs >= toMs
        ? 'It ends before it begins.'
        : undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (complaint !== undefined || fromMs === undefined || toMs === undefined) return;
    onRange({ kind: 'fixed', from: Math.round(fromMs), to: Math.round(toMs) });
  };
  return (
    <form onSubmit={submit} className="mt-2.5 space-y-2 border-line border-t pt-2.5">
      <div className="grid grid-cols-[2.5rem_1fr] items-center gap-y-1.5">
        <label htmlFor={`${id}-from`} className="text-ink-soft text-xs">
          From
        </label>
        <input
          id={`${id}-from`}
          value={from}
          onChange={(event) => setFrom(event.target.value)}
          className={INPUT}
        />
        <label htmlFor={`${id}-to`} className="text-ink-soft text-xs">
          To
        </label>
        <input id={`${id}-to`} value={to} onChange={(event) => setTo(event.target.value)} className={INPUT} />
      </div>
      <div className="flex items-center gap-2">
        <p
          className={`figures min-w-0 flex-1 text-xs ${complaint === undefined ? 'text-ink-faint' : 'text-drop'}`}
        >
          {complaint ?? formatDuration((toMs ?? 0) - (fromMs ?? 0))}
        </p>
        <button
          type="submit"
          className="rounded-md bg-accent px-2.5 py-1 font-medium text-accent-ink text-xs"
          disabled={complaint !== undefined}
        >
          Show
        </button>
      </div>
    </form>
  );
}

const INPUT =
  'figures h-7 w-full rounded-md border border-line bg-sunken px-2 text-[0.8125rem] focus:border-accent focus:outline-none';
