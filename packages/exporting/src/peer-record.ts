/**
 * Who is behind overlay addresses, as option records: told once for all flows instead of with each. A
 * collector joins them by the flow's addresses and by time: a record holds from observationTimeMilliseconds
 * on until another one for the same prefixes, or of the same key from a later moment on.
 */
import type { Peer } from '@weir/host';
import {
  type EncodableRecord,
  type FieldSpecifier,
  type Template,
  VARIABLE_LENGTH,
  WEIR_ENTERPRISE_NUMBER,
} from '@weir/ipfix';
import { OPTIONS_TEMPLATE_ID_FIRST } from './export-template.ts';

function ours(elementId: number, length: number): FieldSpecifier {
  return { enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId, length };
}

/**
 * Scope: peerOverlayAddresses; then peerName, peerUser, peerTags, peerPublicKey, peerEndpoint,
 * peerLastSeenMilliseconds and observationTimeMilliseconds. Above the ids of the other Options Templates.
 */
export const PEER_TEMPLATE: Template = {
  templateId: OPTIONS_TEMPLATE_ID_FIRST + 16,
  scopeFieldCount: 1,
  fields: [
    ours(8, VARIABLE_LENGTH),
    ours(3, VARIABLE_LENGTH),
    ours(4, VARIABLE_LENGTH),
    ours(5, VARIABLE_LENGTH),
    ours(6, VARIABLE_LENGTH),
    ours(7, VARIABLE_LENGTH),
    ours(9, 8),
    { enterpriseNumber: 0, elementId: 323, length: 8 },
  ],
};

/** With the rest of a record they fit a message of 512 octets, the least that is sent; more take another record. */
const PREFIX_OCTETS_MAX = 160;
/** Of all other text. */
const TEXT_OCTETS_MAX = 280;

const encoder = new TextEncoder();

/**
 * A record a peer, or several with its prefixes in turn where they are many. Other text that would not fit a message
 * is cut: tags at a comma.
 */
export function peerRecords(peers: readonly Peer[]): { template: Template; record: EncodableRecord }[] {
  return peers.flatMap((peer) => {
    const fields = fieldsOf(peer);
    return sharedOut(peer.overlayPrefixes).map((peerOverlayAddresses) => ({
      template: PEER_TEMPLATE,
      record: { scope: { peerOverlayAddresses }, fields },
    }));
  });
}

function fieldsOf(peer: Peer): EncodableRecord['fields'] {
  const room = { octets: TEXT_OCTETS_MAX };
  const peerPublicKey = fitted([peer.publicKey], room);
  const peerName = fitted([peer.name], room);
  const peerEndpoint = fitted([peer.endpoint], room);
  return {
    peerName,
    peerUser: fitted([peer.user], room),
    peerTags: fitted(peer.tags, room),
    peerPublicKey,
    peerEndpoint,
    peerLastSeenMilliseconds: new Date(peer.lastSeenMs),
    observationTimeMilliseconds: new Date(peer.validFromMs),
  };
}

/** The prefixes with commas, in as few texts of PREFIX_OCTETS_MAX as hold them in their order. */
function sharedOut(prefixes: readonly string[]): string[] {
  const texts: string[] = [];
  for (const prefix of prefixes) {
    const longer = `${texts.at(-1)},${prefix}`;
    if (texts.length > 0 && longer.length <= PREFIX_OCTETS_MAX) texts[texts.length - 1] = longer;
    else texts.push(prefix);
  }
  return texts;
}

/** As many of the parts as there is room for, with commas; what they take is taken from `room`. */
function fitted(parts: readonly string[], room: { octets: number }): string {
  let text = '';
  for (const part of parts) {
    const longer = text === '' ? part : `${text},${part}`;
    if (encoder.encode(longer).length > room.octets) break;
    text = longer;
  }
  room.octets -= encoder.encode(text).length;
  return text;
}
