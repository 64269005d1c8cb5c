/**
 * Who began a session, and by which rule that was decided: the column `directionRule`. Numbers 1 to 6 mean
 * what they mean in IBM QRadar's "flow direction algorithm"; 7 and 8 are ours, for evidence that is better
 * than a port. "Reversed" is a record that was first seen from the responder, so that its side is 1.
 *
 * Hot file: typed-array reads are asserted (`!`); a port has 16 bits.
 */

export const DIRECTION_RULES = {
  /** Exactly one port is common, and it is the source's: the record comes from the responder. */
  singleCommonPortReversed: 1,
  /** Both are common, only the source's is below 1024 (RFC 1700): it comes from the responder. */
  bothCommonPortsReversed: 2,
  /** Nothing else decided: who was heard first began. */
  arrivalTime: 3,
  /** The exporter said it: a biflow, whose source is the initiator unless biflowDirection says otherwise. */
  flowExporter: 4,
  /** As 1, but the common port is the destination's. */
  singleCommonPort: 5,
  /** As 2, but the port below 1024 is the destination's. */
  bothCommonPorts: 6,
  /** TCP, SYN without ACK: who sends that begins. */
  tcpSyn: 7,
  /** ICMP: a request was seen, or a reply. */
  icmpRequest: 8,
} as const;

/** Side of a record whose source began, and of one whose source answers; the column `sessionSide`. */
export const SIDE_INITIATOR = 0;
export const SIDE_RESPONDER = 1;

/** Below it all ports count as common: the well-known ports of RFC 1700 and RFC 6335. */
const WELL_KNOWN_PORTS = 1024;
/** Services on other ports, as found in IANA's registry and on networks. */
const COMMON_PORTS: readonly number[] = [
  1080, 1194, 1352, 1433, 1434, 1494, 1521, 1645, 1646, 1701, 1719, 1720, 1723, 1812, 1813, 1883, 1900, 2000,
  2049, 2055, 2082, 2083, 2086, 2087, 2095, 2096, 2181, 2222, 2375, 2376, 2379, 2380, 2483, 2484, 2598, 3000,
  3128, 3260, 3268, 3269, 3306, 3343, 3389, 3478, 3479, 3544, 3632, 3690, 3702, 4070, 4433, 4443, 4444, 4500,
  4569, 4739, 4789, 4840, 4843, 5000, 5001, 5004, 5005, 5060, 5061, 5222, 5223, 5228, 5269, 5349, 5351, 5353,
  5355, 5357, 5358, 5432, 5500, 5601, 5666, 5671, 5672, 5683, 5684, 5701, 5722, 5800, 5900, 5938, 5984, 5985,
  5986, 6000, 6081, 6379, 6443, 6514, 6566, 6667, 6697, 7000, 7001, 7199, 7443, 7474, 7687, 7946, 8000, 8008,
  8009, 8080, 8081, 8086, 8088, 8090, 8123, 8140, 8161, 8200, 8300, 8301, 8302, 8333, 8400, 8443, 8472, 8500,
  8530, 8531, 8834, 8883, 8888, 9000, 9001, 9042, 9080, 9090, 9091, 9092, 9093, 9100, 9160, 9200, 9300, 9389,
  9418, 9443, 9418, 9993, 9995, 9996, 9999, 10000, 10050, 10051, 10250, 10255, 11211, 11371, 15672, 16379,
  18080, 19132, 19302, 25565, 25826, 27015, 27017, 27018, 32400, 41641, 44818, 47808, 50000, 51820, 61613,
  61616,
];
const NOT_COMMON = 0;
const COMMON = 1;
const WELL_KNOWN = 2;
const commonness = new Uint8Array(65_536);
for (const port of COMMON_PORTS) commonness[port] = COMMON;
// Port 0 is no service: it stands for "none".
commonness.fill(WELL_KNOWN, 1, WELL_KNOWN_PORTS);

const SYN = 0x02;
const ACK = 0x10;
const PROTOCOL_TCP = 6;
const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const BIFLOW_DIRECTION_REVERSE = 2;
/** How many rules there are, the one that does not exist included. */
const RULE_BITS = 4;

/** What a direction that the exporter stated is told as. */
export const STATED = { nothing: 0, sourceBegan: 1, destinationBegan: 2 } as const;

/** What a biflow with this biflowDirection states (RFC 5103 section 6.3); `absent` where it has none. */
export function statedByBiflow(biflowDirection: number): number {
  if (biflowDirection === 0) return STATED.nothing;
  return biflowDirection === BIFLOW_DIRECTION_REVERSE ? STATED.destinationBegan : STATED.sourceBegan;
}

/**
 * Decides by the first record of a session: the side of that record in the lowest bit, the rule above it.
 * `stated` is one of STATED; `tcpFlags` and `icmpTypeCode` are -1 where the record has none.
 */
export function decideDirection(
  protocol: number,
  srcPort: number,
  dstPort: number,
  stated: number,
  tcpFlags: number,
  icmpTypeCode: number,
): number {
  if (stated !== STATED.nothing) {
    return decision(
      DIRECTION_RULES.flowExporter,
      stated === STATED.sourceBegan ? SIDE_INITIATOR : SIDE_RESPONDER,
    );
  }
  if (protocol === PROTOCOL_TCP && tcpFlags >= 0 && (tcpFlags & (SYN | ACK)) === SYN) {
    return decision(DIRECTION_RULES.tcpSyn, SIDE_INITIATOR);
  }
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) return decideIcmp(icmpTypeCode >> 8);
  return decidePorts(commonness[srcPort]!, commonness[dstPort]!);
}

/** The rule of a decision. */
export function ruleOf(decided: number): number {
  return (decided >> 1) & ((1 << RULE_BITS) - 1);
}

function decision(rule: number, side: number): number {
  return (rule << 1) | side;
}

/** Echo, timestamp, information and mask of ICMPv4; echo, listener and discovery of ICMPv6. */
const ICMP_REQUESTS: ReadonlySet<number> = new Set([8, 10, 13, 15, 17, 128, 130, 133, 135]);
const ICMP_REPLIES: ReadonlySet<number> = new Set([0, 9, 14, 16, 18, 129, 131, 134, 136]);

function decideIcmp(type: number): number {
  if (ICMP_REQUESTS.has(type)) return decision(DIRECTION_RULES.icmpRequest, SIDE_INITIATOR);
  if (ICMP_REPLIES.has(type)) return decision(DIRECTION_RULES.icmpRequest, SIDE_RESPONDER);
  return decision(DIRECTION_RULES.arrivalTime, SIDE_INITIATOR);
}

function decidePorts(source: number, destination: number): number {
  if (source === NOT_COMMON && destination !== NOT_COMMON) {
    return decision(DIRECTION_RULES.singleCommonPort, SIDE_INITIATOR);
  }
  if (source !== NOT_COMMON && destination === NOT_COMMON) {
    return decision(DIRECTION_RULES.singleCommonPortReversed, SIDE_RESPONDER);
  }
  if (source === COMMON && destination === WELL_KNOWN) {
    return decision(DIRECTION_RULES.bothCommonPorts, SIDE_INITIATOR);
  }
  if (source === WELL_KNOWN && destination === COMMON) {
    return decision(DIRECTION_RULES.bothCommonPortsReversed, SIDE_RESPONDER);
  }
  return decision(DIRECTION_RULES.arrivalTime, SIDE_INITIATOR);
}
