import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FlowRecord, matchesFilter } from './filter-evaluator.ts';
import { FilterError } from './filter-expression.ts';
import { parseFilter } from './filter-parser.ts';

const RECORD: FlowRecord = {
  srcAddr: '10.1.2.3',
  dstAddr: '203.0.113.9',
  srcPort: 50_000,
  dstPort: 443,
  protocol: 6,
  tcpFlags: 0x02,
  tos: 0,
  octets: 20_000_000,
  packets: 400,
  flowStart: 1_763_000_000_000,
  flowEnd: 1_763_000_040_000,
  receivedAt: 1_763_000_041_000,
  inIf: 3,
  outIf: 5,
  srcAs: 64_500,
  dstAs: 64_501,
  vlanId: 12,
  direction: 1,
  forwardingStatus: 0b1000_0011,
  srcMac: '00:11:22:33:44:55',
  exporter: '192.0.2.1',
  source: 'default_Netflow',
  nextHop: '10.0.0.254',
  icmpTypeCode: 0x0301,
  srcCountry: 'DE',
  dstCountry: 'US',
  srcNetwork: 'Office LAN',
  srcSite: 'Vienna',
  dstName: 'www.example.org',
  srcPeer: 'laptop-7',
  srcUser: 'ada',
  application: 'https',
  inIfName: 'Gi0/1',
  outIfName: 'Gi0/2',
  outVrf: 'blue',
  rule: 'ssh-inbound',
  dropReason: 2,
  sessionId: 77n,
  sessionSide: 0,
  duplicate: 1,
  extra: { postNATSourceIPv4Address: '198.51.100.7', observationPointId: 9, '32999/7': '0a0b', natEvent: 1 },
};

const LISTS = {
  bad: ['# known bad', '203.0.113.0/24 # a whole network', '', '2001:db8::1, 192.0.2.77'],
  web: ['80, 443', '8000-8999'],
  people: ['ada', '"grace hopper"'],
  broken: ['10.0.0.1', '10.0.0.x'],
};

describe('what holds for the record', () => {
  test.each([
    '',
    'any',
    'host 10.1.2.3',
    'ip 203.0.113.9',
    'src host 10.1.2.3 and dst host 203.0.113.9',
    'src ip 10.1.2.3',
    '10.1.2.3',
    '10.0.0.0/8 tcp',
    '10.0.0.0/8 port 443 tcp',
    'src 10.1.2.3',
    'net 10.1.0.0/16',
    'net 10.1.0.0 255.255.0.0',
    'src net 10.0.0.0/8 and not dst net 10.0.0.0/8',
    'src or dst port 443',
    'dst port 443',
    'port 443',
    'port > 49999',
    'port 440-450',
    'port in [80 443]',
    'port in (80, 443)',
    'dst port in (80,443)',
    'proto tcp',
    'proto 6',
    'protocol = TCP',
    'tcp or udp',
    'not udp',
    '!udp && tcp',
    'udp || tcp',
    '(udp or tcp) and (port 80 or port 443)',
    'bytes > 10M',
    'bytes >= 20M and bytes <= 20m',
    'bytes = 20000000',
    'octets > 1.5M',
    'packets > 100',
    'packets 400',
    'flags S and not flags AF',
    'flags S',
    'flags = S',
    'tcpflags = 0x02',
    'tcpflags = 2',
    'SrcAddr = 10.1.2.3',
    'srcaddr = 10.0.0.0/8',
    'SrcAddr << 10.0.0.0/8',
    'DstAddr !<< 10.0.0.0/8',
    'SrcAddr != 10.1.2.4',
    'SrcAddr in (10.9.0.0/16, 10.1.2.3)',
    'SrcAddr not in (10.9.0.0/16, 2001:db8::/32)',
    'DstAddr NOTIN (10.0.0.0/8)',
    'SrcAS in (64500, AS64501) AND DstPort = 443',
    'as 64501',
    'src as AS64500',
    'SrcAS != DstAS',
    'SrcPort > DstPort',
    'if 3',
    'in if 3',
    'out if 5',
    'InIf = 3',
    'vlan 12',
    'duration > 30s',
    'duration = 40000',
    'duration <= 1m',
    'bps > 3M',
    'bps = 4M',
    'pps = 10',
    'bpp = 50k',
    'dropped',
    'ForwardingStatus = dropped',
    'ForwardingStatus in (consumed, dropped)',
    'forwardingStatus = 131',
    'egress',
    'direction = egress',
    'ipv4',
    'not ipv6',
    'mac 00:11:22:33:44:55',
    'SrcMac = 0:11:22:33:44:55',
    'exporter 192.0.2.1',
    'router ip 192.0.2.1',
    'source = "default_Netflow"',
    'source like "default%"',
    'source ~ "^default_"',
    'source unlike "ipfix%"',
    'next ip 10.0.0.254',
    'flowEnd >= 2025-11-13',
    'flowStart < "2025-11-13T12:00:00Z"',
    'port eq 443',
    'bytes gt 10M # comment',
    'bytes > 10M -- comment',
    '/* comment */ tcp',
    'icmp type 3 or tcp',
    'icmp-type 3',
    'icmp code 1',
    'country = DE',
    'country de',
    'geo US',
    'src geo DE',
    'srcCountry != dstCountry',
    'country in (AT, CH, DE)',
    'user = "ada"',
    'user ada',
    'src user ada',
    'srcUser in (ada, grace)',
    'user @people',
    'user in @people',
    'user in (bob, @people)',
    'site = "Vienna"',
    'site Vienna and not dst site Vienna',
    'peer ~ "^laptop-"',
    'peer !~ "^server"',
    'net "Office LAN"',
    'network = "Office LAN"',
    'net like "Office%"',
    'name = www.example.org',
    'host www.example.org',
    'dst host ~ "example.org$"',
    'application https',
    'app = https',
    'if Gi0/1',
    'in if "Gi0/1" out if Gi0/2',
    'if ~ "^Gi0/[12]$"',
    'vrf blue',
    'rule ~ "ssh.*"',
    'rule exists',
    'not dstUser exists',
    'dropReason = trust',
    'sessionId = 77',
    'sessionSide = initiator',
    'duplicate',
    'duplicate = yes',
    '@bad',
    'dst @bad',
    'dst host @bad',
    'host in @bad',
    'DstAddr = @bad',
    'SrcAddr != @bad',
    'port @web',
    'port in (1, @web)',
    'port in (1-1023)',
    'portrange 440-450',
    'port 80 or 443',
    'port 80 or 443 and tcp',
    'src host 10.9.9.9 or 10.1.2.3',
    'tcp port 443',
    'ip proto 6',
    'ip and tcp',
    'ip host 10.1.2.3',
    'ether host 00:11:22:33:44:55',
    'in src mac 00:11:22:33:44:55',
    'greater 1000',
    'net 10.1.0.0 mask 255.255.0.0',
    'dst portrange 440-450',
    'first seen >= 2025-11-13',
    'in bytes > 1M',
    'asa event deny or tcp',
    'EType = IPv4',
    'src xip 198.51.100.7',
    'postNATSourceIPv4Address = 198.51.100.7',
    'observation point id 9',
    'OBSERVATIONPOINTID >= 9',
    '32999/7 = 0a0b',
    'nat event 1',
    'sourceTransportPort = 50000',
    'sourceIPv4Address = 10.1.2.3',
    'octetDeltaCount > 10M',
    'nextHop != dstAddr',
  ])('%s', (text) => {
    expect(matchesFilter(parseFilter(text, { lists: LISTS }), RECORD)).toBe(true);
    if (text === '') return;
    expect(matchesFilter(parseFilter(`not (${text}\n)`, { lists: LISTS }), RECORD)).toBe(false);
  });
});

describe('what does not hold for the record', () => {
  test.each([
    'host 10.1.2.4',
    'dst host 10.1.2.3',
    'src and dst net 10.0.0.0/8',
    'src port 443',
    'port 80',
    'port != 443',
    'udp',
    'flags SA',
    'flags A',
    'not dropped',
    'forwarded',
    'bytes < 10M',
    'ipv6',
    'ingress',
    'srcMask = 24',
    'srcMask > 0',
    'icmp type 8',
    'user bob',
    'srcUser exists and dstUser exists',
    'country = FR',
    'srcCountry = dstCountry',
    'port @web and not port 443',
    '32999/8 exists',
    'port 80 or 22 and tcp',
    'as 64502',
    'tcp udp',
    'reverseOctets < DstPort',
    'source ~ "x$"',
  ])('%s', (text) => {
    expect(matchesFilter(parseFilter(text, { lists: LISTS }), RECORD)).toBe(false);
  });
});

describe('errors say where and what was expected', () => {
  test.each([
    ['port', 4, 'a value'],
    ['host 10.0.0.x', 5, 'an IPv4 or IPv6 address'],
    ['country = Germany', 10, 'two letters of ISO 3166, such as DE'],
    ['host @nobody', 5, '@bad'],
    ['host @broken', 5, 'an IPv4 or IPv6 address'],
    ['port > @web', 7, 'in'],
    ['port in (9-3)', 9, 'a range'],
    ['srcAddr < dstAddr', 10, 'a value'],
    ['rule > 3', 7, '~'],
    ['host 10.0.0.1 and', 17, 'not'],
    ['foo = 3', 0, 'a field such as SrcAddr'],
    ['tcp and (udp', 12, ')'],
    ['tcp)', 3, 'the end'],
    ['bytes > ten', 8, 'a number, with K, M, G or T for thousands, millions, …'],
    ['port in ()', 8, 'a value'],
    ['port in (80', 11, ')'],
    ['source = "abc', 9, '"'],
    ['SrcAddr > 10.0.0.1', 10, '='],
    ['proto foo', 6, 'a protocol such as tcp, udp, icmp'],
    ['flags Z', 6, 'letters of F S R P A U E C N'],
    ['tcp ; udp', 4, 'a condition'],
    ['source ~ "("', 9, 'a regular expression'],
    ['src foo', 4, 'an address or prefix'],
    ['port like 3', 10, '='],
    ['port in (80.5)', 9, 'a number from 0 to 65535'],
  ])('%s at %i expects %s', (text, position, expected) => {
    const error = errorOf(text);
    expect(error).toBeInstanceOf(FilterError);
    expect({ position: error?.position, expected: error?.expected }).toEqual({
      position,
      expected: expect.arrayContaining([expected]),
    });
  });

  test.each([
    ['prot = 6', '"proto"'],
    ['scr host 10.0.0.1', 'did you mean "src"'],
    ['src hots 10.0.0.1', 'did you mean "host"'],
    ['direction = ingres', 'did you mean "ingress"'],
    ['proto tpc', 'did you mean "tcp"'],
    ['host @baad', 'did you mean "bad"'],
    ['host @broken', 'list @broken, line 2: "10.0.0.x" is no address'],
  ])('%s: %s', (text, message) => {
    expect(errorOf(text)?.message).toContain(message);
  });

  test('nesting is bounded', () => {
    expect(errorOf(`${'('.repeat(10_000)}tcp${')'.repeat(10_000)}`)?.message).toContain('200');
    expect(errorOf('not '.repeat(10_000))?.message).toContain('200');
  });

  test('a list of thousands is no problem', () => {
    const list = Array.from({ length: 5000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`).join(' ');
    expect(matchesFilter(parseFilter(`host in [${list}]`), { srcAddr: '10.0.19.1' })).toBe(true);
  });

  test('any text is a filter or a FilterError', () => {
    const word = fc.constantFrom(
      'src',
      'dst',
      'host',
      'port',
      'in',
      'not',
      'and',
      'or',
      '(',
      ')',
      '[',
      ',',
      '10.0.0.1',
      '::/0',
      '80',
      'tcp',
      '=',
      '!=',
      '<<',
      '"x"',
      'SrcAddr',
      'bytes',
      '10M',
      'flags',
      'S',
      'source',
      '~',
      'like',
      'icmp',
      'type',
      '>',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
    );
    fc.assert(
      fc.property(text, (input) => {
        const error = errorOf(input);
        if (error === undefined) return;
        expect(error).toBeInstanceOf(FilterError);
        expect(error.position).toBeGreaterThanOrEqual(0);
        expect(error.position).toBeLessThanOrEqual(input.length);
      }),
      { numRuns: 3000 },
    );
  });
});

function errorOf(text: string): FilterError | undefined {
  try {
    parseFilter(text, { lists: LISTS });
    return undefined;
  } catch (error) {
    return error as FilterError;
  }
}
