/** `netbird status --json`: `peers.details`, a list, and of this machine the same at the top. */
import { objectOf, type PeerStatement, prefixesOf, textOf, timeOf } from './peer.ts';

/** The peers in the status, and this machine, who has overlay addresses too. Throws a SyntaxError when it is not JSON. */
export function readNetBirdStatus(text: string): PeerStatement[] {
  const status = objectOf(JSON.parse(text));
  const details = objectOf(status['peers'])['details'];
  // What the top says of networks are those that this machine uses.
  const self = { ...status, networks: [], routes: [] };
  return [...(Array.isArray(details) ? details : []), self].flatMap((value) => {
    const peer = objectOf(value);
    const overlayPrefixes = [
      ...prefixesOf([peer['netbirdIp'], peer['netbirdIpv6']].map(withoutLength)),
      ...prefixesOf(peer['networks'] ?? peer['routes']),
    ];
    if (overlayPrefixes.length === 0) return [];
    return [
      {
        name: textOf(peer['fqdn']),
        user: '',
        tags: [],
        publicKey: textOf(peer['publicKey']),
        endpoint: textOf(objectOf(peer['iceCandidateEndpoint'])['remote']),
        overlayPrefixes,
        lastSeenMs: timeOf(peer['lastWireguardHandshake']),
      },
    ];
  });
}

/** Of this machine an address has the length of the whole overlay's prefix. */
function withoutLength(address: unknown): unknown {
  return typeof address === 'string' ? address.split('/')[0] : address;
}
