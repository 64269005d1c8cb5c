/**
 * The words of the filter language that are no fields: sides, subjects that stand for both sides, states that
 * are a condition by themselves, and phrases of several words that nfdump and tcpdump have for a field. The
 * parser, the completion and the reference page read them here.
 */
import { ALL_FLOWS, type ComparisonOperator, equals, type FilterExpression } from './filter-expression.ts';

/** What may follow `src` and `dst` (or `in` and `out`), and without them means either side. */
export interface Subject {
  /** Fields of the first and the second side. */
  readonly sides: readonly [string, string];
  /** The fields where the value is no number or address but a name. */
  readonly named?: readonly [string, string];
  readonly description: string;
}

const ADDRESSES = ['srcAddr', 'dstAddr'] as const;
const host: Subject = {
  sides: ADDRESSES,
  named: ['srcName', 'dstName'],
  description: 'Address or prefix, or host name, of either side',
};
const network: Subject = {
  sides: ADDRESSES,
  named: ['srcNetwork', 'dstNetwork'],
  description: 'Prefix, or name of a network, of either side',
};
const interfaceSubject: Subject = {
  sides: ['inIf', 'outIf'],
  named: ['inIfName', 'outIfName'],
  description: 'Interface by which packets came or left: ifIndex or name',
};
const country: Subject = {
  sides: ['srcCountry', 'dstCountry'],
  description: 'Country of either side, two letters',
};
const as: Subject = { sides: ['srcAs', 'dstAs'], description: 'Autonomous system of either side' };
const vlan: Subject = { sides: ['vlanId', 'vlanId'], description: 'VLAN' };

/** In the order in which completion offers them. */
export const SUBJECTS = byWord<Subject>({
  host,
  net: network,
  port: { sides: ['srcPort', 'dstPort'], description: 'Port of either side' },
  as,
  country,
  user: { sides: ['srcUser', 'dstUser'], description: 'User at either side' },
  site: { sides: ['srcSite', 'dstSite'], description: 'Site of either side' },
  peer: { sides: ['srcPeer', 'dstPeer'], description: 'Overlay peer of either side' },
  name: { sides: ['srcName', 'dstName'], description: 'Host name of either side' },
  network,
  if: interfaceSubject,
  interface: interfaceSubject,
  vrf: { sides: ['inVrf', 'outVrf'], description: 'VRF in which packets came or left' },
  vlan,
  mac: { sides: ['srcMac', 'dstMac'], description: 'MAC address of either side' },
  mask: { sides: ['srcMask', 'dstMask'], description: 'Prefix length of the route to either side' },
  ip: host,
  addr: host,
  address: host,
  ether: { sides: ['srcMac', 'dstMac'], description: 'MAC address of either side' },
  geo: country,
  asn: as,
  portrange: { sides: ['srcPort', 'dstPort'], description: 'Ports from … to … of either side' },
  bytes: { sides: ['octets', 'reverseOctets'], description: 'Octets; `out bytes`: of the other direction' },
  packets: {
    sides: ['packets', 'reversePackets'],
    description: 'Packets; `out packets`: of the other direction',
  },
});

/** Subjects that need a side word: alone they are a field. */
const SIDED_ONLY = new Set(['bytes', 'packets', 'vlan']);

export function eitherSideSubject(word: string): Subject | undefined {
  return SIDED_ONLY.has(word) ? undefined : SUBJECTS.get(word);
}

const SIDE_WORDS = byWord<0 | 1>({
  src: 0,
  dst: 1,
  in: 0,
  out: 1,
  source: 0,
  destination: 1,
  dest: 1,
  input: 0,
  output: 1,
});

/** 0 for `src` and its like, 1 for `dst` and its like. */
export function sideOf(word: string): 0 | 1 | undefined {
  return SIDE_WORDS.get(word);
}

export interface StateWord {
  readonly expression: FilterExpression;
  readonly description: string;
}

const IPV4: StateWord = { expression: equals('ipVersion', 4n), description: 'IPv4' };
const IPV6: StateWord = { expression: equals('ipVersion', 6n), description: 'IPv6' };

/** Words that are a whole condition, besides names of protocols. */
export const STATE_WORDS = byWord<StateWord>({
  dropped: {
    expression: { kind: 'or', operands: [equals('forwardingState', 2n), equals('firewallEvent', 3n)] },
    description: 'The exporter dropped the packets, or the firewall denied the flow',
  },
  ipv4: IPV4,
  ipv6: IPV6,
  ingress: { expression: equals('direction', 0n), description: 'Observed where packets come in' },
  egress: { expression: equals('direction', 1n), description: 'Observed where packets leave' },
  forwarded: { expression: equals('forwardingState', 1n), description: 'The exporter forwarded the packets' },
  consumed: {
    expression: equals('forwardingState', 3n),
    description: 'The packets were for the exporter itself',
  },
  denied: { expression: equals('firewallEvent', 3n), description: 'The firewall denied the flow' },
  duplicate: {
    expression: equals('duplicate', 1n),
    description: 'Another observation point told of the same packets before',
  },
  any: { expression: ALL_FLOWS, description: 'Every flow' },
  inet: IPV4,
  ip4: IPV4,
  inet6: IPV6,
  ip6: IPV6,
});

/** Several words that mean a field (or either of two); a value follows. The longest that fits counts. */
export const PHRASES: readonly { readonly words: readonly string[]; readonly fields: readonly string[] }[] = [
  phrase('in src mac', 'srcMac'),
  phrase('in dst mac', 'dstMac'),
  phrase('out src mac', 'postSourceMacAddress'),
  phrase('out dst mac', 'postDestinationMacAddress'),
  phrase('in mac', 'srcMac', 'dstMac'),
  phrase('out mac', 'postSourceMacAddress', 'postDestinationMacAddress'),
  phrase('ether host', 'srcMac', 'dstMac'),
  phrase('ether src', 'srcMac'),
  phrase('ether dst', 'dstMac'),
  phrase('icmp type', 'icmpType'),
  phrase('icmp code', 'icmpCode'),
  phrase('next ip', 'nextHop'),
  phrase('bgpnext ip', 'bgpNextHopIPv4Address', 'bgpNextHopIPv6Address'),
  phrase('bgp next ip', 'bgpNextHopIPv4Address', 'bgpNextHopIPv6Address'),
  phrase('router ip', 'exporter'),
  phrase('exporter ip', 'exporter'),
  phrase('prev as', 'bgpPrevAdjacentAsNumber'),
  phrase('next as', 'bgpNextAdjacentAsNumber'),
  phrase('observation domain id', 'observationDomainId'),
  phrase('observation point id', 'observationPointId'),
  phrase('engine id', 'engineId'),
  phrase('engine-id', 'engineId'),
  phrase('engine type', 'engineType'),
  phrase('engine-type', 'engineType'),
  phrase('first seen', 'flowStart'),
  phrase('last seen', 'flowEnd'),
  phrase('src tos', 'tos'),
  phrase('asa event', 'firewallEvent'),
  phrase('nat event', 'natEvent'),
  phrase('src xip', 'postNATSourceIPv4Address', 'postNATSourceIPv6Address'),
  phrase('dst xip', 'postNATDestinationIPv4Address', 'postNATDestinationIPv6Address'),
  phrase('src nip', 'postNATSourceIPv4Address', 'postNATSourceIPv6Address'),
  phrase('dst nip', 'postNATDestinationIPv4Address', 'postNATDestinationIPv6Address'),
  phrase(
    'xip',
    'postNATSourceIPv4Address',
    'postNATSourceIPv6Address',
    'postNATDestinationIPv4Address',
    'postNATDestinationIPv6Address',
  ),
  phrase(
    'nip',
    'postNATSourceIPv4Address',
    'postNATSourceIPv6Address',
    'postNATDestinationIPv4Address',
    'postNATDestinationIPv6Address',
  ),
  phrase('src xport', 'postNAPTSourceTransportPort'),
  phrase('dst xport', 'postNAPTDestinationTransportPort'),
  phrase('xport', 'postNAPTSourceTransportPort', 'postNAPTDestinationTransportPort'),
  phrase('src nport', 'postNAPTSourceTransportPort'),
  phrase('dst nport', 'postNAPTDestinationTransportPort'),
  phrase('nport', 'postNAPTSourceTransportPort', 'postNAPTDestinationTransportPort'),
  phrase('ingress vrf', 'ingressVRFID'),
  phrase('egress vrf', 'egressVRFID'),
].sort((a, b) => b.words.length - a.words.length);

function phrase(words: string, ...fields: string[]) {
  return { words: words.split(' '), fields };
}

export const WORD_COMPARISONS = byWord<ComparisonOperator>({
  eq: '=',
  ne: '!=',
  lt: '<',
  gt: '>',
  le: '<=',
  ge: '>=',
});

/** tcpdump's `less N` and `greater N`: the limit is included. */
export const LENGTH_WORDS = byWord<ComparisonOperator>({ less: '<=', greater: '>=' });

/** A Map, for a plain object would also know words such as `constructor`. */
function byWord<Value>(entries: Record<string, Value>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(entries));
}
