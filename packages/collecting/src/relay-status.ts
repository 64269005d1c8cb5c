export interface RelayDestinationStatus {
  readonly address: string;
  readonly port: number;
  /** Datagrams and octets that the kernel took. */
  readonly sent: number;
  readonly sentOctets: number;
  /** Left out because only one in so many is wanted. */
  readonly sampledOut: number;
  /** Given up because the kernel took them too slowly. */
  readonly refused: number;
  /** Not sent, or answered with an error: nobody listens, no route. */
  readonly failed: number;
  /** The latest error's code; undefined once datagrams are taken again. */
  readonly problem: string | undefined;
}

/** What became of the datagrams that a source is to relay. */
export interface RelayStatus {
  /** Handed over for sending, to all destinations together. */
  readonly datagrams: number;
  /** Not relayed to anybody because sending was behind: collecting did not wait. */
  readonly dropped: number;
  /** Messages of a stream that no datagram can hold. */
  readonly oversized: number;
  /** Messages with known templates that were sent before a datagram. */
  readonly templateMessages: number;
  /** A second or so old. */
  readonly destinations: readonly RelayDestinationStatus[];
}
