/** What a listener and its relay's thread say to each other. Everything here is structured-cloneable. */
import type { MessagePort } from 'node:worker_threads';
import type { RelayDestinationStatus } from './relay-status.ts';
import type { SocketAddress } from './socket-address.ts';

export interface RelayDestination extends SocketAddress {
  /** Every so manieth datagram is sent; 1 sends all. */
  readonly oneIn: number;
  /** Port from which datagrams are sent in the name of their exporters; undefined: from a socket of our own. */
  readonly spoofedPort: number | undefined;
}

/** `workerData` of a relay's worker. */
export interface RelaySetup {
  readonly destinations: readonly RelayDestination[];
  /** Buffers full of datagrams arrive here. */
  readonly datagramPort: MessagePort;
}

/** Goes with a buffer of datagrams: each behind a header of RELAY_HEADER_OCTETS. */
export interface RelayNote {
  readonly octets: number;
}

/**
 *     0               16        24        32                              64
 *     +---------------+---------+---------+-------------------------------+
 *     | destinations  | always  | 0       | length of the datagram        |
 *     +---------------+---------+---------+-------------------------------+
 *     | IPv4 address of the exporter, 0 for others                        |
 *     +---------------+---------+---------+-------------------------------+
 *
 * `destinations` has bit n set where destination n gets it; with `always` it is not sampled. In the byte order
 * of the machine: the buffer does not leave it.
 */
export const RELAY_HEADER_OCTETS = 12;

export type RelayEvent =
  | { readonly kind: 'status'; readonly destinations: readonly RelayDestinationStatus[] }
  /** A destination that refused takes datagrams again: whoever listens there knows no templates. */
  | { readonly kind: 'back'; readonly destination: number }
  | { readonly kind: 'closed' };
