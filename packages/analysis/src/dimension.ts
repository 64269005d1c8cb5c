/**
 * The catalogue of what a flow can be filtered and grouped by. A field has one name in the filter language,
 * in plans, in answers and in the API; the columns of FLOW_COLUMNS that hold it are named beside it.
 */
import { FLOW_COLUMNS, type FlowColumnName } from '@weir/ipfix';
import { formatAddress, formatNetwork, IPV4_PREFIX_BITS, isIPv4 } from './address.ts';
import {
  DIRECTION_NAMES,
  END_REASON_NAMES,
  FIREWALL_EVENT_NAMES,
  FORWARDING_STATE_NAMES,
  formatTcpFlags,
  protocolName,
} from './value-name.ts';

/** What a field's values are, hence how they are written in a filter, compared and shown. */
export type FieldKind =
  | 'address'
  | 'mac'
  | 'number'
  /** A counter: accepts K, M, G, T (powers of 1000). */
  | 'counter'
  | 'durationMs'
  | 'timeMs'
  | 'protocol'
  | 'tcpFlags'
  | 'named'
  /** Text of the dimension table `exporters`. */
  | 'exporterText'
  | 'exporterNumber';

/** Where a field's value comes from. */
type FieldSource =
  | { readonly from: 'column'; readonly column: FlowColumnName }
  | { readonly from: 'address'; readonly hi: FlowColumnName; readonly lo: FlowColumnName }
  /** A column of the dimension table `exporters`. */
  | { readonly from: 'exporter'; readonly column: string }
  | { readonly from: 'derived'; readonly formula: DerivedFormula };

export type DerivedFormula =
  | 'duration'
  | 'bitsPerSecond'
  | 'packetsPerSecond'
  | 'octetsPerPacket'
  | 'icmpType'
  | 'icmpCode'
  | 'forwardingState'
  | 'ipVersion';

export interface FieldDefinition {
  readonly name: string;
  readonly kind: FieldKind;
  readonly source: FieldSource;
  /** Other spellings that a filter accepts, in lower case. */
  readonly aliases: readonly string[];
  /** Names of values, for kind `named`. */
  readonly valueNames?: Readonly<Record<number, string>>;
  /** May stand in `groupBy`. Counters, rates and times may not. */
  readonly groupable: boolean;
  readonly description: string;
}

type Options = Partial<Pick<FieldDefinition, 'valueNames' | 'groupable'>>;

function column(
  name: FlowColumnName,
  kind: FieldKind,
  aliases: string,
  description: string,
  options: Options = {},
): FieldDefinition {
  return field(name, kind, { from: 'column', column: name }, aliases, description, options);
}

function address(name: 'srcAddr' | 'dstAddr' | 'nextHop', aliases: string, description: string) {
  const source: FieldSource = { from: 'address', hi: `${name}Hi`, lo: `${name}Lo` };
  return field(name, 'address', source, aliases, description);
}

function derived(
  name: string,
  kind: FieldKind,
  formula: DerivedFormula,
  aliases: string,
  description: string,
  options: Options = {},
): FieldDefinition {
  return field(name, kind, { from: 'derived', formula }, aliases, description, options);
}

function exporterColumn(name: string, stored: string, kind: FieldKind, aliases: string, description: string) {
  return field(name, kind, { from: 'exporter', column: stored }, aliases, description);
}

function field(
  name: string,
  kind: FieldKind,
  source: FieldSource,
  aliases: string,
  description: string,
  options: Options = {},
): FieldDefinition {
  const names = aliases === '' ? [] : aliases.split(' ');
  return { name, kind, source, aliases: names, groupable: true, description, ...options };
}

const UNGROUPED = { groupable: false } as const;

export const FIELDS: readonly FieldDefinition[] = [
  address('srcAddr', 'srcip saddr sourceaddress', 'Source address'),
  address('dstAddr', 'dstip daddr destinationaddress', 'Destination address'),
  column('srcPort', 'number', 'sport', 'Source port of TCP, UDP, SCTP'),
  column('dstPort', 'number', 'dport', 'Destination port of TCP, UDP, SCTP'),
  column('protocol', 'protocol', 'proto', 'IP protocol'),
  column('tcpFlags', 'tcpFlags', 'flags', 'TCP control bits seen in any packet of the flow'),
  column('tos', 'number', 'iptos', 'Class of service: the octet of DSCP and ECN'),
  column('inIf', 'number', 'inputinterface inputint', 'Interface on which the packets arrived (ifIndex)'),
  column('outIf', 'number', 'outputinterface outputint', 'Interface by which the packets left (ifIndex)'),
  column('srcAs', 'number', 'srcasn', 'Autonomous system of the source'),
  column('dstAs', 'number', 'dstasn', 'Autonomous system of the destination'),
  column('direction', 'named', 'flowdirection flowdir', 'Where the flow was observed', {
    valueNames: DIRECTION_NAMES,
  }),
  column('endReason', 'named', 'flowendreason', 'Why the record was made', { valueNames: END_REASON_NAMES }),
  column('forwardingStatus', 'number', 'fwdstat', 'What the exporter did with the packets, with the reason'),
  derived('forwardingState', 'named', 'forwardingState', '', 'Forwarded, dropped or consumed', {
    valueNames: FORWARDING_STATE_NAMES,
  }),
  column('firewallEvent', 'named', 'fwevent', 'What the firewall did with the flow', {
    valueNames: FIREWALL_EVENT_NAMES,
  }),
  column('vlanId', 'number', 'vlan', 'VLAN'),
  address('nextHop', 'nexthopaddr', 'Next hop'),
  column('srcMask', 'number', 'srcnetmask', 'Prefix length of the route to the source'),
  column('dstMask', 'number', 'dstnetmask', 'Prefix length of the route to the destination'),
  column('icmpTypeCode', 'number', '', 'ICMP type × 256 + code'),
  derived('icmpType', 'number', 'icmpType', 'icmp-type', 'ICMP type'),
  derived('icmpCode', 'number', 'icmpCode', 'icmp-code', 'ICMP code'),
  column('minTtl', 'number', '', 'Lowest TTL or hop limit seen'),
  column('maxTtl', 'number', 'ttl', 'Highest TTL or hop limit seen'),
  column('flowId', 'number', '', 'The exporter’s own identifier of the flow'),
  column('srcMac', 'mac', 'insrcmac', 'Source MAC address'),
  column('dstMac', 'mac', 'outdstmac', 'Destination MAC address'),
  column('samplingRate', 'number', '', 'One packet in so many was metered'),
  column('announcedIpVersion', 'number', '', 'IP version as the exporter says it'),
  derived('ipVersion', 'number', 'ipVersion', 'etype family', 'IP version: 4 or 6'),
  exporterColumn('exporter', 'address', 'exporterText', 'exporteraddress router', 'Address of the exporter'),
  exporterColumn(
    'source',
    'source',
    'exporterText',
    'flowsource ident',
    'Flow source that received the record',
  ),
  exporterColumn(
    'observationDomainId',
    'observationDomainId',
    'exporterNumber',
    'odid',
    'Observation domain of the exporter',
  ),
  exporterColumn('exportVersion', 'version', 'exporterNumber', '', 'Version of the export protocol'),
  column('octets', 'counter', 'bytes', 'Octets of the IP layer', UNGROUPED),
  column('packets', 'counter', '', 'Packets', UNGROUPED),
  column('reverseOctets', 'counter', 'reversebytes', 'Octets of the other direction of a biflow', UNGROUPED),
  column('reversePackets', 'counter', '', 'Packets of the other direction of a biflow', UNGROUPED),
  column('flowStart', 'timeMs', 'firstseen', 'When the first packet was seen', UNGROUPED),
  column('flowEnd', 'timeMs', 'lastseen', 'When the last packet was seen', UNGROUPED),
  column('receivedAt', 'timeMs', 'timereceived', 'When the record arrived', UNGROUPED),
  derived('duration', 'durationMs', 'duration', '', 'Time from the first packet to the last', UNGROUPED),
  derived(
    'bps',
    'counter',
    'bitsPerSecond',
    '',
    'Bits per second over the duration (0 when it is 0)',
    UNGROUPED,
  ),
  derived('pps', 'counter', 'packetsPerSecond', '', 'Packets per second over the duration', UNGROUPED),
  derived('bpp', 'counter', 'octetsPerPacket', 'packetsize', 'Octets per packet', UNGROUPED),
];

const fieldsByName = new Map<string, FieldDefinition>();
for (const definition of FIELDS) {
  for (const name of [definition.name, ...definition.aliases])
    fieldsByName.set(name.toLowerCase(), definition);
}

/** The field called `name` (any case, aliases included). */
export function fieldNamed(name: string): FieldDefinition | undefined {
  return fieldsByName.get(name.toLowerCase());
}

/** The largest number that a field can hold: a port of 99999 is a mistake. Infinity where nothing bounds it. */
export function valueMax({ source }: FieldDefinition): number {
  if (source.from !== 'column') return Number.POSITIVE_INFINITY;
  const { type } = FLOW_COLUMNS.find(({ name }) => name === source.column) ?? { type: 'u64' };
  return { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, u64: Number.POSITIVE_INFINITY }[type];
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
  const [name = '', first, second, ...rest] = text.trim().split('/');
  const definition = fieldNamed(name);
  if (definition?.groupable !== true || rest.length > 0) return undefined;
  if (first === undefined) return { name: definition.name };
  if (definition.kind !== 'address' || !isLength(first, 128)) return undefined;
  const length = Number(first);
  if (second !== undefined) {
    if (length > 32 || !isLength(second, 128)) return undefined;
    return { name: definition.name, prefixLength: length, prefixLength6: Number(second) };
  }
  return length <= 32
    ? { name: definition.name, prefixLength: length, prefixLength6: length * 2 }
    : { name: definition.name, prefixLength: 32, prefixLength6: length };
}

/** The inverse of `parseDimension`; also the name of the dimension's column in an answer. */
export function formatDimension({ name, prefixLength, prefixLength6 }: DimensionRef): string {
  if (prefixLength === undefined || prefixLength6 === undefined) return name;
  if (prefixLength === 32 && prefixLength6 > 32 && prefixLength6 !== 64) return `${name}/${prefixLength6}`;
  if (prefixLength6 === prefixLength * 2) return `${name}/${prefixLength}`;
  return `${name}/${prefixLength}/${prefixLength6}`;
}

/** A value as people read it: `tcp` for protocol 6, `.AP.SF` for flags, a name where one is registered. */
export function formatFieldValue(definition: FieldDefinition, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'number') return String(value);
  if (definition.kind === 'protocol') return protocolName(value);
  if (definition.kind === 'tcpFlags') return formatTcpFlags(value);
  return definition.valueNames?.[value] ?? String(value);
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
