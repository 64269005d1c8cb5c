import { libcUnavailable } from './libc.ts';
import { openPacketRing, type PacketRing } from './packet-ring.ts';
import { openPcapSource, type PcapSourceOptions } from './pcap-source.ts';

/** `ring`: the kernel's own (Linux). `pcap`: libpcap or Npcap. `auto`: the ring where there is one. */
export const CAPTURE_SOURCES = ['auto', 'ring', 'pcap'] as const;
export type CaptureSource = (typeof CAPTURE_SOURCES)[number];

/** Opens the packets of one interface; throws what the source throws. */
export function openPacketSource(source: CaptureSource, options: PcapSourceOptions): PacketRing {
  return usesPcap(source) ? openPcapSource(options) : openPacketRing(options);
}

function usesPcap(source: CaptureSource): boolean {
  return source === 'pcap' || (source === 'auto' && libcUnavailable() !== undefined);
}
