/**
 * The line in which a filter is written: CodeMirror in a shadow root, because a shadow root's adopted style
 * sheets are what a policy without inline styles lets an editor have. Loaded after the first paint.
 */
import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
  completionKeymap,
  completionStatus,
  startCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { EditorState, type Extension, Prec, StateField, type Text } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from '@codemirror/view';

/** A stretch of the text that is drawn in the colour of its kind. */
export interface FilterToken {
  from: number;
  to: number;
  kind: 'field' | 'word' | 'operator' | 'literal' | 'text' | 'state';
}

/** What may stand at the cursor instead of `text.slice(from, to)`. */
export interface FilterProposal {
  from: number;
  to: number;
  options: readonly { text: string; detail?: string; kind?: string }[];
}

export interface FilterEditorOptions {
  parent: HTMLElement;
  label: string;
  hint: string;
  text: string;
  tokens: (text: string) => FilterToken[];
  /** Offset of what cannot be read, or undefined. */
  mistakeAt: (text: string) => number | undefined;
  propose: (text: string, position: number, signal: AbortSignal) => Promise<FilterProposal | undefined>;
  onChange: (text: string) => void;
  onEnter: () => void;
  onEscape: () => void;
  onFocus: (focused: boolean) => void;
}

export interface FilterEditor {
  setText(text: string): void;
  focus(): void;
  dispose(): void;
}

export function createFilterEditor(options: FilterEditorOptions): FilterEditor {
  const root = options.parent.shadowRoot ?? options.parent.attachShadow({ mode: 'open' });
  root.replaceChildren();
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({ doc: options.text, extensions: extensionsOf(options) }),
  });
  return {
    setText(text) {
      if (view.state.doc.toString() === text) return;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    focus() {
      view.focus();
      view.dispatch({ selection: { anchor: view.state.doc.length } });
    },
    dispose: () => view.destroy(),
  };
}

function extensionsOf(options: FilterEditorOptions): Extension[] {
  return [
    oneLine,
    history(),
    Prec.highest(
      keymap.of([
        { key: 'Enter', run: (view) => acceptCompletion(view) || done(options.onEnter) },
        { key: 'Mod-Enter', run: () => done(options.onEnter) },
        { key: 'Tab', run: acceptCompletion },
        {
          key: 'Escape',
          run: (view) => completionStatus(view.state) === null && done(options.onEscape),
        },
      ]),
    ),
    keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
    autocompletion({
      override: [(context) => completions(context, options.propose)],
      icons: false,
      activateOnTypingDelay: 120,
      // Enter applies the filter until somebody chooses from the list, so a list that opens takes no key by accident.
      selectOnOpen: false,
      interactionDelay: 0,
    }),
    placeholder(options.hint),
    drawn(options),
    EditorView.contentAttributes.of({
      'aria-label': options.label,
      'aria-multiline': 'false',
      spellcheck: 'false',
      autocapitalize: 'off',
      autocorrect: 'off',
      enterkeyhint: 'search',
    }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) options.onChange(update.state.doc.toString());
      if (update.focusChanged) options.onFocus(update.view.hasFocus);
    }),
    EditorView.domEventHandlers({
      focus: (_event, view) => {
        if (view.state.doc.length > 0) return;
        startCompletion(view);
      },
    }),
    THEME,
  ];
}

function done(run: () => void): boolean {
  run();
  return true;
}

/** A filter is one line: line ends that are pasted become spaces. */
const oneLine = EditorState.transactionFilter.of((transaction) => {
  if (!transaction.docChanged || transaction.newDoc.lines === 1) return transaction;
  const text = transaction.newDoc.toString().replace(/\s*\n\s*/g, ' ');
  return [
    {
      changes: { from: 0, to: transaction.startState.doc.length, insert: text },
      selection: { anchor: text.length },
    },
  ];
});

async function completions(
  context: CompletionContext,
  propose: FilterEditorOptions['propose'],
): Promise<CompletionResult | null> {
  const abort = new AbortController();
  context.addEventListener('abort', () => abort.abort());
  const proposal = await propose(context.state.doc.toString(), context.pos, abort.signal);
  if (proposal === undefined || proposal.options.length === 0) return null;
  const options = proposal.options.map(
    ({ text, detail }, index): Completion => ({
      label: text,
      apply: `${text} `,
      boost: -Math.min(99, index), // in the order in which they were proposed
      ...(detail === undefined ? {} : { detail }),
    }),
  );
  return { from: proposal.from, to: proposal.to, options, filter: false };
}

/** Colours and the underline, renewed with each change of the text. */
function drawn(options: FilterEditorOptions): Extension {
  const draw = (doc: Text): DecorationSet => {
    const text = doc.toString();
    const marks = options.tokens(text).map(({ from, to, kind }) => TOKEN_MARKS[kind].range(from, to));
    const at = text.trim() === '' ? undefined : options.mistakeAt(text);
    if (at !== undefined) marks.push(misspeltMark(text, at));
    return Decoration.set(marks, true);
  };
  return StateField.define<DecorationSet>({
    create: (state) => draw(state.doc),
    update: (marks, transaction) => (transaction.docChanged ? draw(transaction.newDoc) : marks),
    provide: (field) => EditorView.decorations.from(field),
  });
}

/** Marks the word that cannot be read; at the end of the text, the character before. */
function misspeltMark(text: string, position: number) {
  const start = Math.min(position, text.length - 1);
  const word = /^\S+/.exec(text.slice(start))?.[0] ?? text.charAt(start);
  return Decoration.mark({ class: 'misspelt' }).range(start, start + word.length);
}

const TOKEN_MARKS = {
  field: Decoration.mark({ class: 'tok-field' }),
  word: Decoration.mark({ class: 'tok-word' }),
  operator: Decoration.mark({ class: 'tok-operator' }),
  literal: Decoration.mark({ class: 'tok-literal' }),
  text: Decoration.mark({ class: 'tok-text' }),
  state: Decoration.mark({ class: 'tok-state' }),
} as const;

const THEME = EditorView.theme({
  '&': { fontSize: '0.8125rem', backgroundColor: 'transparent', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    fontFamily: 'var(--font-mono)',
    lineHeight: '1.375rem',
    overflowX: 'auto',
    scrollbarWidth: 'none',
  },
  '.cm-content': { padding: '0.25rem 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0' },
  '.cm-placeholder': { color: 'var(--ink-faint)' },
  '.tok-field': { color: 'var(--accent)' },
  '.tok-word': { color: 'var(--ink-soft)', fontWeight: '600' },
  '.tok-operator': { color: 'var(--ink-soft)' },
  '.tok-literal': { color: 'var(--good)' },
  '.tok-text': { color: 'var(--warn)' },
  '.tok-state': { color: 'var(--drop)' },
  '.misspelt': {
    textDecoration: 'underline wavy var(--drop)',
    textUnderlineOffset: '3px',
    textDecorationSkipInk: 'none',
  },
  '.cm-tooltip': {
    border: '1px solid var(--line-strong)',
    borderRadius: '6px',
    backgroundColor: 'var(--surface)',
    color: 'var(--ink)',
    boxShadow: '0 8px 24px rgb(0 0 0 / 0.18)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': {
    fontFamily: 'var(--font-mono)',
    maxHeight: '18rem',
    minWidth: '16rem',
    maxWidth: 'min(36rem, 92vw)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': {
    padding: '3px 10px',
    display: 'flex',
    gap: '1.5rem',
    justifyContent: 'space-between',
    lineHeight: '1.3',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent-soft)',
    color: 'var(--ink)',
  },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionDetail': {
    fontFamily: 'var(--font-sans)',
    fontStyle: 'normal',
    color: 'var(--ink-faint)',
    fontSize: '0.75rem',
    overflow: 'hidden',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
  },
});
