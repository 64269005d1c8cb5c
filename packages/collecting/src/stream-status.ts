/** What a listener over TCP or TLS knows of its connections. Structured-cloneable; times in ms since the Unix epoch. */

/**
 * Why a connection is no more. `ended`: its exporter closed it in order. `reset`: it broke. `idle`: no message
 * for the idle timeout. `stalled`: a message that was begun did not end in time. `damaged`: what stood where a
 * message header must stand was none, or message after message was malformed. `displaced`: it had sent nothing
 * and made room for another. `handshake`: TLS was not agreed upon. `untrusted`: the certificate is none that
 * the authorities vouch for today. `notAllowed`: the certificate names nobody on the list. `cutOff`: the
 * collector stopped and the exporter did not close its side in time.
 */
export const CLOSE_REASONS = [
  'ended',
  'reset',
  'idle',
  'stalled',
  'damaged',
  'displaced',
  'handshake',
  'untrusted',
  'notAllowed',
  'cutOff',
] as const;
export type CloseReason = (typeof CLOSE_REASONS)[number];

export interface StreamCounters {
  accepted: number;
  /** Turned away because the source, or one address, had all its connections. */
  refusedFull: number;
  refusedAddress: number;
  closed: Record<CloseReason, number>;
  /** Times that reading stopped because the store was behind, and for how long in all. */
  pauses: number;
  pausedMs: number;
  /** Changed certificate files that were taken over, and that could not be. */
  certificateReloads: number;
  certificateReloadFailures: number;
}

/** One connection that is open. */
export interface ConnectionStatus {
  readonly address: string;
  readonly port: number;
  /** Name in the certificate of the exporter; undefined without one. */
  readonly subject: string | undefined;
  readonly sinceMs: number;
  /** When its latest whole message came; `sinceMs` before the first. */
  readonly lastMessageMs: number;
  readonly octets: number;
  readonly messages: number;
  /** Flow records that were taken from this connection and are in the store or on their way into it. */
  readonly records: number;
}

export interface StreamStatus {
  readonly counters: StreamCounters;
  /** Those that are open, in the order in which they came. */
  readonly connections: readonly ConnectionStatus[];
}
