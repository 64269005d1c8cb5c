/**
 * The catalogue of what a flow can be filtered and grouped by. A field has one name in the filter language,
 * in plans, in answers and in the API; the columns of FLOW_COLUMNS that hold it are named beside it.
 */
import { FLOW_COLUMNS, type FlowColumnName, type InformationElement } from '@weir/ipfix';
import { elementNamed } from './element-name.ts';
import {
  DIRECTION_NAMES,
  DIRECTION_RULE_NAMES,
  DROP_REASON_NAMES,
  DUPLICATE_NAMES,
  END_REASON_NAMES,
  FIREWALL_EVENT_NAMES,
  FORWARDING_STATE_NAMES,
  formatTcpFlags,
  IP_VERSION_NAMES,
  protocolName,
  SESSION_SIDE_NAMES,
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
  | 'text'
  /** ISO 3166-1 alpha-2, in capital letters. */
  | 'country';

/** Where a field's value comes from. */
type FieldSource =
  | { readonly from: 'column'; readonly column: FlowColumnName }
  | { readonly from: 'address'; readonly hi: FlowColumnName; readonly lo: FlowColumnName }
  /** An Information Element that has no column. */
  | { readonly from: 'element'; readonly element: InformationElement }
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
  address('srcAddr', 'srcip saddr sourceaddress sourceipv4address sourceipv6address', 'Source address'),
  address(
    'dstAddr',
    'dstip daddr destinationaddress destinationipv4address destinationipv6address',
    'Destination address',
  ),
  column('srcPort', 'number', 'sport sourcetransportport', 'Source port of TCP, UDP, SCTP'),
  column('dstPort', 'number', 'dport destinationtransportport', 'Destination port of TCP, UDP, SCTP'),
  column('protocol', 'protocol', 'proto protocolidentifier', 'IP protocol'),
  column('tcpFlags', 'tcpFlags', 'flags tcpcontrolbits', 'TCP control bits seen in any packet of the flow'),
  column('tos', 'number', 'iptos ipclassofservice', 'Class of service: the octet of DSCP and ECN'),
  column(
    'inIf',
    'number',
    'inputinterface inputint ingressinterface',
    'Interface by which packets came (ifIndex)',
  ),
  column(
    'outIf',
    'number',
    'outputinterface outputint egressinterface',
    'Interface by which packets left (ifIndex)',
  ),
  column('inIfName', 'text', 'ininterfacename', 'Name of the interface by which packets came'),
  column('outIfName', 'text', 'outinterfacename', 'Name of the interface by which packets left'),
  column('inVrf', 'text', 'ingressvrf', 'VRF in which packets came'),
  column('outVrf', 'text', 'egressvrf', 'VRF in which packets left'),
  column('srcAs', 'number', 'srcasn bgpsourceasnumber', 'Autonomous system of the source'),
  column('dstAs', 'number', 'dstasn bgpdestinationasnumber', 'Autonomous system of the destination'),
  column('srcCountry', 'country', 'srcgeo', 'Country of the source, two letters of ISO 3166'),
  column('dstCountry', 'country', 'dstgeo', 'Country of the destination, two letters of ISO 3166'),
  column('srcNetwork', 'text', 'srcnetname', 'Name of the network that the source is in'),
  column('dstNetwork', 'text', 'dstnetname', 'Name of the network that the destination is in'),
  column('srcSite', 'text', 'srcnetsite', 'Site of the source'),
  column('dstSite', 'text', 'dstnetsite', 'Site of the destination'),
  column('srcName', 'text', 'srchostname', 'Host name of the source'),
  column('dstName', 'text', 'dsthostname', 'Host name of the destination'),
  column('srcPeer', 'text', '', 'Overlay peer that is the source'),
  column('dstPeer', 'text', '', 'Overlay peer that is the destination'),
  column('srcUser', 'text', '', 'User at the source'),
  column('dstUser', 'text', '', 'User at the destination'),
  column('application', 'text', 'app', 'Application, as the exporter names it'),
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
  column('rule', 'text', 'rulename', 'Rule that decided on the packets'),
  column('dropReason', 'named', '', 'Why packets were dropped', { valueNames: DROP_REASON_NAMES }),
  column('vlanId', 'number', 'vlan', 'VLAN'),
  address('nextHop', 'nexthopaddr ipnexthopipv4address ipnexthopipv6address', 'Next hop'),
  column(
    'srcMask',
    'number',
    'srcnetmask sourceipv4prefixlength sourceipv6prefixlength',
    'Prefix length of the route to the source',
  ),
  column(
    'dstMask',
    'number',
    'dstnetmask destinationipv4prefixlength destinationipv6prefixlength',
    'Prefix length of the route to the destination',
  ),
  column('icmpTypeCode', 'number', 'icmptypecodeipv4 icmptypecodeipv6', 'ICMP type × 256 + code'),
  derived('icmpType', 'number', 'icmpType', 'icmp-type icmptypeipv4 icmptypeipv6', 'ICMP type'),
  derived('icmpCode', 'number', 'icmpCode', 'icmp-code icmpcodeipv4 icmpcodeipv6', 'ICMP code'),
  column('minTtl', 'number', 'minimumttl', 'Lowest TTL or hop limit seen'),
  column('maxTtl', 'number', 'ttl maximumttl ipttl', 'Highest TTL or hop limit seen'),
  column('flowId', 'number', '', 'The exporter’s own identifier of the flow'),
  column('srcMac', 'mac', 'insrcmac sourcemacaddress', 'Source MAC address'),
  column('dstMac', 'mac', 'indstmac destinationmacaddress', 'Destination MAC address'),
  column('sessionId', 'number', 'session', 'Equal in all records of both directions of a session'),
  column('sessionSide', 'named', '', 'Who of the session sent the packets', {
    valueNames: SESSION_SIDE_NAMES,
  }),
  column('directionRule', 'named', '', 'What decided who began the session', {
    valueNames: DIRECTION_RULE_NAMES,
  }),
  column('duplicate', 'named', '', 'Whether another observation point told of the same packets', {
    valueNames: DUPLICATE_NAMES,
  }),
  column('samplingRate', 'number', 'samplinginterval', 'One packet in so many was metered'),
  column('announcedIpVersion', 'number', '', 'IP version as the exporter says it'),
  derived('ipVersion', 'named', 'ipVersion', 'etype family', 'IP version', { valueNames: IP_VERSION_NAMES }),
  exporterColumn('exporter', 'address', 'text', 'exporteraddress router', 'Address of the exporter'),
  exporterColumn('source', 'source', 'text', 'flowsource ident', 'Flow source that received the record'),
  exporterColumn(
    'observationDomainId',
    'observationDomainId',
    'number',
    'odid',
    'Observation domain of the exporter',
  ),
  exporterColumn('exportVersion', 'version', 'number', '', 'Version of the export protocol'),
  column('octets', 'counter', 'bytes octetdeltacount octettotalcount', 'Octets of the IP layer', UNGROUPED),
  column('packets', 'counter', 'packetdeltacount packettotalcount', 'Packets', UNGROUPED),
  column('reverseOctets', 'counter', 'reversebytes', 'Octets of the other direction of a biflow', UNGROUPED),
  column('reversePackets', 'counter', '', 'Packets of the other direction of a biflow', UNGROUPED),
  column(
    'flowStart',
    'timeMs',
    'firstseen flowstartmilliseconds',
    'When the first packet was seen',
    UNGROUPED,
  ),
  column('flowEnd', 'timeMs', 'lastseen flowendmilliseconds', 'When the last packet was seen', UNGROUPED),
  column('receivedAt', 'timeMs', 'timereceived', 'When the record arrived', UNGROUPED),
  derived(
    'duration',
    'durationMs',
    'duration',
    'flowdurationmilliseconds',
    'Time from the first packet to the last',
    UNGROUPED,
  ),
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

/**
 * The field called `name` (any case, aliases included), or the Information Element of that name (or `PEN/ID`)
 * for what has no column.
 */
export function fieldNamed(name: string): FieldDefinition | undefined {
  const key = name.toLowerCase();
  const known = fieldsByName.get(key);
  if (known !== undefined) return known;
  const element = elementNamed(name);
  if (element === undefined) return undefined;
  const definition = elementField(element);
  return fieldsByName.get(definition.name.toLowerCase()) ?? definition;
}

/** Whether a name is one of FIELDS: such names win over words of the language, elements do not. */
export function isListedField(name: string): boolean {
  return fieldsByName.has(name.toLowerCase());
}

function elementField(element: InformationElement): FieldDefinition {
  const { name, dataType, enterpriseNumber, elementId } = element;
  const where =
    enterpriseNumber === 0 ? `Information Element ${elementId}` : `element ${enterpriseNumber}/${elementId}`;
  return {
    name,
    kind: ELEMENT_KINDS[dataType] ?? 'number',
    source: { from: 'element', element },
    aliases: [],
    ...(dataType === 'boolean' ? { valueNames: BOOLEAN_NAMES } : {}),
    groupable: true,
    description: `${where}, kept as it came`,
  };
}

/** RFC 7011 section 6.1.5. */
const BOOLEAN_NAMES: Readonly<Record<number, string>> = { 1: 'true', 2: 'false' };

/** Data types that are not numbers. Octets are text in hexadecimal digits, addresses text too. */
const ELEMENT_KINDS: Readonly<Partial<Record<InformationElement['dataType'], FieldKind>>> = {
  boolean: 'named',
  string: 'text',
  octetArray: 'text',
  basicList: 'text',
  subTemplateList: 'text',
  subTemplateMultiList: 'text',
  ipv4Address: 'text',
  ipv6Address: 'text',
  macAddress: 'mac',
  dateTimeSeconds: 'timeMs',
  dateTimeMilliseconds: 'timeMs',
  dateTimeMicroseconds: 'timeMs',
  dateTimeNanoseconds: 'timeMs',
};

/** The largest number that a field can hold: a port of 99999 is a mistake. Infinity where nothing bounds it. */
export function valueMax({ source }: FieldDefinition): number {
  if (source.from !== 'column') return Number.POSITIVE_INFINITY;
  const { type } = FLOW_COLUMNS.find(({ name }) => name === source.column) ?? { type: 'u64' };
  return { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, u64: Number.POSITIVE_INFINITY }[type];
}

/** A value as people read it: `tcp` for protocol 6, `.AP.SF` for flags, a name where one is registered. */
export function formatFieldValue(definition: FieldDefinition, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'number') return String(value);
  if (definition.kind === 'protocol') return protocolName(value);
  if (definition.kind === 'tcpFlags') return formatTcpFlags(value);
  return definition.valueNames?.[value] ?? String(value);
}
