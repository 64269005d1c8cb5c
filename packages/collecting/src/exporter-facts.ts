/**
 * What one options record tells of its exporter beyond sampling and boot times, which the decoder keeps itself:
 * names of interfaces (IANA 82, 83 by 10, 14, 252 or 253), applications (RFC 6759: 95, 96), VRFs (234, 235,
 * 236), samplers (48 with 84, 302 with 335), peers (Weir's own elements) and of the exporter (300).
 */
import type { OptionsRecord } from '@weir/ipfix';

/** Kinds of things that an exporter names by a number or a text. */
export const FACT_KINDS = ['interface', 'application', 'vrf', 'sampler', 'peer', 'exporter'] as const;
export type FactKind = (typeof FACT_KINDS)[number];

export interface ExporterFact {
  readonly kind: FactKind;
  /**
   * `interface`: ifIndex; `application`: its key (`applicationKey`); `vrf`, `sampler`: the id; `peer`: its public key, else
   * its prefixes; `exporter`: empty.
   */
  readonly key: number | string;
  readonly name: string;
  /** Of interfaces and applications the description, of peers the user. */
  readonly detail: string | undefined;
  /** Prefixes of a peer, `address/length` each. */
  readonly prefixes: readonly string[];
  /** From when it holds by the exporter's own word, milliseconds since the Unix epoch; 0: since it was told. */
  readonly validFromMs: number;
}

/** Longer than any name that a router allows; the rest of a longer one is cut. */
const TEXT_CHARACTERS_MAX = 255;
/** A peer of WireGuard has some allowed addresses, a gateway some networks. */
export const PREFIXES_PER_PEER_MAX = 64;

type Fields = Readonly<Record<string, unknown>>;

/** The facts of a record, most often none or one. */
export function factsOf({ scope, fields }: Pick<OptionsRecord, 'scope' | 'fields'>): ExporterFact[] {
  const all: Fields = { ...scope, ...fields };
  const told = [interfaceOf(all), applicationOf(all), samplerOf(all), peerOf(all), exporterOf(all)];
  return [...told.filter((fact) => fact !== undefined), ...vrfsOf(all)];
}

/**
 * One key for all encodings of an application (RFC 6759 section 4): the engine and the selector without
 * leading zeros, because exporters choose the length of the selector. `hex` are the octets on the wire.
 */
export function applicationKey(hex: string): string {
  const engine = hex.slice(0, 2);
  const selector = hex.slice(2).replace(/^0+/, '');
  return `${engine}:${selector === '' ? '0' : selector}`;
}

function interfaceOf(all: Fields): ExporterFact | undefined {
  const ifIndex =
    all['ingressInterface'] ??
    all['egressInterface'] ??
    all['ingressPhysicalInterface'] ??
    all['egressPhysicalInterface'];
  const description = textOf(all['interfaceDescription']);
  const name = textOf(all['interfaceName']) ?? description;
  if (typeof ifIndex !== 'number' || name === undefined) return undefined;
  return fact('interface', ifIndex, name, description);
}

function applicationOf(all: Fields): ExporterFact | undefined {
  const id = all['applicationId'];
  const name = textOf(all['applicationName']);
  if (typeof id !== 'string' || id.length < 4 || name === undefined) return undefined;
  return fact('application', applicationKey(id), name, textOf(all['applicationDescription']));
}

function vrfsOf(all: Fields): ExporterFact[] {
  const name = textOf(all['VRFname']);
  if (name === undefined) return [];
  const ids = new Set([all['ingressVRFID'], all['egressVRFID']].filter((id) => typeof id === 'number'));
  return [...ids].map((id) => fact('vrf', id, name, undefined));
}

function samplerOf(all: Fields): ExporterFact | undefined {
  const id = all['samplerId'] ?? all['selectorId'];
  const name = textOf(all['samplerName']) ?? textOf(all['selectorName']);
  if (typeof id !== 'number' || name === undefined) return undefined;
  return fact('sampler', id, name, undefined);
}

function peerOf(all: Fields): ExporterFact | undefined {
  const prefixes = listOf(all['peerOverlayAddresses']).slice(0, PREFIXES_PER_PEER_MAX);
  const publicKey = textOf(all['peerPublicKey']);
  const user = textOf(all['peerUser']);
  const name = textOf(all['peerName']) ?? user ?? publicKey;
  if (prefixes.length === 0 || name === undefined) return undefined;
  const validFromMs = Date.parse(String(all['observationTimeMilliseconds'] ?? '')) || 0;
  return { ...fact('peer', publicKey ?? prefixes.join(','), name, user), prefixes, validFromMs };
}

function exporterOf(all: Fields): ExporterFact | undefined {
  const name = textOf(all['observationDomainName']);
  return name === undefined ? undefined : fact('exporter', '', name, undefined);
}

function fact(kind: FactKind, key: number | string, name: string, detail: string | undefined): ExporterFact {
  return { kind, key, name, detail, prefixes: [], validFromMs: 0 };
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim().slice(0, TEXT_CHARACTERS_MAX);
  return text === '' ? undefined : text;
}

function listOf(value: unknown): string[] {
  if (typeof value !== 'string') return [];
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part.length <= 64);
}
