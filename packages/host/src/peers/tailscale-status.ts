/** `tailscale status --json`: `Peer` by node key, `Self` like one of them, `User` by number. */
import { objectOf, type PeerStatement, prefixesOf, textOf, textsOf, timeOf } from './peer.ts';

const NODE_KEY = /^nodekey:([0-9a-f]{64})$/;

/** The peers in the status, and this machine, who has overlay addresses too. Throws a SyntaxError when it is not JSON. */
export function readTailscaleStatus(text: string): PeerStatement[] {
  const status = objectOf(JSON.parse(text));
  const users = objectOf(status['User']);
  return [...Object.values(objectOf(status['Peer'])), status['Self']].flatMap((value) => {
    const peer = objectOf(value);
    const allowed = prefixesOf(peer['AllowedIPs']);
    const overlayPrefixes = allowed.length > 0 ? allowed : prefixesOf(peer['TailscaleIPs']);
    if (overlayPrefixes.length === 0) return [];
    const tags = textsOf(peer['Tags']);
    return [
      {
        name: textOf(peer['DNSName']).replace(/\.$/, '') || textOf(peer['HostName']),
        user: tags.length > 0 ? '' : userName(users[String(peer['UserID'])]),
        tags,
        publicKey: publicKeyOf(peer['PublicKey']),
        endpoint: textOf(peer['CurAddr']),
        overlayPrefixes,
        lastSeenMs: timeOf(peer['LastHandshake']) || timeOf(peer['LastSeen']),
      },
    ];
  });
}

function userName(value: unknown): string {
  const user = objectOf(value);
  return textOf(user['LoginName']) || textOf(user['DisplayName']);
}

/** Node keys are written in hexadecimal; WireGuard, and we, write the same octets in base64. */
function publicKeyOf(value: unknown): string {
  const digits = NODE_KEY.exec(textOf(value))?.[1];
  return digits === undefined ? textOf(value) : Buffer.from(digits, 'hex').toString('base64');
}
