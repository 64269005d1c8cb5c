import { ApiError } from '../api/client.ts';

/** What the API refused, or that it does not answer. */
export function ProblemNote({ problem, className = '' }: { problem: Error; className?: string }) {
  const answered = problem instanceof ApiError;
  return (
    <p
      role="alert"
      className={`rounded-lg border border-drop bg-drop-soft px-3.5 py-2 text-ink ${className}`}
    >
      {answered
        ? problem.message
        : 'Weir does not answer. It may have been stopped; the page tries again by itself.'}
    </p>
  );
}
