/**
 * Which TransportSession a datagram belongs to, found by a number instead of by building a string.
 *
 * Over UDP a session is an exporter's address on one local socket; the source port is not part of it,
 * because it changes when an exporter restarts and because anybody can forge ten thousand of them. Forged
 * addresses cost a place here for a while; those that sent records never lose theirs to them. What a
 * decoder keeps for an address has its own limits.
 */
import type { TransportSession } from '@weir/ipfix';
import type { RateLimiter } from './rate-limit.ts';

/** As many as a receiver remembers senders, and four times the exporters that a decoder keeps; about 10 MiB. */
export const SESSIONS_MAX = 65_536;

export interface ExporterSession {
  readonly transport: TransportSession;
  /** Whether it ever sent a record that was understood. */
  proven: boolean;
  /** undefined where nothing is limited. */
  readonly limiter: RateLimiter | undefined;
}

export interface ExporterSessions {
  readonly size: number;
  /** Sessions that were forgotten to make room. */
  readonly forgotten: number;
  /**
   * The session of the sender that `senderKey` stands for: a receiver never gives a key to a second address, but
   * may give an address a new key. undefined when the receiver knows no such sender.
   */
  find(senderKey: number): ExporterSession | undefined;
  /** The session of an address that sent something. */
  ofAddress(address: string): ExporterSession | undefined;
}

export interface ExporterSessionsOptions {
  source: string;
  /** The address and port that receive; known once the socket is bound. */
  localSocket: () => string;
  /** Tells the address when a key is new. */
  addressOf: (senderKey: number) => string | undefined;
  /** What an exporter may send. */
  createLimiter?: () => RateLimiter | undefined;
  sessionsMax?: number;
}

export function createExporterSessions(options: ExporterSessionsOptions): ExporterSessions {
  const { source, localSocket, addressOf, createLimiter, sessionsMax = SESSIONS_MAX } = options;
  const byAddress = new Map<string, ExporterSession>();
  const byKey = new Map<number, ExporterSession>();
  let forgotten = 0;
  let latestKey = -1;
  let latest: ExporterSession | undefined;

  function makeRoom(): void {
    const before = byAddress.size;
    for (const [address, { proven }] of byAddress) {
      if (!proven) byAddress.delete(address);
    }
    if (byAddress.size >= sessionsMax) byAddress.clear();
    forgotten += before - byAddress.size;
    byKey.clear();
  }

  function learn(senderKey: number): ExporterSession | undefined {
    const exporterAddress = addressOf(senderKey);
    if (exporterAddress === undefined) return undefined;
    let session = byAddress.get(exporterAddress);
    if (session === undefined) {
      if (byAddress.size >= sessionsMax) makeRoom();
      session = {
        transport: { exporterAddress, localSocket: localSocket(), transport: 'udp', source },
        proven: false,
        limiter: createLimiter?.(),
      };
      byAddress.set(exporterAddress, session);
    }
    if (byKey.size >= sessionsMax) byKey.clear();
    byKey.set(senderKey, session);
    return session;
  }

  return {
    get size() {
      return byAddress.size;
    },
    get forgotten() {
      return forgotten;
    },
    ofAddress: (address) => byAddress.get(address),
    find(senderKey) {
      if (senderKey === latestKey) return latest;
      latest = byKey.get(senderKey) ?? learn(senderKey);
      latestKey = senderKey;
      return latest;
    },
  };
}
