/**
 * What one parameter of a flow source cannot know of the others, and one source not of the others: names are
 * unique, no two enabled sources want one socket, their number has a limit, and a parameter that would
 * silently be without effect is refused.
 */
import { isIPv6 } from 'node:net';
import { FLOW_SOURCES_MAX, type FlowSource, nextMonitoringPort } from './flow-source.ts';
import { ownDestination, relayDestinations } from './relay-destination.ts';
import { addressesCollide, formatSocketAddress } from './socket-address.ts';

/** A breach of the rules for sources: where it is, and what is found and allowed there. */
export interface FlowSourceBreach {
  /** Index of the source, then the names of parameters; empty for the list as a whole. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The first breach of `flowSourceBreaches`. */
export function checkFlowSources(sources: readonly FlowSource[]): FlowSourceBreach | undefined {
  return flowSourceBreaches(sources)[0];
}

/** Every breach, in the order of the sources. A disabled source may be unfinished: it is checked for its name. */
export function flowSourceBreaches(sources: readonly FlowSource[]): FlowSourceBreach[] {
  if (sources.length > FLOW_SOURCES_MAX) {
    return [{ path: [], message: `found ${sources.length} sources; allowed: at most ${FLOW_SOURCES_MAX}` }];
  }
  return sources.flatMap((source, index) =>
    [
      ...rivalBreaches(source, sources.slice(0, index), sources),
      ...(source.enabled ? effectBreaches(source) : []),
    ].map(({ path, message }) => ({ path: [index, ...path], message })),
  );
}

function* rivalBreaches(
  source: FlowSource,
  earlier: readonly FlowSource[],
  all: readonly FlowSource[],
): Generator<FlowSourceBreach> {
  const sameName = earlier.findIndex((other) => other.name.toLowerCase() === source.name.toLowerCase());
  if (sameName >= 0) {
    const message = `found "${source.name}", the name of sources[${sameName}]; allowed: a name of its own`;
    yield { path: ['name'], message };
  }
  const rival = earlier.find((other) => socketsCollide(source, other));
  if (rival === undefined) return;
  const proposal = nextMonitoringPort(all, source.type);
  const hint = proposal === undefined ? '' : `, for example ${proposal}`;
  const message = `found ${source.monitoringPort}, where "${rival.name}" listens; allowed: a free port${hint}`;
  yield { path: ['monitoringPort'], message };
}

/** A parameter that would silently be without effect is refused instead. */
function* effectBreaches(source: FlowSource): Generator<FlowSourceBreach> {
  if (source.sourceFilePath !== undefined) yield* fileBreaches(source);
  else if (source.transport === 'udp') yield* datagramBreaches(source);
  else yield* streamBreaches(source);
  if (source.forwarding.enabled) yield* forwardingBreaches(source);
}

function* forwardingBreaches(source: FlowSource): Generator<FlowSourceBreach> {
  const path = ['forwarding', 'destinations'];
  if (source.forwarding.destinations.length === 0) {
    yield { path, message: 'found none; allowed: at least one where forwarding is enabled' };
  }
  if (source.forwarding.preserveSource && relayDestinations(source).some(({ address }) => isIPv6(address))) {
    yield { path, message: 'found an IPv6 address; allowed: IPv4 where preserveSource is on' };
  }
  const own = ownDestination(source);
  if (own === undefined) return;
  const message = `found ${formatSocketAddress(own)}, where this source listens itself; allowed: other sockets`;
  yield { path, message };
}

/** Files come by no socket, and nobody waits for what is relayed at the speed of a disk. */
function* fileBreaches(source: FlowSource): Generator<FlowSourceBreach> {
  const message = 'has no effect with a sourceFilePath; allowed: leave it out';
  if (source.transport !== 'udp') yield { path: ['transport'], message };
  if (source.tls !== undefined) yield { path: ['tls'], message };
  if (source.connections !== undefined) yield { path: ['connections'], message };
  if (source.monitoringInterface !== 'any') yield { path: ['monitoringInterface'], message };
  if (source.forwarding.enabled) {
    yield { path: ['forwarding', 'enabled'], message: `${message}; weir replay sends files` };
  }
}

function* datagramBreaches({ tls, connections }: FlowSource): Generator<FlowSourceBreach> {
  const message = 'has no effect over udp; allowed: leave it out, or a transport of tcp or tls';
  if (tls !== undefined) yield { path: ['tls'], message };
  if (connections !== undefined) yield { path: ['connections'], message };
}

/** Only IPFIX has a length in its header, without which a stream cannot be cut into messages. */
function* streamBreaches(source: FlowSource): Generator<FlowSourceBreach> {
  const { transport, type, tls, monitoringInterface, limits } = source;
  for (const name of ['datagramsPerSecond', 'recordsPerSecond'] as const) {
    if (limits?.[name] === undefined) continue;
    const message = `has no effect over ${transport}, whose exporters wait; allowed: leave it out`;
    yield { path: ['limits', name], message };
  }
  if (type !== 'Any' && type !== 'IPFIX') {
    yield { path: ['type'], message: `found "${type}" over ${transport}; allowed: IPFIX, Any` };
  }
  if (monitoringInterface !== 'any') {
    const message = `found "${monitoringInterface}" over ${transport}; allowed: any, and the monitoringAddress of the interface`;
    yield { path: ['monitoringInterface'], message };
  }
  if (transport === 'tls' && tls === undefined) {
    yield { path: ['tls'], message: 'found nothing; allowed: an object with certificate and key' };
  }
  if (transport === 'tcp' && tls !== undefined) {
    yield { path: ['tls'], message: 'has no effect over tcp; allowed: leave it out, or a transport of tls' };
  }
  if (tls?.subjects !== undefined && tls.clientCa === undefined) {
    yield { path: ['tls', 'subjects'], message: 'names nobody without clientCa; allowed: set clientCa' };
  }
}

/** Whether the two cannot both be open. */
function socketsCollide(one: FlowSource, other: FlowSource): boolean {
  if (!one.enabled || !other.enabled) return false;
  if (one.sourceFilePath !== undefined || other.sourceFilePath !== undefined) return false;
  if ((one.transport === 'udp') !== (other.transport === 'udp')) return false;
  return addressesCollide(
    { address: one.monitoringAddress, port: one.monitoringPort },
    { address: other.monitoringAddress, port: other.monitoringPort },
  );
}
