import { isIP } from 'node:net';
import type { FlowSource } from './flow-source.ts';
import type { RelayDestination } from './relay-protocol.ts';
import { addressesCollide, canonicalAddress, parseSocketAddress } from './socket-address.ts';

/** Where the datagrams of a source go; empty when it forwards nothing. */
export function relayDestinations({ enabled, forwarding, monitoringPort }: FlowSource): RelayDestination[] {
  if (!enabled || !forwarding.enabled) return [];
  return forwarding.destinations.map((destination) => {
    const { to, oneIn } = typeof destination === 'string' ? { to: destination, oneIn: 1 } : destination;
    const spoofedPort = forwarding.preserveSource ? monitoringPort : undefined;
    const own = { address: canonicalAddress(to), port: forwarding.port };
    const { address, port } = isIP(to) !== 0 ? own : (parseSocketAddress(to) ?? own);
    return { address, port, oneIn, spoofedPort };
  });
}

/** The destination by which a source would send to itself what it receives, in a circle. */
export function ownDestination(source: FlowSource): RelayDestination | undefined {
  if (source.transport !== 'udp') return undefined;
  const own = { address: source.monitoringAddress, port: source.monitoringPort };
  return relayDestinations(source).find(
    (destination) => addressesCollide(own, destination) && isThisMachine(destination.address, own.address),
  );
}

/** A socket on every address is only surely the destination where that is one of this machine. */
function isThisMachine(address: string, monitored: string): boolean {
  return address === monitored || address.startsWith('127.') || address === '::1';
}
