import { type ReactNode, useEffect, useRef, useState } from 'react';

interface PopoverProps {
  /** What the button says, and its name for screen readers where that is not text. */
  button: ReactNode;
  label: string;
  buttonClassName?: string;
  /** Edge of the button at which the panel is aligned. */
  align?: 'left' | 'right';
  children: (close: () => void) => ReactNode;
}

/** A button with a panel that opens below it; Escape, a click elsewhere or leaving it closes the panel. */
export function Popover({ button, label, buttonClassName = '', align = 'left', children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const trigger = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return;
    const onPress = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    window.addEventListener('pointerdown', onPress);
    return () => window.removeEventListener('pointerdown', onPress);
  }, [open]);
  const close = (): void => {
    setOpen(false);
    trigger.current?.focus();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes what is open inside, wherever the focus is.
    <div
      ref={box}
      className="relative"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !open) return;
        event.stopPropagation();
        close();
      }}
      onBlur={(event) => {
        if (event.relatedTarget !== null && !event.currentTarget.contains(event.relatedTarget))
          setOpen(false);
      }}
    >
      <button
        ref={trigger}
        type="button"
        aria-label={label}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
        className={buttonClassName}
      >
        {button}
      </button>
      {open && (
        <div
          role="dialog"
          aria-label={label}
          className={`absolute top-full z-50 mt-1 rounded-lg border border-line-strong bg-surface shadow-xl ${
            align === 'left' ? 'left-0' : 'right-0'
          }`}
        >
          {children(close)}
        </div>
      )}
    </div>
  );
}
