import { type CancelTimer, type Clock, type Component, type Logger, systemClock } from '@weir/base';
import type { LocalNameList, StagedWriter } from '@weir/collecting';
import {
  createPeerDirectory,
  listInterfaces,
  type NetworkInterface,
  type Peer,
  type PeerSource,
} from '@weir/host';

/** As often as peers are asked for; a new interface's flows have its name so soon. */
const INTERFACES_LISTED_EVERY_MS = 15_000;

/**
 * Tells the stages of the meter what this machine's interfaces and the peers of its overlays are called, from
 * `start` to `stop`. Overlay programs are asked only where an interface of theirs is there at the start.
 */
export function createLocalNameWatch(
  writer: Pick<StagedWriter, 'setNames'>,
  logger: Logger,
  clock: Clock = systemClock,
): Component {
  const directory = createPeerDirectory(peerSources(listInterfaces()), { logger, clock });
  let peers: readonly Peer[] = [];
  let told = '';
  let cancel: CancelTimer = () => {};

  function tell(): void {
    const list = nameList(listInterfaces(), peers);
    const text = JSON.stringify(list);
    if (text === told) return;
    told = text;
    writer.setNames(list);
  }

  return {
    async start() {
      directory.onChange((changed) => {
        peers = changed;
        tell();
      });
      tell();
      cancel = clock.every(INTERFACES_LISTED_EVERY_MS, tell);
      await directory.start();
    },
    async stop() {
      cancel();
      await directory.stop();
    },
  };
}

/** NetBird and Tailscale bring interfaces of a usual name; both may be WireGuard's to the kernel. */
export function peerSources(interfaces: readonly Pick<NetworkInterface, 'name' | 'kind'>[]): PeerSource[] {
  const sources: PeerSource[] = [];
  if (interfaces.some(({ name }) => /^wt\d+$/.test(name))) sources.push({ kind: 'netBird' });
  if (interfaces.some(({ name }) => /^tailscale\d+$/.test(name))) sources.push({ kind: 'tailscale' });
  if (interfaces.some(({ kind, name }) => kind === 'wireguard' && !/^wt\d+$/.test(name))) {
    sources.push({ kind: 'wireGuard' });
  }
  return sources;
}

function nameList(interfaces: readonly NetworkInterface[], peers: readonly Peer[]): LocalNameList {
  return {
    interfaces: interfaces.map(({ interfaceIndex, name }) => ({ ifIndex: interfaceIndex, name })),
    peers: peers.map(({ name, user, overlayPrefixes }) => ({ name, user, prefixes: overlayPrefixes })),
  };
}
