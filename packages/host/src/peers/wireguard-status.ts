/**
 * `wg show all dump` (wg(8)): a line for each interface and for each peer, its fields parted by tabs.
 *
 *   interface  private-key  public-key  listen-port  fwmark
 *   interface  public-key  preshared-key  endpoint  allowed-ips  latest-handshake  rx  tx  persistent-keepalive
 *
 * Private and preshared keys are passed over.
 */
import { type PeerStatement, prefixesOf, textOf } from './peer.ts';

const PEER_FIELDS = 9;
const NONE = '(none)';

/** The peers of all interfaces; lines that are no peer's are passed over. WireGuard knows keys, not names. */
export function readWireGuardStatus(text: string): PeerStatement[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split('\t');
    if (fields.length !== PEER_FIELDS) return [];
    const [, publicKey, , endpoint, allowedIps = '', latestHandshake] = fields;
    const overlayPrefixes = prefixesOf(allowedIps.split(','));
    if (overlayPrefixes.length === 0) return [];
    return [
      {
        name: '',
        user: '',
        tags: [],
        publicKey: textOf(publicKey),
        endpoint: endpoint === NONE ? '' : textOf(endpoint),
        overlayPrefixes,
        lastSeenMs: Math.max(0, (Number(latestHandshake) || 0) * 1000),
      },
    ];
  });
}
