export {
  type CaptureCapability,
  captureCapability,
  type SocketBufferLimits,
  socketBufferLimits,
} from './capability.ts';
export { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './link-type.ts';
export {
  DIRECTION_EGRESS,
  DIRECTION_INGRESS,
  type InterfaceState,
  type OnPacket,
  openPacketRing,
  type PacketRing,
  type PacketRingOptions,
  type PacketRingStatistics,
  RING_OCTETS_DEFAULT,
  SNAP_LENGTH_DEFAULT,
} from './packet-ring.ts';
export { acceptOctets, type FilterInstruction, type SocketFilter } from './socket-filter.ts';
