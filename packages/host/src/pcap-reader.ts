/**
 * Packets out of an open libpcap handle, without a native call for each where the platform allows it.
 *
 * Calling back into JavaScript, or calling libpcap once a packet, costs more than metering the packet. So
 * `pcap_dispatch` is given a callback that is native itself: `pcap_dump`, libpcap's writer of capture files,
 * on a stdio stream over memory of ours. One call fills the memory with up to READ_PACKETS_MAX records, which
 * are read here as from a capture file. Windows has no such streams: there `pcap_next_ex` is called for each
 * packet and its octets are copied. Measured beside each other (Linux, 60-octet frames): see README.md.
 *
 * A hot file: typed-array reads carry `!` because every index lies inside what libpcap wrote.
 */
import { UserError } from '@weir/base';
import type { MemoryDump, PcapLibrary } from './pcap-library.ts';

/** One packet: its octets in `bytes`, and its time in seconds and the fraction that the handle counts. */
export type TakeRecord = (
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  wireLength: number,
  seconds: number,
  fraction: number,
) => void;

export interface PcapReader {
  /** Gives out packets that are there, READ_PACKETS_MAX at most; returns how many, or -1 for an error. */
  read(take: TakeRecord): number;
  /** Gives back what the reader holds; before the handle is closed. */
  close(): void;
}

/** As many as fill 200 KiB of 256-octet packets, which a processor's second-level cache holds. */
const READ_PACKETS_MAX = 768;
/** struct pcap_sf_pkthdr of a capture file: seconds, fraction, captured length, length; 32 bits each. */
const RECORD_HEADER_OCTETS = 16;
const FILE_HEADER_OCTETS = 24;
/** The stream writes a zero behind what it holds. */
const STREAM_END_OCTETS = 1;

/** A reader for packets of at most `snapLength` octets. */
export function openPcapReader(library: PcapLibrary, handle: bigint, snapLength: number): PcapReader {
  const { memoryDump } = library;
  return memoryDump === undefined
    ? openSinglePacketReader(library, handle, snapLength)
    : openDumpReader(library, memoryDump, handle, snapLength);
}

function openDumpReader(
  library: PcapLibrary,
  memoryDump: MemoryDump,
  handle: bigint,
  snapLength: number,
): PcapReader {
  const octets =
    READ_PACKETS_MAX * (RECORD_HEADER_OCTETS + snapLength) + FILE_HEADER_OCTETS + STREAM_END_OCTETS;
  const bytes = new Uint8Array(octets);
  const view = new DataView(bytes.buffer);
  const stream = memoryDump.openStream(bytes, octets);
  const dump = stream === null ? null : memoryDump.openDump(handle, stream);
  if (stream === null || dump === null) {
    throw new UserError('pcap_failed', `cannot read from libpcap: ${library.errorText(handle)}`);
  }
  memoryDump.rewind(stream);
  return {
    read(take) {
      const packets = library.dispatch(handle, READ_PACKETS_MAX, memoryDump.callback, dump);
      if (packets <= 0) return packets < 0 ? -1 : 0;
      memoryDump.rewind(stream);
      let offset = 0;
      for (let left = packets; left > 0; left -= 1) {
        const capturedLength = view.getUint32(offset + 8, true);
        const start = offset + RECORD_HEADER_OCTETS;
        take(
          bytes,
          start,
          capturedLength,
          view.getUint32(offset + 12, true),
          view.getUint32(offset, true),
          view.getUint32(offset + 4, true),
        );
        offset = start + capturedLength;
      }
      return packets;
    },
    close: () => memoryDump.closeDump(dump),
  };
}

/** struct pcap_pkthdr: a struct timeval of two longs (32 bits on Windows, else 64), then the lengths. */
const TIME_OCTETS = process.platform === 'win32' ? 8 : 16;

/** The reader of platforms without streams over memory; exported for its test. */
export function openSinglePacketReader(library: PcapLibrary, handle: bigint, snapLength: number): PcapReader {
  const header = new Uint8Array(TIME_OCTETS + 8);
  const fields = new DataView(header.buffer);
  const bytes = new Uint8Array(snapLength);
  const headerAddress = new BigUint64Array(1);
  const octetsAddress = new BigUint64Array(1);
  return {
    read(take) {
      for (let packets = 0; packets < READ_PACKETS_MAX; packets += 1) {
        const result = library.nextPacket(handle, headerAddress, octetsAddress);
        if (result !== 1) return result < 0 && packets === 0 ? -1 : packets;
        library.copyMemory(header, headerAddress[0]!, header.length);
        const capturedLength = Math.min(snapLength, fields.getUint32(TIME_OCTETS, true));
        library.copyMemory(bytes, octetsAddress[0]!, capturedLength);
        take(
          bytes,
          0,
          capturedLength,
          fields.getUint32(TIME_OCTETS + 4, true),
          fields.getUint32(0, true),
          fields.getUint32(TIME_OCTETS / 2, true),
        );
      }
      return READ_PACKETS_MAX;
    },
    close: () => {},
  };
}
