export {
  type CaptureCapability,
  captureCapability,
  type SocketBufferLimits,
  socketBufferLimits,
} from './capability.ts';
export { type ClockDiscipline, clockDiscipline } from './clock-discipline.ts';
export {
  DATAGRAM_OCTETS_MAX,
  type DatagramReceiver,
  type DatagramReceiverOptions,
  type DatagramReceiverStatistics,
  type OnDatagram,
  openDatagramReceiver,
  RECEIVE_BUFFER_OCTETS_DEFAULT,
} from './datagram-receiver.ts';
export {
  type DatagramSender,
  type DatagramSenderOptions,
  type DatagramSenderStatistics,
  openDatagramSender,
  SEND_QUEUE_OCTETS_DEFAULT,
} from './datagram-sender.ts';
export { type DgramReceiver, openDgramReceiver } from './dgram-receiver.ts';
export {
  chooseInterfaces,
  INTERFACES_METERED_MAX,
  type InterfaceChoice,
  listInterfaces,
  type NetworkInterface,
} from './interfaces.ts';
export { libcUnavailable as nativeCallsUnavailable } from './libc.ts';
export { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './link-type.ts';
export {
  type LoggedPacket,
  NETFILTER_HOOKS,
  NFLOG_DELAY_MS_MAX,
  NFLOG_SNAP_LENGTH_DEFAULT,
  type NflogOptions,
  type NflogReader,
  type NflogStatistics,
  openNflog,
} from './nflog.ts';
export { DIRECTION_EGRESS, DIRECTION_INGRESS } from './packet-direction.ts';
export {
  type InterfaceState,
  type OnPacket,
  openPacketRing,
  type PacketRing,
  type PacketRingOptions,
  type PacketRingStatistics,
  RING_OCTETS_DEFAULT,
  SNAP_LENGTH_DEFAULT,
} from './packet-ring.ts';
export { CAPTURE_SOURCES, type CaptureSource, openPacketSource } from './packet-source.ts';
export { type PathMtu, pathMtu } from './path-mtu.ts';
export { openPcapSource, type PcapSourceOptions } from './pcap-source.ts';
export type { Peer } from './peers/peer.ts';
export {
  createPeerDirectory,
  type PeerDirectory,
  type PeerDirectoryCounters,
  type PeerDirectoryDependencies,
  type PeerSource,
  type PeerSourceState,
  type RunProgram,
} from './peers/peer-directory.ts';
export { createSenderFilter, type SenderFilter } from './sender-filter.ts';
export { acceptOctets, type FilterInstruction, type SocketFilter } from './socket-filter.ts';
export { openSpoofingSender, type SpoofingSender, type SpoofingSenderStatistics } from './spoofing-sender.ts';
