import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { FilterEditor, FilterEditorOptions } from './filter-editor.ts';
import { FunnelIcon } from './icons.tsx';

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
  tokens: FilterEditorOptions['tokens'];
  propose: FilterEditorOptions['propose'];
}

/**
 * The filter's text: coloured and checked while it is typed, completed with Ctrl-Space, applied with Enter,
 * reverted with Escape, focused with `/`.
 */
export function FilterBox(props: FilterBoxProps) {
  const { value } = props;
  const [text, setText] = useState(value);
  const [focused, setFocused] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<FilterEditor>(undefined);
  const [loaded, setLoaded] = useState(false);
  const id = useId();

  const mistake = text.trim() === '' ? undefined : props.check(text);
  const pending = text.trim() !== value.trim();
  const apply = (filter: string): void => {
    if (filter.trim() !== '' && props.check(filter) !== undefined) return;
    props.onApply(filter.trim());
  };
  // The editor lives longer than one render: it calls what is newest.
  const newest = useRef({ ...props, text, apply });
  newest.current = { ...props, text, apply };

  useEffect(() => {
    let gone = false;
    void import('./filter-editor.ts').then(({ createFilterEditor }) => {
      if (gone || host.current === null) return;
      editor.current = createFilterEditor({
        parent: host.current,
        label: 'Filter',
        hint: 'Filter, such as: host 10.0.0.1 port 443',
        text: newest.current.text,
        tokens: (content) => newest.current.tokens(content),
        mistakeAt: (content) => newest.current.check(content)?.position,
        propose: (content, position, signal) => newest.current.propose(content, position, signal),
        onChange: setText,
        onEnter: () => newest.current.apply(newest.current.text),
        onEscape: () => editor.current?.setText(newest.current.value),
        onFocus: setFocused,
      });
      setLoaded(true);
    });
    return () => {
      gone = true;
      editor.current?.dispose();
      editor.current = undefined;
    };
  }, []);
  useEffect(() => {
    setText(value);
    editor.current?.setText(value);
  }, [value]);
  useFocusOnSlash(() => editor.current?.focus());

  return (
    <search className="relative block min-w-0 flex-1">
      <div className="relative flex min-h-8 items-start rounded-md border border-line bg-surface pr-8 pl-8 focus-within:border-accent focus-within:shadow-[0_0_0_1px_var(--accent)] hover:border-line-strong">
        <FunnelIcon className="absolute top-2 left-2.5 size-4 text-ink-faint" />
        <div ref={host} className="min-w-0 flex-1" />
        {!loaded && (
          <span className="wire absolute top-1 left-8 truncate leading-[1.375rem]">
            {text === '' ? <span className="text-ink-faint">Filter…</span> : text}
          </span>
        )}
        {text !== '' && (
          <button
            type="button"
            aria-label="Clear the filter"
            onClick={() => {
              editor.current?.setText('');
              props.onApply('');
            }}
            className="absolute top-0.5 right-0.5 grid size-7 place-items-center rounded text-ink-faint hover:bg-hover hover:text-ink"
          >
            <span aria-hidden="true" className="text-base leading-none">
              ×
            </span>
          </button>
        )}
      </div>
      <Notes id={id} mistake={mistake} pending={pending && (focused || text !== '')} />
    </search>
  );
}

function Notes({
  id,
  mistake,
  pending,
}: {
  id: string;
  mistake: FilterMistake | undefined;
  pending: boolean;
}) {
  let note: ReactNode;
  if (mistake !== undefined) {
    note = (
      <p className="mt-1 text-drop text-xs" data-testid="filter-mistake">
        {mistake.message}
      </p>
    );
  } else if (pending) {
    note = (
      <p className="mt-1 text-ink-soft text-xs">
        <kbd className="font-semibold">Enter</kbd> applies it, <kbd className="font-semibold">Esc</kbd> takes
        it back.
      </p>
    );
  }
  return (
    <div id={id} aria-live="polite">
      {note}
    </div>
  );
}

function useFocusOnSlash(focus: () => void): void {
  const newest = useRef(focus);
  newest.current = focus;
  useEffect(() => {
    const onFocusFilter = (): void => newest.current();
    window.addEventListener(FOCUS_FILTER, onFocusFilter);
    return () => window.removeEventListener(FOCUS_FILTER, onFocusFilter);
  }, []);
}

/** An event on the window that moves the focus into the filter. */
export const FOCUS_FILTER = 'weir:focus-filter';
