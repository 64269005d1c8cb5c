/** What flows can be grouped by: a field, and for addresses how much of them. */
import { formatAddress, formatNetwork, IPV4_PREFIX_BITS, isIPv4 } from './address.ts';
import { type FieldDefinition, fieldNamed } from './field.ts';

/**
 * Dimensions of either side: a flow counts for its source (what that sent) and for its destination (what that
 * received), once where both are the same.
 */
export const EITHER_SIDE: Readonly<Record<string, readonly [source: string, destination: string]>> = {
  host: ['srcAddr', 'dstAddr'],
  port: ['srcPort', 'dstPort'],
  as: ['srcAs', 'dstAs'],
  country: ['srcCountry', 'dstCountry'],
  network: ['srcNetwork', 'dstNetwork'],
  site: ['srcSite', 'dstSite'],
  name: ['srcName', 'dstName'],
  peer: ['srcPeer', 'dstPeer'],
  user: ['srcUser', 'dstUser'],
  mac: ['srcMac', 'dstMac'],
  mask: ['srcMask', 'dstMask'],
  if: ['inIf', 'outIf'],
  ifName: ['inIfName', 'outIfName'],
  vrf: ['inVrf', 'outVrf'],
};

/** The dimension that stands for both fields; undefined when there is none. */
export function eitherSideOf(fields: readonly string[]): string | undefined {
  return Object.keys(EITHER_SIDE).find((name) => {
    const [source, destination] = EITHER_SIDE[name]!;
    return fields.length === 2 && fields[0] === source && fields[1] === destination;
  });
}

/**
 * What to group by: a field, and for addresses how many bits to keep. `prefixLength` holds for IPv4,
 * `prefixLength6` for IPv6.
 */
export interface DimensionRef {
  readonly name: string;
  readonly prefixLength?: number;
  readonly prefixLength6?: number;
}

/**
 * Reads `srcAddr`, `srcAddr/24` or `srcAddr/24/56`. With one length of up to 32, IPv6 keeps twice as many
 * bits (/24 goes with /48, /32 with /64); with one of more than 32, IPv4 is kept whole. Undefined when it is
 * no dimension.
 */
export function parseDimension(text: string): DimensionRef | undefined {
  const element = /^\s*\d+\/\d+\s*$/.test(text) ? fieldNamed(text.trim()) : undefined;
  if (element !== undefined) return { name: element.name };
  const [name = '', first, second, ...rest] = text.trim().split('/');
  const known = dimensionNamed(name);
  if (known === undefined || rest.length > 0) return undefined;
  if (first === undefined) return { name: known.name };
  if (!known.isAddress || !isLength(first, 128)) return undefined;
  const length = Number(first);
  if (second !== undefined) {
    if (length > 32 || !isLength(second, 128)) return undefined;
    return { name: known.name, prefixLength: length, prefixLength6: Number(second) };
  }
  return length <= 32
    ? { name: known.name, prefixLength: length, prefixLength6: length * 2 }
    : { name: known.name, prefixLength: 32, prefixLength6: length };
}

/** Dimensions of either side come before fields: `host` is one, and `as` no element. */
function dimensionNamed(name: string): { readonly name: string; readonly isAddress: boolean } | undefined {
  const lower = (EITHER_SIDE_ALIASES[name.toLowerCase()] ?? name).toLowerCase();
  const either = Object.keys(EITHER_SIDE).find((each) => each.toLowerCase() === lower);
  if (either !== undefined) return { name: either, isAddress: either === 'host' };
  const definition = fieldNamed(name);
  if (definition?.groupable !== true) return undefined;
  return { name: definition.name, isAddress: definition.kind === 'address' };
}

const EITHER_SIDE_ALIASES: Readonly<Record<string, string>> = {
  __proto__: null as never,
  ip: 'host',
  addr: 'host',
  net: 'host',
  asn: 'as',
  interface: 'if',
  geo: 'country',
};

/** Whether a dimension counts a flow for both of its sides. */
export function isEitherSide({ name }: DimensionRef): boolean {
  return Object.hasOwn(EITHER_SIDE, name);
}

/** The field of a dimension; of one of either side, the source's, which has the kind of both. */
export function dimensionField({ name }: DimensionRef): FieldDefinition {
  const field = fieldNamed(Object.hasOwn(EITHER_SIDE, name) ? EITHER_SIDE[name]![0] : name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

/** The inverse of `parseDimension`; also the name of the dimension's column in an answer. */
export function formatDimension({ name, prefixLength, prefixLength6 }: DimensionRef): string {
  if (prefixLength === undefined || prefixLength6 === undefined) return name;
  if (prefixLength === 32 && prefixLength6 > 32 && prefixLength6 !== 64) return `${name}/${prefixLength6}`;
  if (prefixLength6 === prefixLength * 2) return `${name}/${prefixLength}`;
  return `${name}/${prefixLength}/${prefixLength6}`;
}

/** The text of an address cut to a dimension's length; without a length, the address. */
export function formatTruncated(hi: bigint, lo: bigint, dimension: DimensionRef): string {
  const { prefixLength, prefixLength6 } = dimension;
  if (prefixLength === undefined || prefixLength6 === undefined) return formatAddress({ hi, lo });
  const bits = isIPv4({ hi, lo }) ? IPV4_PREFIX_BITS + prefixLength : prefixLength6;
  return formatNetwork({ hi, lo, prefixLength: bits });
}

function isLength(text: string, max: number): boolean {
  return /^\d{1,3}$/.test(text) && Number(text) <= max;
}
