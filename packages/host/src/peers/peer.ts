import { isIP } from 'node:net';

/** Who is behind the addresses of an overlay network, as its own program or an administrator's file says. */
export interface Peer {
  /** Host name; empty where the source knows none. */
  readonly name: string;
  readonly user: string;
  readonly tags: readonly string[];
  /** Base64; empty where there is none. */
  readonly publicKey: string;
  /** address:port outside of the overlay; empty where it is not known. */
  readonly endpoint: string;
  /** Prefixes inside the overlay that are the peer's, in CIDR notation. */
  readonly overlayPrefixes: readonly string[];
  /** Last handshake, milliseconds since the Unix epoch; 0 for never. */
  readonly lastSeenMs: number;
  /** Since when these prefixes have been this peer's, as far as we have seen. */
  readonly validFromMs: number;
}

/** A peer as a source tells of it: since when that holds is for the directory to say. */
export type PeerStatement = Omit<Peer, 'validFromMs'>;

/** An overlay larger than this has its addresses elsewhere than in each host's memory: some 4 MiB. */
export const PEERS_MAX = 10_000;
/** A subnet router announces many. */
const PREFIXES_MAX = 64;
const TAGS_MAX = 16;
/** Of a list, to find them in. */
const LISTED_MAX = 1024;
/** 10.0.0.0/8 and fc00::/7, the widest networks that are anybody's own. */
const PREFIX_LENGTH_MIN = { 4: 8, 6: 7 } as const;
const TEXT_LENGTH_MAX = 128;

const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** What a source says in one field; anything but text is nothing. Harmless to show, and bounded. */
export function textOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value.replace(UNSHOWABLE, '\ufffd').slice(0, TEXT_LENGTH_MAX).toWellFormed();
}

/** The texts of a list; anything but a list is an empty one. */
export function textsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, TAGS_MAX)
    .map(textOf)
    .filter((text) => text !== '');
}

/**
 * The prefixes of a list; an address alone is a prefix of its full length. What is neither is left out, and so are
 * networks too wide to be a peer's own: an exit node carries the traffic of all hosts, and is none of them.
 */
export function prefixesOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, LISTED_MAX)
    .map(prefixOf)
    .filter((prefix) => prefix !== '')
    .slice(0, PREFIXES_MAX);
}

function prefixOf(value: unknown): string {
  if (typeof value !== 'string') return '';
  const [address = '', length, more] = value.split('/');
  const version = isIP(address);
  if (version === 0 || more !== undefined || address.includes('%')) return '';
  const addressBits = version === 4 ? 32 : 128;
  if (length === undefined) return `${address}/${addressBits}`;
  if (!/^\d{1,3}$/.test(length) || Number(length) > addressBits) return '';
  return Number(length) < PREFIX_LENGTH_MIN[version === 4 ? 4 : 6] ? '' : value;
}

/** Milliseconds since the Unix epoch of an RFC 3339 time; 0 for never, which Go writes as year 1. */
export function timeOf(value: unknown): number {
  const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) || timeMs < 0 ? 0 : timeMs;
}

/** The members of a JSON object; anything else has none. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
