/** What the parsers of capture formats (pcap-parser.ts, pcapng-parser.ts) have in common. */

/**
 * Takes one packet, in the order of the file. The octets are only there until it returns. `timestampMs` is
 * milliseconds since the Unix epoch with a fraction; `direction` and `interfaceIndex` are those of
 * PacketMeter.packet.
 */
export type CapturePacketHandler = (
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  wireLength: number,
  timestampMs: number,
  direction: number,
  interfaceIndex: number,
  linkType: number,
) => void;

/** Damage in a file: what was before it has been read. `offset` is counted from the file's first octet. */
export interface CaptureProblem {
  readonly code: 'capture_truncated' | 'capture_corrupt';
  readonly offset: number;
  readonly message: string;
}

/** A parser found octets that cannot be; it says where, and nothing after them is read. */
export interface Damage {
  readonly position: number;
  readonly message: string;
}

/**
 * Reads whole units from a run of octets and leaves a unit that is not whole for the next call, which gets it
 * again with more octets behind it.
 */
export interface CaptureParser {
  /** `pcap` or `pcapng`. */
  readonly format: 'pcap' | 'pcapng';
  /** Packets given to the handler. */
  readonly packets: number;
  readonly damage: Damage | undefined;
  /** Reads from `position` to `end` of `bytes`, over which `view` is; returns where it stopped. */
  parse(bytes: Uint8Array, view: DataView, position: number, end: number): number;
}

/** libpcap's limit for a packet; USB captures come near it, and a length above it is no length. */
export const CAPTURED_OCTETS_MAX = 262_144;
