/** What the doctor found, one line each. */

/** `good`; `note`: costs something; `bad`: something that was asked for does not work. */
export type Verdict = 'good' | 'note' | 'bad';

export interface Finding {
  readonly verdict: Verdict;
  /** What was looked at, in a word or two. */
  readonly subject: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

const LABELS: Readonly<Record<Verdict, string>> = { good: 'ok  ', note: 'note', bad: 'BAD ' };
const SUBJECT_WIDTH = 16;

/** `ok   capture         allowed`, with the remedy behind a semicolon. */
export function formatFinding({ verdict, subject, message, remedy }: Finding): string {
  const told = remedy === undefined ? message : `${message}; ${remedy}`;
  return `${LABELS[verdict]} ${subject.padEnd(SUBJECT_WIDTH)} ${told}`;
}

/** A finding is made of what a check that fails has to say, too. */
export function badFinding(subject: string, error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  return { verdict: 'bad', subject, message: message.replaceAll('\n', '; ') };
}
