import type { AlertSeverity, AlertState } from '@weir/analysis';

const SHAPES: Readonly<Record<AlertSeverity, string>> = {
  critical: 'border-drop bg-drop text-surface',
  high: 'border-drop text-drop',
  medium: 'border-warn text-warn',
  low: 'border-line-strong text-ink-soft',
};

/** How grave an alert is: in words, with a colour beside. */
export function SeverityMark({ severity }: { severity: AlertSeverity }) {
  return (
    <span
      className={`inline-block w-16 shrink-0 rounded border px-1 text-center font-semibold text-[0.6875rem] leading-[1.15rem] ${SHAPES[severity]}`}
    >
      {severity}
    </span>
  );
}

export const STATE_TEXTS: Readonly<Record<AlertState, string>> = {
  open: 'open',
  acknowledged: 'acknowledged',
  suppressed: 'suppressed',
  closed: 'closed',
};
