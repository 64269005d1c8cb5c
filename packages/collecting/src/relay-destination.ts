import { isIP } from 'node:net';
import type { FlowSource } from './flow-source.ts';
import type { RelayDestination } from './relay-protocol.ts';
import { addressesCollide, canonicalAddress, parseSocketAddress } from './socket-address.ts';

const SAMPLED = /^(.*?)(?: 1\/([1-9]\d{0,5}))?$/;

/** Reads `IP` or `Udp/IP:Port`, with ` 1/N` behind for one datagram in N; undefined when the text is anything else. */
export function parseDestination(
  text: string,
): { address: string; port: number | undefined; oneIn: number } | undefined {
  const [, to = '', sampled = '1'] = SAMPLED.exec(text) ?? [];
  const oneIn = Number(sampled);
  if (isIP(to) !== 0) return { address: canonicalAddress(to), port: undefined, oneIn };
  const socket = parseSocketAddress(to);
  return socket === undefined || socket.port === 0 ? undefined : { ...socket, oneIn };
}

/** Where the datagrams of a source go; empty when it forwards nothing. */
export function relayDestinations({ enabled, forwarding, monitoringPort }: FlowSource): RelayDestination[] {
  if (!enabled || !forwarding.enabled) return [];
  const spoofedPort = forwarding.preserveSource ? monitoringPort : undefined;
  return forwarding.destinations.flatMap((text) => {
    const destination = parseDestination(text);
    return destination === undefined
      ? []
      : [{ ...destination, port: destination.port ?? forwarding.port, spoofedPort }];
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
