import { useRef, useState } from 'react';

export interface Held<T> {
  value: T;
  /** True while the value stands still although a newer one is there. */
  behind: boolean;
  /** To be spread over the element that holds the value while it is pointed at or has the focus. */
  handlers: {
    onPointerEnter: (event: { pointerType: string }) => void;
    onPointerLeave: () => void;
    onFocus: (event: { target: Element }) => void;
    onBlur: () => void;
  };
}

/**
 * Keeps what is pointed at where it is, so that a live list never moves away under a click. An answer to
 * another `question` is always shown: who clicked wants to see what came of it.
 */
export function useHeld<T>(newest: T, question: string): Held<T> {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const shown = useRef({ value: newest, question });
  const holding = (pointed || focused) && shown.current.question === question;
  if (!holding) shown.current = { value: newest, question };
  return {
    value: shown.current.value,
    behind: holding && shown.current.value !== newest,
    handlers: {
      onPointerEnter: (event) => setPointed(event.pointerType === 'mouse'),
      onPointerLeave: () => setPointed(false),
      // A click leaves the focus behind too; only who moves it by keyboard reads with it.
      onFocus: (event) => setFocused(event.target.matches(':focus-visible')),
      onBlur: () => setFocused(false),
    },
  };
}
