import type { ReactNode } from 'react';

interface RowButtonProps {
  /** Whether what it stands for is shown beside the list. */
  open: boolean;
  onOpen: () => void;
  children: ReactNode;
}

/** A row of a list that opens what it stands for. */
export function RowButton({ open, onOpen, children }: RowButtonProps) {
  return (
    <button
      type="button"
      aria-pressed={open}
      onClick={onOpen}
      className="block w-full px-4 py-2.5 text-left hover:bg-hover aria-pressed:bg-accent-soft aria-pressed:shadow-[inset_3px_0_0_var(--accent)]"
    >
      {children}
    </button>
  );
}
