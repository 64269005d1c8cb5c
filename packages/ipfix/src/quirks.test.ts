/**
 * What exporters in the field do beside the standards: each row of the table of vendor quirks, handled or
 * consciously refused. A refusal is a test too: it says what happens instead.
 */
import { describe, expect, test } from 'vitest';
import {
  EXPORT_TIME,
  type Field,
  harness,
  hex,
  ipfix,
  optionsTemplateSet,
  set,
  templateSet,
  u16,
  u32,
  V5_RECORD,
  v5,
  v9,
  v9OptionsTemplateSet,
  v9TemplateSet,
} from './datagram-builder.test-support.ts';
import { elementById } from './information-model.ts';
import { decodeValue, encodeValue } from './value-codec.ts';

const MS = EXPORT_TIME * 1000;

/** One IPFIX record of these fields, decoded. */
function record(fields: readonly Field[], octets: readonly number[]) {
  const tested = harness();
  tested.send(ipfix([...templateSet(256, ...fields), ...set(256, octets)]));
  expect(tested.problems).toEqual([]);
  return tested.rows[0];
}

function v9Record(fields: readonly Field[], octets: readonly number[], uptimeMs = 100_000) {
  const tested = harness();
  tested.send(v9([...v9TemplateSet(256, ...fields), ...set(256, octets)], { uptimeMs }));
  return tested.rows[0];
}

function u64(value: number): number[] {
  return [...u32(Math.floor(value / 4294967296)), ...u32(value >>> 0)];
}

describe('MikroTik', () => {
  test('fieldless and malformed templates: refused, what was known stays', () => {
    const { send, rows, problems } = harness();
    send(v9([...v9TemplateSet(256, [1, 4]), ...v9TemplateSet(256), ...set(256, u32(5))]));
    expect(rows.map((row) => row.octets)).toEqual([5]);
    expect(problems).toEqual(['template_record_empty@36']);
  });

  test('sampling interval in data records', () => {
    expect(
      v9Record(
        [
          [1, 4],
          [34, 4],
        ],
        [...u32(5), ...u32(64)],
      )?.samplingRate,
    ).toBe(64);
  });

  test('RouterOS 6 sends the interval with its octets swapped: refused, a rate of 16777216 is stored as sent', () => {
    // The octets say 16777216; to turn them round would be wrong for whoever means it. RouterOS 7 sends 1.
    expect(
      v9Record(
        [
          [1, 4],
          [34, 4],
        ],
        [...u32(5), 1, 0, 0, 0],
      )?.samplingRate,
    ).toBe(16777216);
  });

  test('absurd octet counts are stored as sent', () => {
    expect(record([[1, 8]], hex('0000100000000000'))?.octets).toBe(2 ** 44);
  });
});

describe('Cisco', () => {
  test('ASA: initiator and responder octets and packets are one row with both directions', () => {
    const fields: Field[] = [
      [231, 4],
      [232, 4],
      [298, 4],
      [299, 4],
      [233, 1],
      [323, 8],
    ];
    const row = record(fields, [...u32(100), ...u32(200), ...u32(3), ...u32(4), 2, ...u64(MS - 5)]);
    expect(row).toMatchObject({ octets: 100, reverseOctets: 200, packets: 3, reversePackets: 4 });
    expect(row).toMatchObject({ firewallEvent: 2, flowStart: MS - 5, flowEnd: MS - 5 });
  });

  test('ASA: firewall event 40005 of early releases; other events stay apart', () => {
    expect(
      v9Record(
        [
          [40005, 1],
          [33002, 2],
        ],
        [3, 7, 210],
      ),
    ).toMatchObject({ firewallEvent: 3, extra: [7, 210] });
    expect(
      v9Record(
        [
          [233, 1],
          [40005, 1],
        ],
        [1, 2],
      ),
    ).toMatchObject({ firewallEvent: 1, extra: [2] });
  });

  test('ASA: teardown totals count double when summed with updates: refused, both are kept with their event', () => {
    const row = v9Record(
      [
        [233, 1],
        [231, 4],
      ],
      [2, ...u32(1000)],
    );
    expect(row).toMatchObject({ firewallEvent: 2, octets: 1000 });
  });

  test('IOS v5 with wrong counters (CSCei12353): refused, stored as sent', () => {
    const { send, rows } = harness();
    const wrong = [...V5_RECORD];
    wrong.splice(16, 4, 255, 255, 255, 255);
    send(v5(wrong));
    expect(rows[0]?.packets).toBe(4294967295);
  });

  test('ICMP type and code in the destination port, or in the source port', () => {
    const fields: Field[] = [
      [4, 1],
      [7, 2],
      [11, 2],
    ];
    expect(v9Record(fields, [1, ...u16(0), ...u16(0x0301)])?.icmpTypeCode).toBe(0x0301);
    expect(v9Record(fields, [58, ...u16(0x8000), ...u16(0)])?.icmpTypeCode).toBe(0x8000);
    expect(v9Record(fields, [1, ...u16(0), ...u16(0)])?.icmpTypeCode).toBeUndefined();
    expect(v9Record(fields, [6, ...u16(1), ...u16(2)])?.icmpTypeCode).toBeUndefined();
  });

  test('ASR: a sampler interval of 2 octets, flows that name only their sampler', () => {
    const { send, rows } = harness();
    const options = v9OptionsTemplateSet(
      257,
      [[1, 4]],
      [
        [48, 2],
        [49, 1],
        [50, 2],
      ],
    );
    const samplers = set(257, [...u32(0), ...u16(1), 2, ...u16(100), ...u32(0), ...u16(2), 2, ...u16(1000)]);
    send(v9([...options, ...samplers, ...v9TemplateSet(256, [1, 4], [48, 2])]));
    send(v9(set(256, [...u32(7), ...u16(2), ...u32(7), ...u16(1), ...u32(7), ...u16(9)])));
    expect(rows.map((row) => row.samplingRate)).toEqual([1000, 100, undefined]);
  });

  test('IOS-XR: padding behind variable length, a 4-octet flow label, a 4-octet forwardingStatus', () => {
    const fields: Field[] = [
      [31, 4],
      [89, 4],
      [82, 65535],
    ];
    const { send, rows, problems } = harness();
    const data = [...u32(0x000fffff), ...u32(0x40), 2, 65, 66, 0, 0];
    send(v9([...v9TemplateSet(256, ...fields), ...set(256, data)]));
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ forwardingStatus: 0x40, extra: [0, 15, 255, 255, 2, 65, 66] });
  });

  test('an octet in four that does not fit its column: the greatest, and counted', () => {
    const { send, rows, decoder } = harness();
    send(ipfix([...templateSet(256, [89, 4]), ...set(256, u32(0x140))]));
    expect(rows[0]?.forwardingStatus).toBe(255);
    expect(decoder.counters().valuesSaturated).toBe(1);
  });

  test('zero-length scopes in v9 options (and Juniper SRX)', () => {
    const { send, rows, optionsRecords } = harness();
    const options = v9OptionsTemplateSet(
      257,
      [[1, 0]],
      [
        [34, 4],
        [35, 1],
      ],
    );
    const padding = [0, 0, 0];
    send(v9([...options, ...set(257, [...u32(100), 1, ...padding]), ...v9TemplateSet(256, [1, 4])]));
    send(v9(set(256, u32(5))));
    expect(optionsRecords).toHaveLength(1);
    expect(rows[0]?.samplingRate).toBe(100);
  });

  test('Viptela: times in seconds', () => {
    const row = record(
      [
        [150, 4],
        [151, 4],
      ],
      [...u32(EXPORT_TIME - 9), ...u32(EXPORT_TIME - 1)],
    );
    expect(row).toMatchObject({ flowStart: MS - 9000, flowEnd: MS - 1000 });
  });

  test('nvzFlow: structured data goes to the extra fields whole', () => {
    const list = [3, ...u16(82), ...u16(65535), 2, 65, 66];
    const row = record(
      [
        [1, 4],
        [291, 65535],
      ],
      [...u32(5), list.length, ...list],
    );
    expect(row).toMatchObject({ octets: 5, extra: [list.length, ...list] });
  });

  test('templates every 10 to 30 minutes: early Sets wait half an hour', () => {
    const { send, rows } = harness();
    send(v9(set(256, u32(5))), MS);
    send(v9(v9TemplateSet(256, [1, 4]), { exportTime: EXPORT_TIME + 1799 }), MS + 1_799_000);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ octets: 5, receivedAt: MS });
  });
});

describe('Juniper', () => {
  test('v5: the top two bits of the sampling field are its mode', () => {
    const { send, rows, decoder } = harness();
    const told = () => [...decoder.domainCounters()].map((domain) => domain.sampling().domainRate);
    send(v5(V5_RECORD, { sampling: 0x4000 | 100 }));
    expect(rows[0]?.samplingRate).toBe(100);
    expect(told()).toEqual([100]);
    send(v5(V5_RECORD, { sampling: 0 }));
    expect(rows[1]?.samplingRate).toBeUndefined();
    expect(told()).toEqual([0]);
  });

  test('MX: flowDirection 255, dropped flows with outIf 0, enterprise elements', () => {
    const fields: Field[] = [
      [61, 1],
      [14, 4],
      [15, 4],
      [137, 1, 2636],
    ];
    const row = record(fields, [255, ...u32(0), ...u32(0), 9]);
    expect(row).toMatchObject({ direction: 255, outIf: 0, nextHopLo: 0xffff00000000, extra: [9] });
  });

  test('MX104, PTX: a sampling interval without an algorithm; an end before the start stays as sent', () => {
    const { send, rows } = harness();
    send(ipfix([...optionsTemplateSet(257, 1, [144, 4], [34, 4]), ...set(257, [...u32(1), ...u32(10)])]));
    send(ipfix([...templateSet(256, [152, 8], [153, 8]), ...set(256, [...u64(MS), ...u64(MS - 1)])]));
    expect(rows[0]).toMatchObject({ samplingRate: 10, flowStart: MS, flowEnd: MS - 1 });
  });

  test('QFX: the long form of a length for a short value', () => {
    expect(
      record(
        [
          [82, 65535],
          [1, 4],
        ],
        [255, 0, 2, 65, 66, ...u32(5)],
      ),
    ).toMatchObject({
      octets: 5,
      extra: [255, 0, 2, 65, 66],
    });
  });
});

describe('others', () => {
  test('Huawei: sysUptime counted from systemInitTimeMilliseconds in the record', () => {
    const row = record(
      [
        [160, 8],
        [22, 4],
        [21, 4],
      ],
      [...u64(MS - 60_000), ...u32(1000), ...u32(2000)],
    );
    expect(row).toMatchObject({ flowStart: MS - 59_000, flowEnd: MS - 58_000 });
  });

  test('Huawei: the same from an options record; without either the uptime is kept as it is', () => {
    const { send, rows } = harness();
    send(ipfix([...templateSet(256, [22, 4]), ...set(256, u32(1000))]));
    expect(rows[0]?.flowStart).toBeUndefined();
    expect(rows[0]?.extra).toEqual(u32(1000));
    send(
      ipfix([
        ...optionsTemplateSet(257, 1, [144, 4], [160, 8]),
        ...set(257, [...u32(1), ...u64(MS - 60_000)]),
      ]),
    );
    send(ipfix(set(256, u32(1000))));
    expect(rows[1]?.flowStart).toBe(MS - 59_000);
  });

  test('Nokia: interval and space', () => {
    expect(
      record(
        [
          [305, 4],
          [306, 4],
        ],
        [...u32(1), ...u32(99)],
      ),
    ).toMatchObject({ samplingRate: 100 });
    const { send, rows } = harness();
    const options = optionsTemplateSet(257, 1, [302, 8], [304, 2], [305, 4], [306, 4]);
    send(ipfix([...options, ...set(257, [...u64(1), ...u16(1), ...u32(10), ...u32(990)])]));
    send(ipfix([...templateSet(256, [1, 4], [302, 8]), ...set(256, [...u32(5), ...u64(1)])]));
    expect(rows[0]?.samplingRate).toBe(100);
  });

  test('Palo Alto: a packet whose tail is zeros', () => {
    const { send, rows, problems } = harness();
    send(v9([...v9TemplateSet(256, [1, 4]), ...set(256, u32(5)), ...new Array(40).fill(0)]));
    expect(rows).toHaveLength(1);
    expect(problems).toEqual([]);
  });

  test('Palo Alto PA-5420: no event time, so the times are null and not 1970', () => {
    expect(record([[233, 1]], [1])?.flowStart).toBeUndefined();
  });

  test('H3C: variable length in v9', () => {
    expect(
      v9Record(
        [
          [1, 4],
          [82, 65535],
        ],
        [...u32(5), 3, 71, 47, 49],
      ),
    ).toMatchObject({ octets: 5 });
  });

  test('Arista, HP: variable length in options templates', () => {
    const { send, optionsRecords } = harness();
    const options = optionsTemplateSet(257, 1, [10, 4], [82, 65535]);
    send(ipfix([...options, ...set(257, [...u32(3), 4, ...hex('65746833')])]));
    expect(optionsRecords[0]).toMatchObject({
      scope: { ingressInterface: 3 },
      fields: { interfaceName: 'eth3' },
    });
  });

  test('Calix: a template once a session: it never expires, and a snapshot keeps it over a restart', () => {
    const before = harness();
    before.send(ipfix(templateSet(256, [1, 4])));
    before.send(ipfix(set(256, u32(5)), { exportTime: EXPORT_TIME + 86_400 * 365 }), MS + 86_400_000 * 365);
    expect(before.rows).toHaveLength(1);
    const after = harness();
    const snapshot: unknown = JSON.parse(JSON.stringify(before.decoder.snapshot()));
    expect(after.decoder.restore(snapshot)).toEqual({ templates: 1, refused: 0 });
    after.send(ipfix(set(256, u32(6))));
    expect(after.rows.map((row) => row.octets)).toEqual([6]);
  });

  test('softflowd on OpenWRT: uptimes in seconds: refused, they are read as milliseconds', () => {
    // Nothing in the datagram tells one from the other.
    expect(v9Record([[22, 4]], u32(90), 100)?.flowStart).toBe(MS - 10);
  });

  test('ipt-netflow: data before its template, counters of reduced size', () => {
    const { send, rows } = harness();
    send(ipfix(set(256, [1, 0, 0, 0, 0, 5])));
    send(ipfix(templateSet(256, [2, 1], [1, 5])));
    expect(rows[0]).toMatchObject({ packets: 1, octets: 5 });
  });

  test.each([0, 1, 3, 30, 65535])(
    'a v9 header Count of %i, be it records or FlowSets, changes nothing',
    (count) => {
      const { send, rows } = harness();
      const data = set(256, [...u32(1), ...u32(2), ...u32(3)]);
      send(v9([...v9TemplateSet(256, [1, 4]), ...data, ...data], { count }));
      expect(rows).toHaveLength(6);
    },
  );

  test('v9 with elements above 127: they are read as the IANA elements', () => {
    const row = v9Record(
      [
        [152, 8],
        [136, 1],
        [176, 1],
        [177, 1],
      ],
      [...u64(MS), 3, 8, 0],
    );
    expect(row).toMatchObject({ flowStart: MS, endReason: 3, icmpTypeCode: 0x0800 });
  });

  test('v9 with types above 32767: Cisco sends its enterprise elements so, ASA and ntop their own numbers', () => {
    expect(elementById(0, 0x8000 | 4315)).toBe(elementById(9, 4315));
    expect(elementById(0, 33002)?.name).toBe('fwExtEvent');
    expect(elementById(0, 57472 + 101)).toBe(elementById(35632, 101));
    expect(elementById(0, 44940)).toBeUndefined();
  });

  test('template Sets under the Set IDs of the other version', () => {
    const { send, rows, problems, optionsRecords } = harness();
    const options = v9OptionsTemplateSet(257, [[1, 4]], [[34, 4]]);
    const sampling = set(257, [...u32(1), ...u32(10)]);
    send(ipfix([...v9TemplateSet(256, [1, 4]), ...options, ...sampling, ...set(256, u32(5))]));
    send(v9([...templateSet(256, [2, 4]), ...optionsTemplateSet(258, 1, [144, 4], [34, 4])]));
    send(v9([...set(258, [...u32(1), ...u32(20)]), ...set(256, u32(6))]));
    expect(problems).toEqual([]);
    expect(optionsRecords).toHaveLength(2);
    expect(rows).toMatchObject([
      { octets: 5, samplingRate: 10 },
      { packets: 6, samplingRate: 20 },
    ]);
  });

  test('text behind a zero octet in a field of fixed length is what was in memory before', () => {
    const { send, optionsRecords } = harness();
    const options = optionsTemplateSet(257, 1, [10, 4], [82, 8], [83, 65535]);
    send(ipfix([...options, ...set(257, [...u32(3), ...hex('65746830 00787900'), 3, 65, 66, 0])]));
    expect(optionsRecords[0]?.fields).toEqual({ interfaceName: 'eth0', interfaceDescription: 'AB' });
  });

  test('records with both address families, one of them zero', () => {
    const fields: Field[] = [
      [8, 4],
      [27, 16],
    ];
    const ipv6 = hex('20010db8000000000000000000000001');
    const zero = new Array(16).fill(0);
    expect(record(fields, [...u32(0x0a000001), ...zero])?.srcAddrLo).toBe(0xffff0a000001);
    expect(record(fields, [...u32(0), ...ipv6])).toMatchObject({ srcAddrLo: 1, extra: ipv6 });
    expect(record(fields, [...u32(0), ...zero])?.srcAddrLo).toBe(0xffff00000000);
    expect(record(fields, [...u32(0x0a000001), ...ipv6])).toMatchObject({
      srcAddrLo: 0xffff0a000001,
      extra: ipv6,
    });
  });

  test('pmacct: microseconds as a struct timeval of 16 octets', () => {
    const timeval = (seconds: number, microseconds: number) => [...u64(seconds), ...u64(microseconds)];
    const octets = [...timeval(1_448_269_127, 960_079), ...timeval(1_448_269_128, 28_795)];
    const times = { flowStart: 1_448_269_127_960, flowEnd: 1_448_269_128_028 };
    expect(
      record(
        [154, 155].map((id): Field => [id, 16]),
        octets,
      ),
    ).toMatchObject(times);
    const bytes = Uint8Array.from(octets);
    const shown = '2015-11-23T08:58:47.960079Z';
    expect(decodeValue(bytes, 0, 16, 'dateTimeMicroseconds')).toBe(shown);
    const written = new Uint8Array(16);
    encodeValue(written, 0, { dataType: 'dateTimeMicroseconds' }, 16, shown);
    expect(written).toEqual(bytes.subarray(0, 16));
    expect(decodeValue(new Uint8Array(16).fill(255), 0, 16, 'dateTimeMicroseconds')).toBe('ff'.repeat(16));
  });

  test('SRv6: the outer packet has addresses, protocol and ports of the row, the inner one is kept beside it', () => {
    const outer = hex('fcbabe00300100000000000000000001');
    const fields: Field[] = [
      [27, 16],
      [7, 2],
      [4, 1],
      [7, 2],
      [4, 1],
      [8, 4],
    ];
    const inner = [...u16(1024), 17, ...u32(0x0a000001)];
    expect(record(fields, [...outer, ...u16(0), 4, ...inner])).toMatchObject({
      srcAddrLo: 1,
      srcPort: 0,
      protocol: 4,
      extra: inner,
    });
    const none = new Array(16).fill(0);
    expect(record(fields, [...none, ...u16(0), 4, ...inner])).toMatchObject({ srcAddrLo: 0xffff0a000001 });
  });

  test('firmware upgrade: the same template ID with a new layout, no withdrawal', () => {
    const { send, rows, problems } = harness();
    send(ipfix([...templateSet(256, [1, 4]), ...set(256, u32(5))]));
    const later = { exportTime: EXPORT_TIME + 300 };
    send(ipfix([...templateSet(256, [2, 4], [1, 8]), ...set(256, [...u32(1), ...u64(6)])], later));
    send(ipfix(set(256, u32(7)), { exportTime: EXPORT_TIME + 299 }));
    expect(rows.map((row) => row.octets)).toEqual([5, 6, 7]);
    expect(problems).toEqual(['template_conflict@20']);
  });

  test.each([1, 2, 3, 4, 7])('%i octets of padding behind the records of a Set', (octets) => {
    const { send, rows, problems } = harness();
    const padding = new Array(octets).fill(0);
    send(ipfix([...templateSet(256, [1, 8]), ...set(256, [...u64(5), ...padding]), ...set(256, u64(6))]));
    expect(rows.map((row) => row.octets)).toEqual([5, 6]);
    expect(problems).toEqual([]);
  });

  test('VPP: 156 and 157 alone; VMware VDS: elements 880 to 890; float types are kept as octets', () => {
    const ntp = [...u32(EXPORT_TIME + 2208988800), ...u32(0x80000000)];
    expect(
      record(
        [
          [156, 8],
          [157, 8],
        ],
        [...ntp, ...ntp],
      ),
    ).toMatchObject({ flowStart: MS + 500 });
    expect(
      record(
        [
          [880, 1],
          [890, 2],
          [320, 4],
        ],
        [1, 2, 3, ...hex('3f800000')],
      )?.extra,
    ).toHaveLength(7);
  });

  test('several exporters behind one address: told apart by their domain; the element is kept', () => {
    const row = record(
      [
        [130, 4],
        [1, 4],
      ],
      [...u32(0xc0000201), ...u32(5)],
    );
    expect(row?.extra).toEqual(u32(0xc0000201));
  });

  test('ingress and egress metering both on: the direction is kept, nothing is added up', () => {
    expect(
      record(
        [
          [61, 1],
          [1, 4],
        ],
        [1, ...u32(5)],
      ),
    ).toMatchObject({ direction: 1, octets: 5 });
  });

  test('reverse elements that have no column are never read as forward ones', () => {
    const row = record(
      [
        [1, 4],
        [7, 2, 29305],
        [1, 4, 29305],
      ],
      [...u32(5), ...u16(80), ...u32(6)],
    );
    expect(row).toMatchObject({ octets: 5, reverseOctets: 6, extra: u16(80) });
    expect(row?.srcPort).toBeUndefined();
  });

  test('an element that comes twice: the first has the column, the second is kept', () => {
    expect(
      record(
        [
          [1, 4],
          [1, 4],
        ],
        [...u32(5), ...u32(6)],
      ),
    ).toMatchObject({ octets: 5, extra: u32(6) });
  });

  test('several messages in one datagram, of several versions', () => {
    const { send, rows } = harness();
    const first = ipfix([...templateSet(256, [1, 4]), ...set(256, u32(5))]);
    const second = v9([...v9TemplateSet(256, [1, 4]), ...set(256, u32(6))]);
    send(Uint8Array.from([...first, ...v5(V5_RECORD), ...second, ...ipfix(set(256, u32(7)))]));
    expect(rows.map((row) => row.octets)).toEqual([5, 300, 6, 7]);
  });

  test('observation times stand in for both ends; a duration gives the end', () => {
    expect(record([[322, 4]], u32(EXPORT_TIME))).toMatchObject({ flowStart: MS, flowEnd: MS });
    const row = record(
      [
        [152, 8],
        [161, 4],
      ],
      [...u64(MS), ...u32(1500)],
    );
    expect(row).toMatchObject({ flowStart: MS, flowEnd: MS + 1500 });
    expect(record([[158, 4]], u32(2_000_000))?.flowStart).toBe(MS - 2000);
  });
});
