/**
 * The sockets of our own export, so that the meter leaves their traffic out: metered it would make more.
 *
 * What is left out is told by our own port and the collector's, both directions, failed attempts to connect
 * included; not by the collector's address and port alone, which would leave out what other programs of this
 * machine, and behind it others, exchange with the same collector. The addresses are not compared: on the way
 * through the machine's own NAT they change before the packet is seen.
 */
import type { LocalSocket } from '@weir/exporting';
import type { ExcludedSocket } from '@weir/metering';

/**
 * A connection that was replaced has flows in the cache for a while. So many former sockets are remembered: of
 * a collector that is away, with an attempt every 2.5 s at the most, those of two minutes.
 */
const FORMER_SOCKETS_MAX = 64;

export interface OwnTraffic {
  /** The sockets to leave out, given those that are open or were lately; undefined when they are those of before. */
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
      const before = [...remembered.keys()].sort().join();
      for (const { protocol, localPort, remotePort } of open) {
        const key = `${protocol} ${localPort} ${remotePort}`;
        remembered.delete(key);
        remembered.set(key, { protocol, localPort, remotePort });
      }
      const most = open.length + FORMER_SOCKETS_MAX;
      for (const key of remembered.keys()) {
        if (remembered.size <= most) break;
        remembered.delete(key);
      }
      return [...remembered.keys()].sort().join() === before ? undefined : [...remembered.values()];
    },
  };
}
