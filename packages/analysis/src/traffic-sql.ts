/**
 * What analyses ask of the relation `flows` in SQL of their own: which rows count, how much they carried, and who of both
 * ends used the service of the other.
 *
 * Who began a session is in `sessionSide`. Records without that mark are taken as asked by `src`, unless only their source
 * port is below 1024: then they are answers.
 */
import { parseAddress } from './address.ts';
import { identifier, renderFilter, type SqlScope, timestamp, unsigned } from './duckdb-expression.ts';
import type { FilterLists } from './filter-list.ts';
import { parseFilter } from './filter-parser.ts';
import type { TimeRange } from './query-plan.ts';
import { protocolName } from './value-name.ts';

/** Packets that another observation point told of before are not counted again. */
export const COUNTED_ONCE = '(flows."duplicate" = 1) IS NOT TRUE';
/** What was on the wire: sampled records stand for as many packets as their rate says. */
export const WIRE_OCTETS = '"octets"::DOUBLE * greatest(coalesce("samplingRate", 1), 1)';
export const DROPPED = '("forwardingStatus" >> 6 = 2) IS TRUE';
/** When a flow ended; when its record arrived, where it has no end. */
export const ENDED_AT = 'coalesce(flows."flowEnd", flows."receivedAt")';

const PRIVILEGED_PORTS = 1024;
const IS_ANSWER = `coalesce("sessionSide" = 1, "srcPort" < ${PRIVILEGED_PORTS} AND "dstPort" >= ${PRIVILEGED_PORTS}, false)`;

export type SideField = 'AddrHi' | 'AddrLo' | 'Peer' | 'User' | 'Network' | 'Country' | 'Name';

/** A column of who asked, or of who was asked. */
export const ofClient = (field: SideField): string =>
  `CASE WHEN ${IS_ANSWER} THEN "dst${field}" ELSE "src${field}" END`;
export const ofServer = (field: SideField): string =>
  `CASE WHEN ${IS_ANSWER} THEN "src${field}" ELSE "dst${field}" END`;

/** Port of the service; NULL for protocols without ports. */
export const SERVICE_PORT = `CASE WHEN "protocol" IN (6, 17, 33, 132, 136) THEN CASE WHEN ${IS_ANSWER} THEN "srcPort" ELSE "dstPort" END END`;

/** Flows that ended in a time range. */
export function endedWithin({ fromMs, toMs }: TimeRange): string {
  return `${ENDED_AT} >= ${timestamp(fromMs)} AND ${ENDED_AT} < ${timestamp(toMs)}`;
}

export interface FlowFilter {
  readonly text: string;
  readonly lists?: FilterLists;
}

/** A filter as a condition over `flows`, which has `columns`. Throws FilterError. */
export function filterSql({ text, lists = {} }: FlowFilter, columns: readonly string[]): string {
  return renderFilter(parseFilter(text, { lists }), scopeOf(columns));
}

/** Elements without a column of ours are columns where a record has them. */
function scopeOf(columns: readonly string[]): SqlScope {
  const present = new Set(columns);
  return {
    elementSql({ name, enterpriseNumber, elementId, dataType }) {
      const column = [name, `${enterpriseNumber}/${elementId}`].find((each) => present.has(each));
      if (column === undefined) return undefined;
      const sql = `flows.${identifier(column)}`;
      if (dataType === 'boolean') return `CASE WHEN ${sql} THEN 1 WHEN NOT ${sql} THEN 2 END`;
      return dataType.startsWith('dateTime') ? `epoch_ms(${sql})` : sql;
    },
  };
}

/** Whether an address, in two halves, is private: RFC 1918, RFC 6598, RFC 4193 and link-local ones. */
export function isPrivateSql(hi: string, lo: string): string {
  const v4 = (first: number, last: number) =>
    `${lo} BETWEEN ${unsigned(IPV4_MAPPED | BigInt(first))} AND ${unsigned(IPV4_MAPPED | BigInt(last))}`;
  const ranges = [
    v4(0x0a00_0000, 0x0aff_ffff),
    v4(0xac10_0000, 0xac1f_ffff),
    v4(0xc0a8_0000, 0xc0a8_ffff),
    v4(0x6440_0000, 0x647f_ffff),
    v4(0xa9fe_0000, 0xa9fe_ffff),
  ];
  const unique = `${hi} BETWEEN ${unsigned(0xfc00n << 48n)} AND ${unsigned((0xfe00n << 48n) - 1n)}`;
  const linkLocal = `${hi} BETWEEN ${unsigned(0xfe80n << 48n)} AND ${unsigned((0xfec0n << 48n) - 1n)}`;
  return `((${hi} = 0 AND (${ranges.join(' OR ')})) OR ${unique} OR ${linkLocal})`;
}

const IPV4_MAPPED = 0xffff_0000_0000n;

/** A condition that the columns `…AddrHi`, `…AddrLo` of a side are the address. Throws on what is none. */
export function isAddressSql(side: 'src' | 'dst', text: string): string {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return `("${side}AddrHi" = ${unsigned(address.hi)} AND "${side}AddrLo" = ${unsigned(address.lo)})`;
}

/** `tcp/443`, `icmp`. */
export function serviceText(protocol: number | null, port: number | null): string {
  if (protocol === null) return 'unknown';
  const name = protocolName(protocol);
  return port === null ? name : `${name}/${port}`;
}

/** The flows of a service in the filter language. */
export function serviceFilter(protocol: number | null, port: number | null): string {
  if (protocol === null) return '';
  return port === null ? `protocol = ${protocol}` : `protocol = ${protocol} and port = ${port}`;
}

/** Text as a literal of the filter language. */
export const filterText = (value: string): string => JSON.stringify(value);
