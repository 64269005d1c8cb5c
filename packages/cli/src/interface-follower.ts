/**
 * Notices that the interfaces that are metered because nobody named any are no longer the same: an overlay came
 * up, a container went. By looking, since a look costs less than a millisecond and works on every platform.
 */
import type { CancelTimer, Clock, Component } from '@weir/base';

const LOOK_INTERVAL_MS = 3_000;

export interface InterfaceFollowerOptions {
  readonly clock: Clock;
  /** Those to meter now; undefined where somebody named them, or nothing is metered. */
  readonly choose: () => readonly string[] | undefined;
  /** Called with those to meter from now on, at least one. */
  readonly onChange: (interfaces: readonly string[]) => void;
}

/** None at all is no change: what is metered then is waited for. */
export function createInterfaceFollower({ clock, choose, onChange }: InterfaceFollowerOptions): Component {
  let cancel: CancelTimer = () => {};
  let seen: string | undefined;

  function look(): void {
    const chosen = choose();
    if (chosen?.length === 0) return;
    const before = seen;
    seen = chosen && [...chosen].sort().join('\n');
    if (chosen !== undefined && before !== undefined && before !== seen) onChange(chosen);
  }

  return {
    async start() {
      look();
      cancel = clock.every(LOOK_INTERVAL_MS, look);
    },
    stop: async () => cancel(),
  };
}
