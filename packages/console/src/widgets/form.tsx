import { type ReactNode, useId } from 'react';

interface FieldProps {
  label: string;
  /** What it means, in a line. */
  help?: ReactNode;
  problem?: string | undefined;
  disabled?: boolean;
}

const INPUT =
  'h-8 w-full min-w-0 rounded-md border border-line bg-surface px-2.5 text-[0.8125rem] hover:border-line-strong focus:border-accent focus:shadow-[0_0_0_1px_var(--accent)] focus:outline-none disabled:bg-sunken disabled:text-ink-soft aria-invalid:border-drop';

function Frame(props: FieldProps & { id: string; children: ReactNode }) {
  const { id, label, help, problem } = props;
  return (
    <div className="min-w-0 space-y-1">
      <label htmlFor={id} className="block font-medium text-ink-soft text-xs">
        {label}
      </label>
      {props.children}
      <Notes id={id} help={help} problem={problem} />
    </div>
  );
}

function Notes({ id, help, problem }: { id: string; help: ReactNode; problem: string | undefined }) {
  return (
    <div id={`${id}-notes`} className="space-y-0.5 text-xs">
      {problem !== undefined && (
        <p className="flex gap-1.5 text-drop" role="alert">
          <span aria-hidden="true">▲</span>
          {problem}
        </p>
      )}
      {help !== undefined && <p className="text-ink-faint">{help}</p>}
    </div>
  );
}

interface TextFieldProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  /** Values to choose from beside what can be typed. */
  proposals?: readonly string[];
  /** Names and addresses are set like code. */
  wire?: boolean;
  type?: 'text' | 'password';
  /** For password managers. */
  autoComplete?: string;
  autoFocus?: boolean;
}

export function TextField(props: TextFieldProps) {
  const id = useId();
  return (
    <Frame {...props} id={id}>
      <input
        id={id}
        value={props.value}
        disabled={props.disabled}
        placeholder={props.placeholder}
        spellCheck={false}
        type={props.type ?? 'text'}
        autoComplete={props.autoComplete ?? 'off'}
        // biome-ignore lint/a11y/noAutofocus: only where the field is all that was asked for.
        autoFocus={props.autoFocus}
        list={props.proposals === undefined ? undefined : `${id}-list`}
        aria-invalid={props.problem !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => props.onChange(event.target.value)}
        className={`${INPUT} ${props.wire === true ? 'font-mono' : ''}`}
      />
      {props.proposals !== undefined && (
        <datalist id={`${id}-list`}>
          {props.proposals.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
    </Frame>
  );
}

interface NumberFieldProps extends FieldProps {
  value: unknown;
  onChange: (value: number | string) => void;
}

/** A number. What is typed and is none goes on as text, for the checks to name it. */
export function NumberField(props: NumberFieldProps) {
  const text = props.value === undefined || props.value === null ? '' : String(props.value);
  return (
    <TextField
      {...props}
      value={text}
      wire
      onChange={(next) => props.onChange(/^\d{1,15}(?:\.\d{1,6})?$/.test(next.trim()) ? Number(next) : next)}
    />
  );
}

interface ListFieldProps extends FieldProps {
  value: readonly string[];
  onChange: (text: string) => void;
  placeholder?: string;
}

/** Several values, one a line. */
export function ListField(props: ListFieldProps) {
  const id = useId();
  return (
    <Frame {...props} id={id}>
      <textarea
        id={id}
        // The text is the field's own while it is typed: an empty line would else be taken away at once.
        defaultValue={props.value.join('\n')}
        key={props.disabled === true ? props.value.join() : 'open'}
        disabled={props.disabled}
        placeholder={props.placeholder}
        rows={Math.max(2, Math.min(6, props.value.length + 1))}
        spellCheck={false}
        aria-invalid={props.problem !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => props.onChange(event.target.value)}
        className={`${INPUT} h-auto py-1.5 font-mono leading-5`}
      />
    </Frame>
  );
}

interface SelectFieldProps extends FieldProps {
  value: string;
  options: readonly { value: string; text: string }[];
  onChange: (value: string) => void;
}

export function SelectField(props: SelectFieldProps) {
  const id = useId();
  const known = props.options.some(({ value }) => value === props.value);
  return (
    <Frame {...props} id={id}>
      <select
        id={id}
        value={props.value}
        disabled={props.disabled}
        aria-invalid={props.problem !== undefined}
        aria-describedby={`${id}-notes`}
        onChange={(event) => props.onChange(event.target.value)}
        className={`chevron appearance-none pr-7 ${INPUT}`}
      >
        {!known && <option value={props.value}>{props.value}</option>}
        {props.options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </Frame>
  );
}

interface SwitchProps extends FieldProps {
  on: boolean;
  onChange: (on: boolean) => void;
}

/** Yes or no, with what it means beside it. */
export function Switch({ label, help, problem, disabled, on, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 items-start gap-2.5">
      <button
        id={id}
        type="button"
        role="switch"
        aria-checked={on}
        aria-label={label}
        aria-describedby={`${id}-notes`}
        disabled={disabled}
        onClick={() => onChange(!on)}
        className={`relative mt-px h-[1.125rem] w-8 shrink-0 rounded-full border transition-colors disabled:opacity-60 ${
          on ? 'border-accent bg-accent' : 'border-line-strong bg-sunken'
        }`}
      >
        <span
          aria-hidden="true"
          className={`absolute top-[2px] size-3 rounded-full transition-[left] ${
            on ? 'left-[1rem] bg-accent-ink' : 'left-[2px] bg-line-strong'
          }`}
        />
      </button>
      <div className="min-w-0 space-y-0.5">
        <span aria-hidden="true" className="block font-medium text-[0.8125rem] leading-5">
          {label}
        </span>
        <Notes id={id} help={help} problem={problem} />
      </div>
    </div>
  );
}

/** A titled group of fields. */
export function FieldGroup({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="min-w-0 border-line border-t px-4 py-3.5 first:border-t-0">
      <legend className="sr-only">{title}</legend>
      <p aria-hidden="true" className="mb-2.5 font-semibold text-[0.8125rem]">
        {title}
      </p>
      <div className="grid grid-cols-1 gap-x-4 gap-y-3 sm:grid-cols-2">{children}</div>
    </fieldset>
  );
}

const BUTTON =
  'inline-flex items-center justify-center gap-1.5 whitespace-nowrap rounded-md disabled:cursor-not-allowed';
const PLAIN = 'border border-line bg-surface hover:border-line-strong disabled:text-ink-faint';
export const PRIMARY_BUTTON = `${BUTTON} h-8 bg-accent px-3 font-medium text-[0.8125rem] text-accent-ink hover:brightness-110 disabled:bg-sunken disabled:text-ink-faint`;
export const PLAIN_BUTTON = `${BUTTON} ${PLAIN} h-8 px-3 text-[0.8125rem]`;
/** For the line of a panel's title. */
export const SMALL_BUTTON = `${BUTTON} ${PLAIN} h-7 px-2.5 text-xs`;
