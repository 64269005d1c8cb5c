/** Against Wireshark's dissector: each field that tshark shows is one of ours, under IANA's name of it. */
import { expect, test } from 'vitest';
import {
  ANY_NAME,
  type Comparison,
  compareRecords,
  decodeCapture,
  fixturesBelow,
  hasFixtures,
  type OracleField,
  type OracleRecord,
  printTable,
  readFixtureText,
  sameText,
} from './oracle.test-support.ts';

type Layer = { readonly [key: string]: unknown };

/** tshark's field, without `cflow.`, by the element that it shows. */
const NAMES: Readonly<Record<string, string>> = {
  octets: 'octetDeltaCount',
  packets: 'packetDeltaCount',
  flows: 'deltaFlowCount',
  protocol: 'protocolIdentifier',
  tos: 'ipClassOfService',
  tcpflags: 'tcpControlBits',
  srcport: 'sourceTransportPort',
  dstport: 'destinationTransportPort',
  srcaddr: 'sourceIPv4Address',
  dstaddr: 'destinationIPv4Address',
  srcaddrv6: 'sourceIPv6Address',
  dstaddrv6: 'destinationIPv6Address',
  srcmask: 'sourceIPv4PrefixLength',
  dstmask: 'destinationIPv4PrefixLength',
  srcmaskv6: 'sourceIPv6PrefixLength',
  dstmaskv6: 'destinationIPv6PrefixLength',
  inputint: 'ingressInterface',
  outputint: 'egressInterface',
  nexthop: 'ipNextHopIPv4Address',
  nexthopv6: 'ipNextHopIPv6Address',
  bgpnexthop: 'bgpNextHopIPv4Address',
  bgpnexthopv6: 'bgpNextHopIPv6Address',
  srcas: 'bgpSourceAsNumber',
  dstas: 'bgpDestinationAsNumber',
  srcmac: 'sourceMacAddress',
  dstmac: 'destinationMacAddress',
  post_dstmac: 'postDestinationMacAddress',
  post_vlanid: 'postVlanId',
  post_octets: 'postOctetDeltaCount',
  post_packets: 'postPacketDeltaCount',
  direction: 'flowDirection',
  flow_end_reason: 'flowEndReason',
  flow_id: 'flowId',
  ip_version: 'ipVersion',
  ip_ttl: 'ipTTL',
  ip_dscp: 'ipDiffServCodePoint',
  post_ip_diff_serv_code_point: 'postIpDiffServCodePoint',
  ttl_min: 'minimumTTL',
  ttl_max: 'maximumTTL',
  ipv6flowlabel: 'flowLabelIPv6',
  ipv6_exthdr: 'ipv6ExtensionHeaders',
  frag_ident: 'fragmentIdentification',
  ethernet_type: 'ethernetType',
  dot1q_vlan_id: 'dot1qVlanId',
  dot1q_customer_vlan_id: 'dot1qCustomerVlanId',
  dot1q_priority: 'dot1qPriority',
  icmp_type_code_ipv4: 'icmpTypeCodeIPv4',
  icmp_ipv4_type: 'icmpTypeIPv4',
  icmp_ipv4_code: 'icmpCodeIPv4',
  ingress_vrfid: 'ingressVRFID',
  egress_vrfid: 'egressVRFID',
  vrfname: 'VRFname',
  mpls_vpn_rd: 'mplsVpnRouteDistinguisher',
  mpls_label_length: 'mplsLabelStackLength',
  mpls_top_label_prefix_length: 'mplsTopLabelPrefixLength',
  toplabeladdr: 'mplsTopLabelIPv4Address',
  toplabeladdr_v6: 'mplsTopLabelIPv6Address',
  toplabeltype: 'mplsTopLabelType',
  sampler_id: 'samplerId',
  sampler_name: 'samplerName',
  sampling_interval: 'samplingInterval',
  sampling_algorithm: 'samplingAlgorithm',
  sampling_packet_interval: 'samplingPacketInterval',
  sampling_packet_space: 'samplingPacketSpace',
  sampling_size: 'samplingSize',
  sampling_population: 'samplingPopulation',
  selector_id: 'selectorId',
  selector_name: 'selectorName',
  selector_algorithm: 'selectorAlgorithm',
  delta_octets_squared: 'octetDeltaSumOfSquares',
  od_id: 'observationDomainId',
  mp_id: 'meteringProcessId',
  flow_exporter: 'exportingProcessId',
  exporter_addr: 'exporterIPv4Address',
  sys_init_time: 'systemInitTimeMilliseconds',
  observation_time_seconds: 'observationTimeSeconds',
  observation_time_milliseconds: 'observationTimeMilliseconds',
  if_name: 'interfaceName',
  if_descr: 'interfaceDescription',
  appl_name: 'applicationName',
  appl_desc: 'applicationDescription',
  packetsexp: 'exportedMessageTotalCount',
  octetsexp: 'exportedOctetTotalCount',
  flowsexp: 'exportedFlowRecordTotalCount',
  drop_total_packets: 'droppedPacketTotalCount',
  ignore_packets: 'ignoredPacketTotalCount',
  notsent_packets: 'notSentPacketTotalCount',
  flow_active_timeout: 'flowActiveTimeout',
  flow_inactive_timeout: 'flowIdleTimeout',
  initiator_octets: 'initiatorOctets',
  initiator_packets: 'initiatorPackets',
  responder_octets: 'responderOctets',
  responder_packets: 'responderPackets',
  biflow_direction: 'biflowDirection',
  new_connection_delta_count: 'newConnectionDeltaCount',
  connection_sum_duration_seconds: 'connectionSumDurationSeconds',
  ingress_physical_interface: 'ingressPhysicalInterface',
  egress_physical_interface: 'egressPhysicalInterface',
  layer2_segment_id: 'layer2SegmentId',
  private_enterprise_number: 'privateEnterpriseNumber',
  sta_mac_address: 'staMacAddress',
  sta_ipv4_address: 'staIPv4Address',
  wlan_ssid: 'wlanSSID',
  wtp_mac_address: 'wtpMacAddress',
  fw_ext_event: 'fwExtEvent',
  ingress_acl_id: 'ingressAclId',
  egress_acl_id: 'egressAclId',
  aaa_username: 'username',
  engine_type: 'engineType',
  engine_id: 'engineId',
  scope_system: 'exportingProcessId',
  scope_interface: 'ingressInterface',
  scope_cache: 'meteringProcessId',
};
/**
 * Fields that tshark takes out of another: single bits of flags and labels, durations, lengths. What they are
 * taken from is compared, save MPLS labels, forwardingStatus and application ids, which the other oracles hold.
 */
const DERIVED =
  /^(tcpflags\.|mpls_label$|mpls_exp|mpls_bos|timedelta|timestart|timeend|string_len|forwarding_status|appl_id|icmp_ipv6|post_tos|padding|reserved)/;
/** Shown without a name of their own, or by one name for several elements. */
const MANY =
  /^(enterprise_private_entry|unknown_field_type|pie\.|vlanid|permanent_|abstime|firewall_event|post_na)/;

/** tshark shows a subTemplateMultiList of YAF as octets: semantic allOf, then Template IDs from 0xC000. */
const STRUCTURED = /^(03(:c0.*)?|00:d0:05.*)$/;
/** tshark takes an uptime of 0 for a point in time. */
const UPTIME_ZERO = 'Jan  1, 1970 00:00:00.000000000 UTC';

/** Where tshark and we differ, file by file: what we have equal of what tshark has, and why. */
const EXPLAINED: Readonly<Record<string, { readonly recordsEqual: number; readonly why: string }>> = {
  '_pcap/PUBLIC/_inline/calmh-ipfix/parser_test__TestBadEncodingError.pcap': {
    recordsEqual: 40,
    why: 'tshark shows what there is of a record that its Set cuts off; we report record_truncated',
  },
  '_pcap/PUBLIC/_inline/go-ipfix/pkg_collector_process_test__top.pcap': {
    recordsEqual: 1,
    why: 'one Template ID is announced twice; tshark stays with the first, we read with the newest',
  },
  '_pcap/PUBLIC/_inline/netflow_parser/tests_dos_edge_cases__test_rapid_template_collisions.pcap': {
    recordsEqual: 1,
    why: 'one Template ID is announced three times; tshark stays with the first, we read with the newest',
  },
  '_pcap/PUBLIC/_inline/python-netflow/tests_lib__single_packet.pcap': {
    recordsEqual: 83,
    why: 'captures of several exporters as if of one; tshark stays with the first template of an ID',
  },
};

const outputs = fixturesBelow('oracle-output/tshark-cflow', '.tshark.json.gz').concat(
  fixturesBelow('oracle-output/tshark-cflow-generated', '.tshark.json.gz'),
);

test.skipIf(!hasFixtures)('every record that tshark shows, or: no shared fixtures', () => {
  const comparisons = outputs.map(compareWithTshark);
  printTable('tshark', comparisons);
  const unexplained = comparisons.filter((row) => {
    const equal = row.recordsExpected === row.recordsEqual;
    return !equal && EXPLAINED[row.file]?.recordsEqual !== row.recordsEqual;
  });
  expect(unexplained).toEqual([]);
  for (const [file, { recordsEqual }] of Object.entries(EXPLAINED)) {
    const row = comparisons.find((comparison) => comparison.file === file);
    expect(row, file).toMatchObject({ recordsEqual });
    expect(row?.recordsExpected, file).toBeGreaterThan(recordsEqual);
  }
});

function compareWithTshark(output: string): Comparison {
  const file = output
    .replace(/^oracle-output\/tshark-cflow(-generated)?\//, '')
    .replace('.tshark.json.gz', '');
  const folder = file.startsWith('generated/') ? '' : 'exporters/';
  const { records } = decodeCapture(folder + file);
  return compareRecords(file, tsharkRecords(output), records, (_, theirs, ours) =>
    sameText(String(theirs), ours),
  );
}

function tsharkRecords(output: string): OracleRecord[] {
  const packets = JSON.parse(readFixtureText(output)) as { _source: { layers: Layer } }[];
  return packets.flatMap((packet) => layersOf(packet._source.layers['cflow']).flatMap(recordsOfLayer));
}

function recordsOfLayer(layer: Layer): OracleRecord[] {
  return Object.entries(layer).flatMap(([key, value]) => {
    if (/^pdu/i.test(key)) return layersOf(value).map((flow) => ({ templateId: 0, fields: fieldsOf(flow) }));
    const templateId = Number(/\[id=(\d+)\]/.exec(key)?.[1]);
    return layersOf(value)
      .flatMap((set) => Object.entries(set))
      .filter(([name]) => /^Flow \d/.test(name))
      .map(([, flow]) => ({ templateId, fields: layersOf(flow).flatMap(fieldsOf) }));
  });
}

function fieldsOf(flow: Layer): OracleField[] {
  return Object.entries(flow).flatMap(([key, value]) => {
    const values = Array.isArray(value) ? (value as unknown[]) : [value];
    return values.flatMap((item) => {
      if (typeof item === 'object' && item !== null) return fieldsOf(item as Layer);
      return key.startsWith('cflow.') ? fieldOf(key.slice(6), String(item)) : [];
    });
  });
}

function fieldOf(key: string, value: string): OracleField[] {
  if (DERIVED.test(key) || value === '' || STRUCTURED.test(value) || value === UPTIME_ZERO) return [];
  const name = MANY.test(key) ? ANY_NAME : NAMES[key];
  return [{ name: name ?? `tshark's ${key}`, value }];
}

function layersOf(value: unknown): Layer[] {
  const values = Array.isArray(value) ? (value as unknown[]) : [value];
  return values.filter((item): item is Layer => typeof item === 'object' && item !== null);
}
