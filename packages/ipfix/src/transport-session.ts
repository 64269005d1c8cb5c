/** How messages arrive; RFC 7011 sections 8 and 10 have rules for templates by transport. */
export type TransportKind = 'udp' | 'tcp' | 'tls' | 'file';

/**
 * One stream of messages from one exporter. The decoder knows a session by the identity of this object, so
 * whoever receives keeps one for each sender and hands in the same one each time. Over UDP all sessions with
 * the same exporter address and local socket share templates and counters: the source port changes when an
 * exporter restarts and anybody can forge it. Over TCP, TLS and in files every object is a scope of its own.
 */
export interface TransportSession {
  /** As text, IPv6 in RFC 5952 form. */
  readonly exporterAddress: string;
  /** The address and port that received, such as `0.0.0.0:4739`. */
  readonly localSocket: string;
  readonly transport: TransportKind;
  /** Name of the flow source. */
  readonly source: string;
}
