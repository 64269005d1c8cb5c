/** How export packets are read from files. Reading captures is metering's business: a device brings the two together. */

/** Where a packet was found. */
export interface PacketOrigin {
  readonly exporterAddress: string;
  /** The address and port that it was sent to; of a file, its name. */
  readonly localSocket: string;
  readonly transport: 'udp' | 'tcp' | 'file';
  /** Milliseconds since the Unix epoch; undefined where the file does not say. */
  readonly timestampMs: number | undefined;
  /** Packets with the same stream share what came before: a TCP connection, a file, an exporter over UDP. */
  readonly stream: string;
}

export interface PacketTaker {
  /** A datagram, or one message of a stream; the octets are there during the call only. */
  packet(bytes: Uint8Array, origin: PacketOrigin): void;
  /** Part of the file is damaged. */
  problem(problem: { code: string; offset: number; message: string }, origin: PacketOrigin): void;
  /** Asked between chunks; a promise while the taker is behind. What it throws ends the reading. */
  room(): Promise<void> | undefined;
}

/** Gives every export packet of a file to the taker, in the same order each time. Rejects with UserError. */
export type ReadExportPackets = (path: string, taker: PacketTaker) => Promise<void>;
