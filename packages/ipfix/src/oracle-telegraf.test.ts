/** Against Telegraf's expected output: lines of InfluxDB, with names and units of its own. */
import { expect, test } from 'vitest';
import type { FieldValue } from './field-value.ts';
import { elementById, elementByName, valueName } from './information-model.ts';
import {
  compareRecords,
  decodeDatagrams,
  fixturesBelow,
  hasFixtures,
  type OracleField,
  type OracleRecord,
  printTable,
  readFixtureText,
  sameText,
} from './oracle.test-support.ts';

/** Telegraf's names, and those of the mapping file beside its captures; `_ms` and seconds are Unix times. */
const NAMES: Readonly<Record<string, string>> = {
  protocol: 'protocolIdentifier',
  src: 'source',
  dst: 'destination',
  src_port: 'sourceTransportPort',
  dst_port: 'destinationTransportPort',
  src_tos: 'ipClassOfService',
  dst_tos: 'postIpClassOfService',
  in_bytes: 'octetDeltaCount',
  in_packets: 'packetDeltaCount',
  in_total_bytes: 'octetTotalCount',
  in_total_packets: 'packetTotalCount',
  flow_start_ms: 'flowStartMilliseconds',
  flow_end_ms: 'flowEndMilliseconds',
  flow_start: 'flowStartSeconds',
  flow_end: 'flowEndSeconds',
  first_switched: 'flowStartSysUpTime',
  last_switched: 'flowEndSysUpTime',
  flow_end_reason: 'flowEndReason',
  tcp_flags: 'tcpControlBits',
  vlan_src: 'vlanId',
  ip_version: 'ipVersion',
  in_snmp: 'ingressInterface',
  out_snmp: 'egressInterface',
  in_src_mac: 'sourceMacAddress',
  out_dst_mac: 'postDestinationMacAddress',
  next_hop: 'ipNextHopIPv4Address',
  src_mask: 'sourceIPv4PrefixLength',
  dst_mask: 'destinationIPv4PrefixLength',
  bgp_src_as: 'bgpSourceAsNumber',
  bgp_dst_as: 'bgpDestinationAsNumber',
  engine_type: 'engineType',
  engine_id: 'engineId',
  sampling_interval: 'samplingInterval',
  exporter: 'exporterIPv4Address',
  exporting_pid: 'exportingProcessId',
  observation_domain_id: 'observationDomainId',
  system_init_ms: 'systemInitTimeMilliseconds',
  event_time: 'observationTimeSeconds',
  dropped_packets_total: 'droppedPacketTotalCount',
  ignored_packet_total: 'ignoredPacketTotalCount',
  notsent_packet_total: 'notSentPacketTotalCount',
  total_flows_exported: 'exportedFlowRecordTotalCount',
  padding: 'paddingOctets',
};
/** Of the header, not of a record; taken apart from another element; a list (RFC 6313) as octets. */
const NOT_COMPARED = /^(flows|sys_uptime|seq_number|fwd_(status|reason)|icmp_(type|code)|type_6871_33322)$/;

const outputs = fixturesBelow('exporters/telegraf', 'expected.out');

test.skipIf(!hasFixtures)('every field that Telegraf expects, or: no shared fixtures', () => {
  const comparisons = outputs.map((output) => {
    const folder = output.replace('/expected.out', '');
    const { records, problems } = decodeDatagrams(fixturesBelow(folder, '.bin'));
    expect(problems).toEqual([]);
    return compareRecords(folder, recordsOf(readFixtureText(output)), records, sameAsTelegraf);
  });
  printTable('Telegraf', comparisons);
  expect(comparisons.flatMap((row) => row.disagreements)).toEqual([]);
  expect(comparisons.reduce((sum, row) => sum + row.recordsEqual, 0)).toBe(51);
});

function recordsOf(text: string): OracleRecord[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('netflow'))
    .map((line) => ({ templateId: undefined, fields: fieldsOf(line) }));
}

function fieldsOf(line: string): OracleField[] {
  const [, fields = ''] = /^\S+ (.*?)( \d+)?$/.exec(line) ?? [];
  const all = [...fields.matchAll(/([a-z0-9_]+)=("[^"]*"|[^,]*)/g)];
  const isIPv6 = all.some(([, key, value]) => key === 'src' && value?.includes(':'));
  return all
    .filter(([, key = '']) => !NOT_COMPARED.test(key))
    .map(([, key = '', value = '']) => ({
      name: nameOf(key, isIPv6 ? 'IPv6Address' : 'IPv4Address'),
      value: value.replaceAll('"', '').replace(/^(\d+)u$/, '$1'),
    }));
}

/** `type_PEN_ID`, or `type_PEN_rev_ID` where the id has CERT's reverse bit. */
function nameOf(key: string, family: string): string {
  const numbers = /^type_(\d+)_(rev_)?(\d+)$/.exec(key);
  if (numbers === null)
    return key === 'src' || key === 'dst' ? `${NAMES[key]}${family}` : (NAMES[key] ?? key);
  const elementId = (Number(numbers[3]) & 0x7fff) | (numbers[2] === undefined ? 0 : 0x4000);
  return elementById(Number(numbers[1]), elementId)?.name ?? `${numbers[1]}/${elementId}`;
}

function sameAsTelegraf(name: string, theirs: unknown, ours: FieldValue): boolean {
  const text = String(theirs);
  const element = elementByName(name);
  if (name === 'tcpControlBits') return flagsText(Number(ours)) === text;
  if (name === 'ipVersion') return text === `IPv${ours}`;
  if (/Z$/.test(String(ours)))
    return Date.parse(String(ours)) === Number(text) * (/Seconds$/.test(name) ? 1000 : 1);
  if (text.startsWith('0x') && typeof ours === 'string') return text.slice(2) === ours;
  const called = element === undefined || typeof ours !== 'number' ? undefined : valueName(element, ours);
  return sameText(text, ours) || called?.toLowerCase().startsWith(text) === true;
}

/** Telegraf writes the eight classic flags as letters, the highest first. */
function flagsText(bits: number): string {
  return [...'CEUAPRSF'].map((letter, index) => ((bits & (128 >> index)) === 0 ? '.' : letter)).join('');
}
