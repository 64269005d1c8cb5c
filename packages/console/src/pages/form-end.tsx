import type { ReactNode } from 'react';
import { PLAIN_BUTTON, PRIMARY_BUTTON } from '../widgets/form.tsx';
import { ProblemNote } from './problem-note.tsx';

interface FormEndProps {
  /** What keeps it from being sent. */
  problem: string | undefined;
  /** What the server said of it. */
  error: Error | null;
  submitText: string;
  isBusy: boolean;
  onCancel: () => void;
  /** What a change does. */
  note?: ReactNode;
}

/** The last lines of a form: what is wrong, and its two buttons. */
export function FormEnd({ problem, error, submitText, isBusy, onCancel, note }: FormEndProps) {
  return (
    <div className="space-y-2 border-line border-t px-4 py-3">
      {problem !== undefined && (
        <p role="alert" className="text-drop text-xs">
          {problem}
        </p>
      )}
      {error !== null && <ProblemNote problem={error} />}
      {note !== undefined && <p className="text-ink-faint text-xs">{note}</p>}
      <div className="flex gap-2">
        <button type="submit" className={PRIMARY_BUTTON} disabled={isBusy}>
          {submitText}
        </button>
        <button type="button" className={PLAIN_BUTTON} onClick={onCancel}>
          Cancel
        </button>
      </div>
    </div>
  );
}
