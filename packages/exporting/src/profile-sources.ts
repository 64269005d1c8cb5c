/** What a profile says of dropped frames, peers and names: where the Metering Process learns of them. */
import { getNodeValue } from './json-document.ts';
import {
  isAbsolutePath,
  membersOf,
  type Reading,
  readBoolean,
  readList,
  readObject,
  readOneOf,
  readPath,
  readWholeNumber,
  refuse,
} from './profile-value.ts';

/** Why policy dropped a frame. */
export const DROP_REASONS = ['AccessControl', 'Trust', 'Other'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Where dropped frames are told. */
export type DropSource =
  | {
      readonly kind: 'nflog';
      /** NFLOG group, 0 … 65535. */
      readonly group: number;
      /** Of frames whose log prefix begins with none of `prefixReasons`. */
      readonly reason: DropReason;
      readonly prefixReasons: Readonly<Record<string, DropReason>>;
    }
  /** A named pipe or Unix socket that pcapng comes out of. */
  | { readonly kind: 'pcapng'; readonly path: string };

/** Who is asked for the peers of the overlay. */
export type PeerSource =
  | { readonly kind: 'wireGuard' | 'tailscale' | 'netBird' }
  | { readonly kind: 'file'; readonly path: string };

/** Which names seen on the wire go into records. */
export interface NameSources {
  readonly dns: boolean;
  readonly tls: boolean;
}

const NFLOG_GROUP_MAX = 65_535;
/** struct nfulnl: a prefix has at most 127 characters. */
const PREFIX_LENGTH_MAX = 127;
const DROP_SOURCE_FORM = '{"Nflog":group,"Reason":"AccessControl"} or {"Pcapng":"/path/to/pipe-or-socket"}';
const PEER_PROGRAMS = { WireGuard: 'wireGuard', Tailscale: 'tailscale', NetBird: 'netBird' } as const;
const FILE_PREFIX = 'File:';

export function readDropSources(reading: Reading): readonly DropSource[] | undefined {
  const seen = new Set<string>();
  return readList(reading, `a list of ${DROP_SOURCE_FORM}`, (entry) => {
    const source = readDropSource(entry);
    if (source === undefined) return undefined;
    const key = source.kind === 'nflog' ? `group ${source.group}` : `"${source.path}"`;
    if (!seen.has(key)) {
      seen.add(key);
      return source;
    }
    entry.report(entry.node.offset, `DropSources: ${key} is listed twice, allowed: once`);
    return undefined;
  });
}

function readDropSource(entry: Reading): DropSource | undefined {
  const found = readObject(entry, ['Nflog', 'Reason', 'PrefixReasons', 'Pcapng'], DROP_SOURCE_FORM);
  if (found === undefined) return undefined;
  const [nflog, reasonOf, prefixes, pcapng] = ['Nflog', 'Reason', 'PrefixReasons', 'Pcapng'].map((name) =>
    found.get(name),
  );
  if (pcapng !== undefined && found.size === 1) {
    const path = readPath(pcapng);
    return path === undefined ? undefined : { kind: 'pcapng', path };
  }
  if (nflog === undefined || reasonOf === undefined || pcapng !== undefined) {
    return refuse(entry, DROP_SOURCE_FORM);
  }
  const group = readWholeNumber(nflog, 0, NFLOG_GROUP_MAX);
  const reason = readOneOf(reasonOf, DROP_REASONS);
  const prefixReasons = prefixes === undefined ? {} : readPrefixReasons(prefixes);
  if (group === undefined || reason === undefined || prefixReasons === undefined) return undefined;
  return { kind: 'nflog', group, reason, prefixReasons };
}

function readPrefixReasons(reading: Reading): Record<string, DropReason> | undefined {
  if (reading.node.type !== 'object') return refuse(reading, 'an object such as {"trust-":"Trust"}');
  const reasons = new Map<string, DropReason>();
  for (const { name, nameNode, valueNode } of membersOf(reading.node)) {
    if (name === '' || name.length > PREFIX_LENGTH_MAX) {
      refuse({ ...reading, node: nameNode }, `a prefix of 1 to ${PREFIX_LENGTH_MAX} characters`);
    } else if (reasons.has(name)) {
      reading.report(nameNode.offset, `${reading.name}: "${name}" is listed twice, allowed: once`);
    } else if (valueNode !== undefined) {
      const reason = readOneOf({ ...reading, node: valueNode }, DROP_REASONS);
      if (reason !== undefined) reasons.set(name, reason);
    }
  }
  return Object.fromEntries(reasons);
}

export function readPeers(reading: Reading): readonly PeerSource[] | undefined {
  const form = '"WireGuard", "Tailscale", "NetBird" or "File:/path/to/peers"';
  const seen = new Set<string>();
  return readList(reading, `a list of ${form}`, (entry) => {
    const value: unknown = getNodeValue(entry.node);
    if (typeof value !== 'string') return refuse(entry, form);
    const source = peerSource(value);
    if (source === undefined) return refuse(entry, form);
    if (!seen.has(value)) {
      seen.add(value);
      return source;
    }
    entry.report(entry.node.offset, `Peers: "${value}" is listed twice, allowed: once`);
    return undefined;
  });
}

function peerSource(text: string): PeerSource | undefined {
  if (Object.hasOwn(PEER_PROGRAMS, text)) return { kind: PEER_PROGRAMS[text as keyof typeof PEER_PROGRAMS] };
  const path = text.startsWith(FILE_PREFIX) ? text.slice(FILE_PREFIX.length) : '';
  return isAbsolutePath(path) ? { kind: 'file', path } : undefined;
}

/** The entry of `Peers` that means the source. */
export function peerSourceText(source: PeerSource): string {
  if (source.kind === 'file') return `${FILE_PREFIX}${source.path}`;
  const program = Object.entries(PEER_PROGRAMS).find(([, kind]) => kind === source.kind);
  return program?.[0] ?? source.kind;
}

export function readNames(reading: Reading, defaults: NameSources): NameSources | undefined {
  const found = readObject(reading, ['Dns', 'Tls'], 'an object such as {"Dns":true,"Tls":false}');
  if (found === undefined) return undefined;
  const [dns, tls] = ['Dns', 'Tls'].map((name) => {
    const property = found.get(name);
    return property === undefined ? undefined : readBoolean(property);
  });
  return { dns: dns ?? defaults.dns, tls: tls ?? defaults.tls };
}
