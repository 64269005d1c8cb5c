/**
 * A file of peers: a JSON list of `{"name", "user", "tags": [], "publicKey", "endpoint", "overlayPrefixes": []}`.
 * All but a name, a key or a prefix may be left out. An entry with the public key of a peer that another
 * source knows gives that peer its name.
 */
import { objectOf, type PeerStatement, prefixesOf, textOf, textsOf } from './peer.ts';

/** The peers in the file. Throws a SyntaxError when it is not JSON or not a list. */
export function readPeerFile(text: string): PeerStatement[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new SyntaxError('the file must hold a list of peers');
  return list.flatMap((value) => {
    const peer = objectOf(value);
    const publicKey = textOf(peer['publicKey']);
    const overlayPrefixes = prefixesOf(peer['overlayPrefixes']);
    if (overlayPrefixes.length === 0 && publicKey === '') return [];
    return [
      {
        name: textOf(peer['name']),
        user: textOf(peer['user']),
        tags: textsOf(peer['tags']),
        publicKey,
        endpoint: textOf(peer['endpoint']),
        overlayPrefixes,
        lastSeenMs: 0,
      },
    ];
  });
}
