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
  /** Those that are metered. */
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

/** Why nothing is metered where nobody named an interface. */
export const NO_INTERFACE_UP = 'no interface is up: metering begins when one comes up';

/** None at all is no change: what is metered then is waited for. */
export function createInterfaceFollower(options: InterfaceFollowerOptions): Component {
  const { clock, logger, choose, metered, onChange } = options;
  let cancel: CancelTimer = () => {};
  let seen: string | undefined;

  function look(): void {
    const chosen = choose();
    if (chosen?.length === 0) return;
    const before = seen;
    seen = chosen && keyOf(chosen);
    if (chosen === undefined || before === undefined) return;
    // The same ones as before are told too when the meter was given none meanwhile, as by a profile that changed.
    if (before !== seen || metered().length === 0) onChange(chosen);
  }

  return {
    async start() {
      seen = keyOf(metered());
      if (metered().length === 0 && choose()?.length === 0) logger.warn(NO_INTERFACE_UP);
      look();
      cancel = clock.every(LOOK_INTERVAL_MS, look);
    },
    stop: async () => cancel(),
  };
}

function keyOf(names: readonly string[]): string {
  return [...names].sort().join('\n');
}
