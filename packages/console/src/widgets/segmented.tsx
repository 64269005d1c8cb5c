interface SegmentedProps<T extends string> {
  label: string;
  options: readonly { value: T; text: string; title?: string }[];
  /** Undefined when none of the options holds. */
  value: T | undefined;
  onChange: (value: T) => void;
}

/** A row of choices of which one holds. */
export function Segmented<T extends string>({ label, options, value, onChange }: SegmentedProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset brings a legend and a box that a toolbar must not have.
    <div
      role="group"
      aria-label={label}
      className="flex h-7 w-fit rounded-md border border-line bg-sunken p-px"
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          title={option.title}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
          className="figures rounded-[5px] px-2 text-ink-soft text-xs hover:text-ink aria-pressed:bg-surface aria-pressed:font-semibold aria-pressed:text-ink aria-pressed:shadow-[0_0_0_1px_var(--line)]"
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}

interface PickProps<T extends string> {
  label: string;
  options: readonly { value: T; text: string }[];
  value: T;
  onChange: (value: T) => void;
}

/** One choice out of many, as the system's own list. */
export function Pick<T extends string>({ label, options, value, onChange }: PickProps<T>) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => {
        const chosen = options.find((option) => option.value === event.target.value);
        if (chosen !== undefined) onChange(chosen.value);
      }}
      className="chevron h-7 appearance-none rounded-md border border-line bg-sunken pr-6 pl-2 text-xs hover:border-line-strong"
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.text}
        </option>
      ))}
    </select>
  );
}
