/**
 * Which TransportSession a datagram belongs to, found by a number instead of by building a string.
 *
 * Over UDP a session is an exporter's address on one local socket; the source port is not part of it,
 * because it changes when an exporter restarts and because anybody can forge ten thousand of them. Forged
 * addresses cost a place here for a while; those that sent records lose theirs last, and established exporters
 * never to others. What a decoder keeps for an address has its own limits.
 */
import type { TransportSession } from '@weir/ipfix';
import type { RateLimiter } from './rate-limit.ts';

/** As many as a receiver remembers senders, and four times the exporters that a decoder keeps; about 10 MiB. */
export const SESSIONS_MAX = 65_536;

export interface ExporterSession {
  readonly transport: TransportSession;
  /** Whether it ever sent a record that was understood. */
  proven: boolean;
  /** Its messages follow each other as an exporter's do, or the operator named it. */
  established: boolean;
  /** Until when it is heard out of turn, by the gate's clock. */
  heardUntilMs: number;
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
  /** Whether an exporter is known to be real before it sends anything. */
  isEstablished?: (transport: TransportSession) => boolean;
  /** What an exporter may send. */
  createLimiter?: () => RateLimiter | undefined;
  sessionsMax?: number;
}

export function createExporterSessions(options: ExporterSessionsOptions): ExporterSessions {
  const { source, localSocket, addressOf, createLimiter, sessionsMax = SESSIONS_MAX } = options;
  const { isEstablished = () => false } = options;
  const byAddress = new Map<string, ExporterSession>();
  const byKey = new Map<number, ExporterSession>();
  let forgotten = 0;
  let latestKey = -1;
  let latest: ExporterSession | undefined;

  function makeRoom(): void {
    const before = byAddress.size;
    forget(({ proven, established }) => !proven && !established);
    if (byAddress.size > sessionsMax / 2) forget(({ established }) => !established);
    if (byAddress.size >= sessionsMax) byAddress.clear();
    forgotten += before - byAddress.size;
    byKey.clear();
  }

  function forget(isDue: (session: ExporterSession) => boolean): void {
    for (const [address, session] of byAddress) if (isDue(session)) byAddress.delete(address);
  }

  function learn(senderKey: number): ExporterSession | undefined {
    const exporterAddress = addressOf(senderKey);
    if (exporterAddress === undefined) return undefined;
    let session = byAddress.get(exporterAddress);
    if (session === undefined) {
      if (byAddress.size >= sessionsMax) makeRoom();
      const transport: TransportSession = {
        exporterAddress,
        localSocket: localSocket(),
        transport: 'udp',
        source,
      };
      session = {
        transport,
        proven: false,
        established: isEstablished(transport),
        heardUntilMs: 0,
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
