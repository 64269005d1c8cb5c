/**
 * Sampling and names in captures of real routers, against what another decoder wrote of them: of each flow record
 * the rate and the names that the option records before it give.
 */
import { existsSync, readFileSync } from 'node:fs';
import { clearFlowBatch, createFlowBatch, createFlowDecoder, isPresent } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createExporterKnowledge } from './exporter-knowledge.ts';
import { describeTemplates } from './template-uses.ts';

const folder = new URL('../../../../shared/fixtures/exporters/', import.meta.url);

/** UDP payloads of a capture of Ethernet frames without options; enough for these files. */
function payloadsOf(file: string): Uint8Array[] {
  const bytes = readFileSync(new URL(file, folder));
  const payloads: Uint8Array[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const captured = bytes.readUInt32LE(at + 8);
    const frame = bytes.subarray(at + 16, at + 16 + captured);
    const ip = frame.subarray(frame.readUInt16BE(12) === 0x8100 ? 18 : 14);
    const isIPv4 = (ip[0] ?? 0) >> 4 === 4;
    const udp = ip.subarray(isIPv4 ? ((ip[0] ?? 0) & 15) * 4 : 40);
    if ((isIPv4 ? ip[9] : ip[6]) === 17) payloads.push(udp.subarray(8, udp.readUInt16BE(4)));
    at += 16 + captured;
  }
  return payloads;
}

function decode(file: string) {
  const decoder = createFlowDecoder();
  const knowledge = createExporterKnowledge();
  const batch = createFlowBatch(8192);
  const rates = new Map<number | undefined, number>();
  const unnamed = { interfaces: 0, rows: 0 };
  const session = {
    exporterAddress: '192.0.2.1',
    localSocket: '0.0.0.0:4739',
    transport: 'udp',
    source: 'test',
  } as const;
  const full = () => batch;
  const optionsRecord = (record: Parameters<typeof knowledge.take>[0]) => knowledge.take(record, 0);
  for (const payload of payloadsOf(file)) {
    decoder.decodeDatagram(Uint8Array.from(payload), session, 0, { batch, full, optionsRecord });
  }
  for (let row = 0; row < batch.rowCount; row += 1) {
    const present = isPresent(batch, 'samplingRate', row);
    const rate = present ? batch.columns.samplingRate[row] : undefined;
    rates.set(rate, (rates.get(rate) ?? 0) + 1);
    const exporter = batch.exporters[batch.columns.exporter[row] ?? 0];
    const ifIndex = batch.columns.inIf[row] ?? 0;
    unnamed.rows += 1;
    if (exporter !== undefined && knowledge.of(exporter).interfaceName(ifIndex) === undefined) {
      unnamed.interfaces += 1;
    }
  }
  clearFlowBatch(batch);
  const [domain] = decoder.domainCounters();
  return { knowledge, rates: Object.fromEntries(rates), unnamed, domain };
}

describe.skipIf(!existsSync(folder))('captures with options (no shared fixtures)', () => {
  test('IOS-XR: random sampling beside a packet interval of 1 is one in 256', () => {
    const { rates } = decode('netgauze/pmacct-tests/104-IPFIXv10-IPv6-CISCO-sampling_option/traffic-00.pcap');
    expect(rates).toEqual({ 256: 3 });
  });

  test('IOS-XR: interfaces and VRFs by name; what its templates lack', () => {
    const file = 'netgauze/pmacct-tests/400-IPFIXv10-BMP-CISCO-SRv6-multiple-sources/traffic-01.pcap';
    const { knowledge, domain } = decode(file);
    const exporter = domain?.exporter ?? { address: '', observationDomainId: 0 };
    const known = knowledge.of(exporter);
    expect(known.interfaceName(155)).toBe('TenGigE0_0_0_16.13');
    expect(known.interfaceName(55)).toBe('HundredGigE0_0_0_11');
    expect(knowledge.factsOf(exporter, 'vrf').length).toBeGreaterThan(3);
    const reports = describeTemplates(domain?.templates() ?? []);
    const data = reports.filter(({ options }) => !options);
    expect(data.length).toBeGreaterThan(0);
    expect(data.every(({ missing }) => missing.strm === undefined)).toBe(true);
    expect(data.every(({ missing }) => missing.policy?.includes('ruleName'))).toBe(true);
  });

  test('NBAR: applications by their id', () => {
    const { knowledge, domain } = decode('_pcap/PUBLIC/logstash/netflow9_test_cisco_nbar.pcap');
    const known = knowledge.of(domain?.exporter ?? { address: '', observationDomainId: 0 });
    expect(known.applicationName('01000001')).toBe('icmp');
    expect(known.applicationName('0101')).toBe('icmp');
    expect(knowledge.size).toBe(15);
  });
});

describe('what a template lacks', () => {
  const field = (elementId: number, enterpriseNumber = 0) => ({ enterpriseNumber, elementId, length: 4 });
  const of = (...fields: ReturnType<typeof field>[]) => ({
    template: { templateId: 256, scopeFieldCount: 0, fields },
    options: false,
  });
  const base = [8, 12, 4, 1, 2, 152, 153].map((id) => field(id));

  test('ports and flags are asked of the template that is for TCP', () => {
    const tcp = of(...base, field(7), field(11), field(6));
    const udp = of(...base, field(7), field(11));
    const other = of(...base);
    const icmp = of(...base, field(32));
    expect(describeTemplates([tcp, udp, other, icmp]).map(({ missing }) => missing.strm)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(describeTemplates([other])[0]?.missing.strm).toEqual(['L4_SRC_PORT', 'L4_DST_PORT', 'TCP_FLAGS']);
    expect(describeTemplates([udp])[0]?.missing.strm).toEqual(['TCP_FLAGS']);
    expect(describeTemplates([icmp])[0]?.missing.strm).toBeUndefined();
  });

  test('nothing is missing in an options template, nor in one with everything', () => {
    expect(describeTemplates([{ ...of(field(149)), options: true }])[0]?.missing).toEqual({});
    const all = [...base, ...[7, 11, 6, 89, 233].map((id) => field(id))];
    const ours = [2, 10, 11, 12, 13, 14].map((id) => field(id, 32473));
    expect(describeTemplates([of(...all, ...ours)])[0]?.missing).toEqual({});
  });
});
