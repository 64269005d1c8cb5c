/** Frames for tests and benchmarks: the octets of one packet, built from what is said of it. */
export interface FrameDescription {
  source?: string;
  destination?: string;
  protocol?: number;
  sourcePort?: number;
  destinationPort?: number;
  tcpControlBits?: number;
  timeToLive?: number;
  typeOfService?: number;
  /** Octets after the transport header. */
  payload?: number;
  /** VLAN identifiers, outermost first; each becomes an 802.1Q tag. */
  vlans?: readonly number[];
  /** In units of 8 octets. */
  fragmentOffset?: number;
}

const TRANSPORT_OCTETS: Readonly<Record<number, number>> = { 6: 20, 17: 8, 132: 12 };

/** An Ethernet frame with an IPv4 packet. */
export function buildFrame(description: FrameDescription = {}): Uint8Array {
  const { vlans = [] } = description;
  const packet = buildIpv4(description);
  const frame = new Uint8Array(14 + vlans.length * 4 + packet.length);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  vlans.forEach((vlan, index) => {
    view.setUint16(12 + index * 4, 0x8100);
    view.setUint16(14 + index * 4, vlan);
  });
  view.setUint16(12 + vlans.length * 4, 0x0800);
  frame.set(packet, 14 + vlans.length * 4);
  return frame;
}

/** An IPv4 packet without a link header. Protocols without ports get 8 octets of zeros for a header. */
export function buildIpv4(description: FrameDescription = {}): Uint8Array {
  const { source = '192.0.2.1', destination = '198.51.100.2', protocol = 17 } = description;
  const { sourcePort = 1024, destinationPort = 53, payload = 0, fragmentOffset = 0 } = description;
  const { timeToLive = 64, typeOfService = 0, tcpControlBits = 0x10 } = description;
  const packet = new Uint8Array(20 + (TRANSPORT_OCTETS[protocol] ?? 8) + payload);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 0x4500 | typeOfService);
  view.setUint16(2, packet.length);
  view.setUint16(6, fragmentOffset);
  view.setUint16(8, (timeToLive << 8) | protocol);
  packet.set(source.split('.').map(Number), 12);
  packet.set(destination.split('.').map(Number), 16);
  if (TRANSPORT_OCTETS[protocol] !== undefined) {
    view.setUint16(20, sourcePort);
    view.setUint16(22, destinationPort);
  }
  if (protocol === 6) view.setUint16(32, 0x5000 | tcpControlBits);
  return packet;
}

/** An IPv6 packet whose octets after the fixed header are `rest`, the first of them of type `nextHeader`. */
export function buildIpv6(nextHeader: number, rest: readonly number[], hopLimit = 64): Uint8Array {
  const packet = new Uint8Array(40 + rest.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, 0x6ab00000);
  view.setUint16(4, rest.length);
  view.setUint16(6, (nextHeader << 8) | hopLimit);
  packet.set([0x20, 1, 0xd, 0xb8], 8);
  packet[23] = 1;
  packet.set([0x20, 1, 0xd, 0xb8], 24);
  packet[39] = 2;
  packet.set(rest, 40);
  return packet;
}
