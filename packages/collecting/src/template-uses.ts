/**
 * What a use of flow records needs of an exporter's templates, and what a template lacks of it. Fields are
 * named as those name them who need them: STRM's list by NetFlow v9's names, the others by their elements.
 */
import { type DomainTemplate, elementById, elementNumberText, type FieldSpecifier } from '@weir/ipfix';

export const TEMPLATE_USES = ['strm', 'tcpPerformance', 'policy'] as const;
export type TemplateUse = (typeof TEMPLATE_USES)[number];

export interface TemplateReport {
  /** 0 for the one format of NetFlow v1, v5 and v7. */
  readonly id: number;
  /** Its records describe the exporter; nothing is missing in it. */
  readonly options: boolean;
  /** Names of the elements, in the template's order; `PEN/ID` for those that are unknown. */
  readonly fields: readonly string[];
  /** Only uses that something is missing for. */
  readonly missing: Readonly<Partial<Record<TemplateUse, readonly string[]>>>;
}

/** Any one of the elements will do. */
interface Need {
  readonly name: string;
  readonly elements: readonly string[];
}

const FLOW_STARTS = ['Seconds', 'Milliseconds', 'Microseconds', 'Nanoseconds', 'DeltaMicroseconds'];
/** IPFIX exporters give absolute times; v9 has only those that count from the boot. */
const STRM_TIMES: readonly Need[] = [
  {
    name: 'FIRST_SWITCHED',
    elements: ['flowStartSysUpTime', ...FLOW_STARTS.map((unit) => `flowStart${unit}`)],
  },
  { name: 'LAST_SWITCHED', elements: ['flowEndSysUpTime', ...FLOW_STARTS.map((unit) => `flowEnd${unit}`)] },
];
const STRM: readonly Need[] = [
  ...STRM_TIMES,
  { name: 'PROTOCOL', elements: ['protocolIdentifier'] },
  { name: 'IPV4_SRC_ADDR', elements: ['sourceIPv4Address', 'sourceIPv6Address'] },
  { name: 'IPV4_DST_ADDR', elements: ['destinationIPv4Address', 'destinationIPv6Address'] },
  { name: 'IN_BYTES', elements: ['octetDeltaCount', 'octetTotalCount', 'initiatorOctets'] },
  { name: 'IN_PKTS', elements: ['packetDeltaCount', 'packetTotalCount', 'initiatorPackets'] },
];
const PORTS: readonly Need[] = [
  { name: 'L4_SRC_PORT', elements: ['sourceTransportPort', 'udpSourcePort', 'tcpSourcePort'] },
  { name: 'L4_DST_PORT', elements: ['destinationTransportPort', 'udpDestinationPort', 'tcpDestinationPort'] },
];
const TCP_FLAGS: Need = { name: 'TCP_FLAGS', elements: ['tcpControlBits'] };
const TCP_PERFORMANCE: readonly Need[] = [
  { name: 'tcpClientRoundTripMicroseconds', elements: ['client_nw_latency_ms'] },
  { name: 'tcpServerRoundTripMicroseconds', elements: ['server_nw_latency_ms'] },
  { name: 'tcpRetransmittedPackets', elements: ['retransmitted_in_pkts', 'clientRetransPackets'] },
  { name: 'tcpOutOfOrderPackets', elements: ['ooorder_in_pkts', 'npmTcpOutOfOrder'] },
  { name: 'tcpZeroWindowPackets', elements: [] },
];
const POLICY: readonly Need[] = [
  { name: 'forwardingStatus', elements: [] },
  { name: 'firewallEvent', elements: ['NF_F_FW_EVENT'] },
  { name: 'ruleName', elements: ['ingressAclId', 'ingressNetworkPolicyRuleName', 'flowmonIngressAclId'] },
];
const ICMP_ELEMENTS = ['icmpTypeCodeIPv4', 'icmpTypeIPv4', 'icmpTypeCodeIPv6', 'icmpTypeIPv6'];

interface Named {
  readonly template: DomainTemplate['template'];
  readonly options: boolean;
  readonly names: readonly string[];
  readonly has: ReadonlySet<string>;
}

/**
 * Describes the templates of one domain. A template without ports beside one that has them is for other
 * protocols, and one without TCP's flags beside one with them for other protocols than TCP: nothing is
 * missing there.
 */
export function describeTemplates(templates: readonly DomainTemplate[]): TemplateReport[] {
  const named = templates.map(nameFields);
  const data = named.filter(({ options }) => !options);
  return named.map((one) => ({
    id: one.template.templateId,
    options: one.options,
    fields: one.names,
    missing: one.options ? {} : missingOf(one, data),
  }));
}

function missingOf(one: Named, siblings: readonly Named[]): TemplateReport['missing'] {
  const family = siblings.filter((other) => isIPv6(other) === isIPv6(one));
  const forPorts = hasPorts(one) || !(isIcmp(one) || family.some(hasPorts));
  const forTcp = forPorts && (fulfils(one, TCP_FLAGS) || !family.some((other) => fulfils(other, TCP_FLAGS)));
  const missing = {
    strm: lacking(one, [...STRM, ...(forPorts ? PORTS : []), ...(forTcp ? [TCP_FLAGS] : [])]),
    tcpPerformance: forTcp ? lacking(one, TCP_PERFORMANCE) : [],
    policy: lacking(one, POLICY),
  };
  return Object.fromEntries(Object.entries(missing).filter(([, names]) => names.length > 0));
}

function lacking(one: Named, needs: readonly Need[]): string[] {
  return needs.filter((need) => !fulfils(one, need)).map(({ name }) => name);
}

function fulfils({ has }: Named, { name, elements }: Need): boolean {
  return has.has(name) || elements.some((element) => has.has(element));
}

function hasPorts(one: Named): boolean {
  return PORTS.every((need) => fulfils(one, need));
}

function isIcmp({ has }: Named): boolean {
  return ICMP_ELEMENTS.some((name) => has.has(name));
}

function isIPv6({ has }: Named): boolean {
  return has.has('sourceIPv6Address') && !has.has('sourceIPv4Address');
}

function nameFields({ template, options }: DomainTemplate): Named {
  const names = template.fields.map(nameOf);
  return { template, options, names, has: new Set(names) };
}

function nameOf({ enterpriseNumber, elementId }: FieldSpecifier): string {
  return elementById(enterpriseNumber, elementId)?.name ?? elementNumberText(enterpriseNumber, elementId);
}
