import { useEffect, useId, useRef, useState } from 'react';

/** Where a filter's text cannot be read on, and what could stand there. */
export interface FilterMistake {
  position: number;
  message: string;
}

interface FilterBoxProps {
  /** The filter that is applied. */
  value: string;
  onApply: (filter: string) => void;
  /** Undefined when the text is a filter. */
  check: (text: string) => FilterMistake | undefined;
  examples: readonly { text: string; meaning: string }[];
}

const BOX = 'wire h-8 w-full whitespace-pre rounded-md px-8 leading-8';

/**
 * The filter's text: checked while it is typed, applied with Enter, reverted with Escape, focused with `/`.
 */
export function FilterBox({ value, onApply, check, examples }: FilterBoxProps) {
  const [text, setText] = useState(value);
  const [helpOpen, setHelpOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const mirror = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => setText(value), [value]);
  useFocusOnSlash(input);

  const mistake = text.trim() === '' ? undefined : check(text);
  const pending = text.trim() !== value.trim();
  const apply = (filter: string): void => {
    if (filter.trim() !== '' && check(filter) !== undefined) return;
    setText(filter);
    setHelpOpen(false);
    onApply(filter.trim());
  };

  return (
    <search className="relative min-w-0 flex-1">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply(text);
        }}
        onBlur={(event) => {
          if (!event.currentTarget.contains(event.relatedTarget)) setHelpOpen(false);
        }}
      >
        <div className="relative rounded-md border border-line bg-surface focus-within:border-accent hover:border-line-strong">
          <FunnelIcon />
          <div
            ref={mirror}
            aria-hidden="true"
            className={`${BOX} pointer-events-none absolute inset-0 overflow-hidden text-transparent`}
          >
            {mistake !== undefined && <Underlined text={text} position={mistake.position} />}
          </div>
          <input
            ref={input}
            type="text"
            inputMode="search"
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
            autoComplete="off"
            aria-label="Filter"
            aria-invalid={mistake !== undefined}
            aria-describedby={`${id}-message`}
            placeholder="Filter, such as: host 10.0.0.1 port 443"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onFocus={() => setHelpOpen(true)}
            onScroll={(event) => {
              if (mirror.current !== null) mirror.current.scrollLeft = event.currentTarget.scrollLeft;
            }}
            onKeyDown={(event) => {
              if (event.key !== 'Escape') return;
              setText(value);
              setHelpOpen(false);
              event.currentTarget.blur();
            }}
            className={`${BOX} relative bg-transparent outline-none placeholder:text-ink-faint`}
          />
          {text !== '' && (
            <button
              type="button"
              aria-label="Clear the filter"
              title="Clear the filter"
              onClick={() => apply('')}
              className="absolute top-1 right-1 grid size-6 place-items-center rounded text-ink-soft hover:bg-hover hover:text-ink"
            >
              ×
            </button>
          )}
        </div>
        <div id={`${id}-message`} aria-live="polite">
          {mistake !== undefined && (
            <p className="mt-1 text-drop text-xs" data-testid="filter-mistake">
              {mistake.message}
            </p>
          )}
          {mistake === undefined && pending && (
            <p className="mt-1 text-ink-soft text-xs">
              <kbd className="font-semibold">Enter</kbd> applies it, <kbd className="font-semibold">Esc</kbd>{' '}
              takes it back.
            </p>
          )}
        </div>
        {helpOpen && text.trim() === '' && <Examples examples={examples} onChoose={apply} />}
      </form>
    </search>
  );
}

function Underlined({ text, position }: { text: string; position: number }) {
  const start = Math.min(position, text.length);
  const word = /^\S*/.exec(text.slice(start))?.[0] ?? '';
  const wrong = word === '' ? ' ' : word;
  return (
    <>
      {text.slice(0, start)}
      <span className="misspelt">{wrong}</span>
    </>
  );
}

function Examples({
  examples,
  onChoose,
}: Pick<FilterBoxProps, 'examples'> & { onChoose: (text: string) => void }) {
  return (
    <ul className="absolute top-full right-0 left-0 z-30 mt-1 overflow-hidden rounded-md border border-line bg-surface py-1 shadow-lg">
      {examples.map((example) => (
        <li key={example.text}>
          <button
            type="button"
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onChoose(example.text)}
            className="flex w-full flex-wrap items-baseline gap-x-3 px-3 py-1 text-left hover:bg-hover"
          >
            <code className="wire text-ink">{example.text}</code>
            <span className="text-ink-faint text-xs">{example.meaning}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function FunnelIcon() {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 20 20"
      className="absolute top-2 left-2.5 size-4 text-ink-faint"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinejoin="round"
    >
      <path d="M3 4h14l-5.5 6.500V16l-3-1.500v-4Z" />
    </svg>
  );
}

function useFocusOnSlash(input: { current: HTMLInputElement | null }): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && event.target.closest('input, textarea, select');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [input]);
}
