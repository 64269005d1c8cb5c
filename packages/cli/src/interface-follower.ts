/**
 * Notices that the interfaces that are metered because nobody named any are no longer the same: an overlay came
 * up, a container went. By looking, since a look costs less than a millisecond and works on every platform.
 */
import type { CancelTimer, Clock, Component, Logger } from '@weir/base';
import { chooseInterfaces, listInterfaces } from '@weir/host';

const LOOK_INTERVAL_MS = 3_000;

export interface InterfaceFollowerOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn'>;
  /** Those that are metered when this starts, chosen some time before. */
  readonly metered: () => readonly string[];
  /** Those to meter now; undefined where somebody named them, or nothing is metered. */
  readonly choose: () => readonly string[] | undefined;
  /** Called with those to meter from now on, at least one. */
  readonly onChange: (interfaces: readonly string[]) => void;
}

/** The names of the interfaces that are metered where nobody names any. */
export function interfacesByDefault(): readonly string[] {
  return chooseInterfaces(listInterfaces()).chosen.map(({ name }) => name);
}

/** None at all is no change: what is metered then is waited for. */
export function createInterfaceFollower(options: InterfaceFollowerOptions): Component {
  const { clock, logger, choose, onChange } = options;
  let cancel: CancelTimer = () => {};
  let seen: string | undefined;

  function look(): void {
    const chosen = choose();
    if (chosen?.length === 0) return;
    const before = seen;
    seen = chosen && keyOf(chosen);
    if (chosen !== undefined && before !== undefined && before !== seen) onChange(chosen);
  }

  return {
    async start() {
      const metered = options.metered();
      seen = keyOf(metered);
      if (metered.length === 0 && choose()?.length === 0) {
        logger.warn('no interface is up: metering begins when one comes up');
      }
      look();
      cancel = clock.every(LOOK_INTERVAL_MS, look);
    },
    stop: async () => cancel(),
  };
}

function keyOf(names: readonly string[]): string {
  return [...names].sort().join('\n');
}
