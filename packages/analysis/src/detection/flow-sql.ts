/** SQL over `flows` that several detections share, and how their answers are read. */
import { type Address, formatAddress, IPV4_PREFIX_BITS, type Network, parseNetwork } from '../address.ts';
import { renderFilter } from '../duckdb-expression.ts';
import type { TimeRange } from '../query-plan.ts';
import type { AnswerRow } from '../query-result.ts';
import { protocolName } from '../value-name.ts';

/** What we drop: forwardingStatus 128 … 191 (RFC 7270 section 4.12), or firewallEvent denied (IANA, element 233). */
export const DROPPED = `coalesce("forwardingStatus" BETWEEN 128 AND 191 OR "firewallEvent" = 3, false)`;

/**
 * TCP tries that came to nothing: SYN without ACK (unanswered, refused, half open), FIN or Xmas probes, and what we
 * dropped. Flows without any flag are of exporters that tell none.
 */
export const FAILED = `(("protocol" = 6 AND ("tcpFlags" & 16) = 0 AND (("tcpFlags" & 2) = 2 OR ("tcpFlags" & 63) IN (1, 41)))
  OR ("protocol" IN (6, 17) AND ${DROPPED}))`;

/**
 * Answers of somebody who was asked for what he has not: nothing but RST, of the one who did not begin. They tell of
 * probes that look like nothing themselves (NULL, ACK).
 */
export const REFUSAL = `("protocol" = 6 AND ("tcpFlags" & 63) IN (4, 20) AND "packets" <= 2 AND NOT ${DROPPED}
  AND coalesce("sessionSide" = 1, "srcPort" < "dstPort"))`;

/** Records of who began, by the collector's mark; where there is none, of the higher port. */
export const BY_CLIENT = `coalesce("sessionSide" = 0, "srcPort" >= "dstPort")`;

/** Octets and packets of a record, sampling made up for. */
export const OCTETS = `"octets"::DOUBLE * greatest(coalesce("samplingRate", 1), 1)`;
export const PACKETS = `"packets"::DOUBLE * greatest(coalesce("samplingRate", 1), 1)`;

export const START_MS = `epoch_ms("flowStart")`;
export const END_MS = `epoch_ms("flowEnd")`;
/** Which step of a length a record ended in. */
export const stepOf = (stepMs: number): string => `(${END_MS} // ${stepMs})`;

export const SOURCE = '"srcAddrHi", "srcAddrLo"';
export const DESTINATION = '"dstAddrHi", "dstAddrLo"';

/** Private use, shared, link local and loopback (RFC 1918, 6598, 3927, 4193, 4291). */
export const HOME_NETWORKS_DEFAULT: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
];

/** Multicast and broadcast: nobody's address. */
const NOT_HOSTS = ['224.0.0.0/4', '255.255.255.255', 'ff00::/8'].flatMap((text) => parseNetwork(text) ?? []);

export function inNetworks(side: 'src' | 'dst', networks: readonly Network[]): string {
  if (networks.length === 0) return 'false';
  return renderFilter({ kind: 'network', field: `${side}Addr`, networks: [...networks] });
}

/** The side is somebody else's, and a host. */
export function isOutside(side: 'src' | 'dst', home: readonly Network[]): string {
  return `(NOT ${inNetworks(side, home)} AND NOT ${inNetworks(side, NOT_HOSTS)})`;
}

export const numberOf = (row: AnswerRow, name: string): number => Number(row[name] ?? 0);

/** Integers past 2^53 come as text. */
export function addressOf(row: AnswerRow, hi: string, lo: string): Address {
  return { hi: BigInt(String(row[hi])), lo: BigInt(String(row[lo])) };
}

export const sourceOf = (row: AnswerRow): string => formatAddress(addressOf(row, 'srcAddrHi', 'srcAddrLo'));
export const destinationOf = (row: AnswerRow): string =>
  formatAddress(addressOf(row, 'dstAddrHi', 'dstAddrLo'));

/** Some addresses as a condition on a side. */
export function isOneOf(side: 'src' | 'dst', addresses: readonly Address[]): string {
  return inNetworks(
    side,
    addresses.map(({ hi, lo }) => ({ hi, lo, prefixLength: IPV4_PREFIX_BITS + 32 })),
  );
}

export function rangeOfStep(step: number, stepMs: number): TimeRange {
  return { fromMs: step * stepMs, toMs: (step + 1) * stepMs };
}

export const serviceText = (port: number, protocol: number): string => `${port}/${protocolName(protocol)}`;

/** For sentences: 1,234,567. */
export const countText = (value: number): string => Math.round(value).toLocaleString('en-US');

export function octetsText(octets: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = octets < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(octets) / 3));
  return `${(octets / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}
