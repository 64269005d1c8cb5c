/** `netbird status --json`: `peers.details`, a list. */
import { objectOf, type PeerStatement, prefixesOf, textOf, timeOf } from './peer.ts';

/** The peers in the status. Throws a SyntaxError when it is not JSON. */
export function readNetBirdStatus(text: string): PeerStatement[] {
  const details = objectOf(objectOf(JSON.parse(text))['peers'])['details'];
  if (!Array.isArray(details)) return [];
  return details.flatMap((value) => {
    const peer = objectOf(value);
    const overlayPrefixes = [
      ...prefixesOf([peer['netbirdIp'], peer['netbirdIpv6']]),
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
