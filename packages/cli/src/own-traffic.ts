/** The sockets of our own export, so that the meter leaves their traffic out: metered it would make more. */
import type { LocalSocket } from '@weir/exporting';
import type { ExcludedSocket } from '@weir/metering';

/**
 * A connection that was replaced has flows in the cache for a while. So many sockets are remembered: with
 * the least back-off of a second those of a minute.
 */
const SOCKETS_REMEMBERED_MAX = 64;

export interface OwnTraffic {
  /** The sockets to leave out, given those that are open now; undefined when they are those of before. */
  update(open: readonly LocalSocket[]): readonly ExcludedSocket[] | undefined;
  readonly sockets: readonly ExcludedSocket[];
}

export function createOwnTraffic(): OwnTraffic {
  const remembered = new Map<string, ExcludedSocket>();
  return {
    get sockets() {
      return [...remembered.values()];
    },
    update(open) {
      const before = remembered.size === 0 ? '' : [...remembered.keys()].join();
      for (const { protocol, localPort, remotePort } of open) {
        const key = `${protocol} ${localPort} ${remotePort}`;
        remembered.delete(key);
        remembered.set(key, { protocol, localPort, remotePort });
      }
      for (const key of remembered.keys()) {
        if (remembered.size <= SOCKETS_REMEMBERED_MAX) break;
        remembered.delete(key);
      }
      return [...remembered.keys()].join() === before ? undefined : [...remembered.values()];
    },
  };
}
