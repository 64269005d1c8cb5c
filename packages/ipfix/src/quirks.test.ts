/**
 * What exporters in the field send against the rules, one test a row: read, or refused on purpose. Rows that
 * are damage rather than habit are in hostile-input.test.ts.
 */
import { describe, expect, test } from 'vitest';
import { parseHex } from './address-text.ts';
import type { DecodeProblem } from './decode-error.ts';
import { createRecordDecoder, type DecodedRecord } from './record-decoder.ts';
import type { TransportSession } from './transport-session.ts';

function hex(...parts: readonly string[]): Uint8Array {
  return (
    parseHex(parts.join('').replaceAll(/\s/g, '')) ?? expect.fail(`no hexadecimal digits: ${parts.join(' ')}`)
  );
}

function uint16(value: number): string {
  return value.toString(16).padStart(4, '0');
}

/** A Set or FlowSet with its header. */
function set(id: number, body: string): string {
  const octets = body.replaceAll(/\s/g, '').length / 2;
  return uint16(id) + uint16(octets + 4) + body;
}

const UPTIME_MS = 0x00100000;

/** RFC 3954 section 5.1; `count` is what exporters disagree about. */
function v9(count: number, ...sets: readonly string[]): Uint8Array {
  return hex('0009', uint16(count), '00100000 65920080 00000001 00000007', ...sets);
}

function ipfix(...sets: readonly string[]): Uint8Array {
  const body = sets.join('').replaceAll(/\s/g, '');
  return hex('000a', uint16(16 + body.length / 2), '65920080 00000001 00000007', body);
}

function decode(...datagrams: readonly Uint8Array[]) {
  const records: DecodedRecord[] = [];
  const problems: DecodeProblem[] = [];
  const decoder = createRecordDecoder();
  const session: TransportSession = {
    exporterAddress: '::1',
    localSocket: '',
    transport: 'udp',
    source: 'test',
  };
  for (const datagram of datagrams) {
    decoder.decodeDatagram(datagram, session, 0, {
      record: (record) => records.push(record),
      problem: (problem) => problems.push(problem),
    });
  }
  return { records, fields: records.map((record) => record.fields), codes: problems.map(({ code }) => code) };
}

const OCTETS_TEMPLATE = '0100 0001 0001 0004';

describe('NetFlow v9', () => {
  test.each([
    ['records', 3],
    ['FlowSets', 2],
    ['nothing', 0],
    ['too many', 999],
  ])('many exporters: the Count of the header counts %s', (_, count) => {
    const { fields, codes } = decode(v9(count, set(0, OCTETS_TEMPLATE), set(256, '00000001 00000002')));
    expect(fields).toEqual([{ octetDeltaCount: 1 }, { octetDeltaCount: 2 }]);
    expect(codes).toEqual([]);
  });

  test('Cisco, Juniper SRX: an options scope of no octets', () => {
    const template = '0101 0004 0008 0001 0000 0022 0004 0023 0001';
    const { records, codes } = decode(v9(1, set(1, template), set(257, '00000064 02')));
    expect(records[0]).toMatchObject({
      scope: { exportingProcessId: null },
      fields: { samplingInterval: 100, samplingAlgorithm: 2 },
    });
    expect(codes).toEqual([]);
  });

  test('H3C: variable length in v9', () => {
    const { fields } = decode(v9(1, set(0, '0100 0002 0052 ffff 0001 0004'), set(256, '03 476531 00000005')));
    expect(fields).toEqual([{ interfaceName: 'Ge1', octetDeltaCount: 5 }]);
  });

  test('elements above 127, which are of IPFIX', () => {
    const { fields } = decode(
      v9(1, set(0, '0100 0002 0098 0008 0088 0001'), set(256, '0000018cc251f400 03')),
    );
    expect(fields).toEqual([{ flowStartMilliseconds: '2024-01-01T00:00:00.000Z', flowEndReason: 3 }]);
  });

  test('Cisco ASA: field types from 33000 up, and several FlowSets of padding', () => {
    const template = '0100 0003 80e8 000c 9c45 0001 00e0 0001';
    const { fields } = decode(v9(1, set(0, template), set(256, `${'00'.repeat(11)}07 02 05 0000`)));
    expect(fields).toEqual([{ ingressAclId: `${'00'.repeat(11)}07`, fwEvent: 2, ipTotalLength: 5 }]);
  });

  test('nProbe: the elements of ntop as 57472 and their id', () => {
    const { fields } = decode(v9(1, set(0, '0100 0001 e0f6 0002'), set(256, '0025')));
    expect(fields).toEqual([{ l7_proto: 37 }]);
  });

  test('Cisco IOS-XR: forwardingStatus in 4 octets, flow label in 4, samplingInterval in 2', () => {
    const template = '0100 0003 0059 0004 001f 0004 0022 0002';
    const { fields } = decode(v9(1, set(0, template), set(256, '00000080 000abcde 0064 0000')));
    expect(fields).toEqual([{ forwardingStatus: 128, flowLabelIPv6: 0xabcde, samplingInterval: 100 }]);
  });

  test('a flow that began before the uptime wrapped', () => {
    const { fields } = decode(v9(1, set(0, '0100 0002 0016 0004 0015 0004'), set(256, 'fffffc18 000003e8')));
    const exported = Date.parse('2024-01-01T00:00:00Z');
    expect(fields[0]).toMatchObject({
      flowStartSysUpTime: 4294966296,
      flowStartMilliseconds: new Date(exported - UPTIME_MS - 1000).toISOString(),
      flowEndMilliseconds: new Date(exported - UPTIME_MS + 1000).toISOString(),
    });
  });

  test('Palo Alto and others: zeros behind the last record, fewer than a record', () => {
    const { fields, codes } = decode(v9(1, set(0, OCTETS_TEMPLATE), set(256, '00000001 000000')));
    expect(fields).toEqual([{ octetDeltaCount: 1 }]);
    expect(codes).toEqual([]);
  });
});

describe('IPFIX', () => {
  test('up to 7 octets of padding, where RFC 7011 wants less than a record', () => {
    const wide = '0100 0002 0001 0008 0002 0008';
    const { fields, codes } = decode(
      ipfix(set(2, `${wide}000000`), set(256, `${'00'.repeat(15)}02 00000000000000`)),
    );
    expect(fields).toEqual([{ octetDeltaCount: 0, packetDeltaCount: 2 }]);
    expect(codes).toEqual([]);
  });

  test('Juniper PTX: the three-octet length for a short value', () => {
    const { fields } = decode(ipfix(set(2, '0100 0001 0052 ffff'), set(256, 'ff 0002 6765')));
    expect(fields).toEqual([{ interfaceName: 'ge' }]);
  });

  test('Juniper MX: flowDirection 255, and the element 2636/137', () => {
    const template = '0100 0002 003d 0001 8089 0004 00000a4c';
    const { fields } = decode(ipfix(set(2, template), set(256, 'ff 01020304')));
    expect(fields).toEqual([{ flowDirection: 255, '2636/137': '01020304' }]);
  });

  test('Arista, HP: variable-length fields in options templates', () => {
    const { records } = decode(
      ipfix(set(3, '0101 0002 0001 000a 0004 0052 ffff'), set(257, '00000003 04 45746833')),
    );
    expect(records[0]).toMatchObject({ scope: { ingressInterface: 3 }, fields: { interfaceName: 'Eth3' } });
  });

  test('VPP, YAF: times in nanoseconds and in microseconds with bits that must be ignored', () => {
    const template = '0100 0002 009a 0008 009c 0008';
    const { fields } = decode(ipfix(set(2, template), set(256, 'e93c7f00 800007ff e93c7f00 80000000')));
    expect(fields).toEqual([
      {
        flowStartMicroseconds: '2024-01-01T00:00:00.500000Z',
        flowStartNanoseconds: '2024-01-01T00:00:00.500000000Z',
      },
    ]);
  });

  test('lazy exporters: both families in one record, one of them all zeros, are kept as they came', () => {
    const template = '0100 0002 0008 0004 001b 0010';
    const { fields } = decode(ipfix(set(2, template), set(256, `0a000001 ${'00'.repeat(16)}`)));
    expect(fields).toEqual([{ sourceIPv4Address: '10.0.0.1', sourceIPv6Address: '::' }]);
  });

  test('firmware upgrade: the same Template ID with another layout, without a withdrawal', () => {
    const { fields, codes } = decode(
      ipfix(set(2, OCTETS_TEMPLATE), set(256, '00000001')),
      ipfix(set(2, '0100 0001 0002 0008'), set(256, '0000000000000002')),
    );
    expect(fields).toEqual([{ octetDeltaCount: 1 }, { packetDeltaCount: 2 }]);
    expect(codes).toEqual(['template_conflict']);
  });

  test('Calix, ipt-netflow: data before its template, which comes once', () => {
    const { fields } = decode(ipfix(set(256, '00000001')), ipfix(set(2, OCTETS_TEMPLATE)));
    expect(fields).toEqual([{ octetDeltaCount: 1 }]);
  });

  test('ipt-netflow: counters in fewer octets than their type', () => {
    const { fields } = decode(ipfix(set(2, '0100 0002 0001 0003 0002 0001'), set(256, '010000 05')));
    expect(fields).toEqual([{ octetDeltaCount: 65536, packetDeltaCount: 5 }]);
  });

  test('MikroTik: little-endian sampling intervals are refused: what is on the wire is shown', () => {
    const { fields } = decode(ipfix(set(2, '0100 0001 0022 0004'), set(256, '01000000')));
    expect(fields).toEqual([{ samplingInterval: 16777216 }]);
  });

  test('OpenWRT and others: strings filled up with zeros, strings that are no UTF-8', () => {
    const { fields } = decode(ipfix(set(2, '0100 0002 0052 0006 0053 0002'), set(256, '656e30000000 ff61')));
    expect(fields).toEqual([{ interfaceName: 'en0', interfaceDescription: '\ufffda' }]);
  });

  test('uptimes of IPFIX count from systemInitTimeMilliseconds of the record or of an options record', () => {
    const template = '0100 0002 0016 0004 0015 0004';
    const options = '0101 0002 0001 0095 0004 00a0 0008';
    const { fields } = decode(
      ipfix(set(2, template), set(3, options)),
      ipfix(set(256, '00000000 000003e8')),
      ipfix(set(257, '00000007 0000018cc251f000')),
      ipfix(set(256, '00000000 000003e8')),
    );
    expect(fields[0]).toEqual({ flowStartSysUpTime: 0, flowEndSysUpTime: 1000 });
    expect(fields[2]).toMatchObject({
      flowStartMilliseconds: '2023-12-31T23:59:58.976Z',
      flowEndMilliseconds: '2023-12-31T23:59:59.976Z',
    });
  });

  test('an unknown enterprise element becomes typed when its options record arrives, RFC 5610', () => {
    const types = '0101 0006 0002 015a 0004 012f 0002 0153 0001 0158 0001 0159 0002 0155 ffff';
    const data = '0100 0001 8009 0004 0000fa00';
    const { fields } = decode(
      ipfix(set(2, data), set(256, '00000005')),
      ipfix(set(3, types), set(257, '0000fa00 0009 03 03 0002 08 6c6f73744f637473')),
      ipfix(set(256, '00000005')),
    );
    expect(fields[0]).toEqual({ '64000/9': '00000005' });
    expect(fields[2]).toEqual({ lostOcts: 5 });
  });
});

describe('NetFlow v5', () => {
  test('Juniper, Cisco: the mode of sampling is no part of the interval, and records keep their raw times', () => {
    const header = '0005 0001 00100000 65920080 00000000 00000001 00 00 4064';
    const record = `0a000001 0a000002 00000000 0001 0002 00000003 00000004 000ffc18 00100000 ${'0050 1388 00 1b 06 00'} ${'0000 0000 18 18 0000'}`;
    const { fields, codes } = decode(hex(header, record));
    expect(codes).toEqual([]);
    expect(fields[0]).toMatchObject({
      sourceIPv4Address: '10.0.0.1',
      packetDeltaCount: 3,
      tcpControlBits: 27,
      engineType: 0,
      engineId: 0,
      samplingInterval: 100,
      samplingAlgorithm: 1,
      flowStartMilliseconds: '2023-12-31T23:59:59.000Z',
      flowEndMilliseconds: '2024-01-01T00:00:00.000Z',
    });
    expect(fields[0]).not.toHaveProperty('paddingOctets');
  });
});
