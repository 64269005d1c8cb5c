import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@weir/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultProfilePath, loadProfile, type Profile, parseProfile } from './profile.ts';
import { describeProfile, printableProfile, reasonDisabled } from './profile-description.ts';
import { DIRECTIONS, PROFILE_PROPERTIES } from './profile-properties.ts';

const FILE = 'Universe.profile';

function linesOf(text: string): string[] {
  try {
    parseProfile(text, FILE);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ code: 'profile_invalid', exitCode: 2 });
    return (error as UserError).message.split('\n');
  }
  return [];
}

/** A profile whose property `name` has a value written as `json`; the value begins at line 1, column 18 + n. */
function withProperty(name: string, json: string): string {
  return `{"FlowMetadata":{"${name}":${json}}}`;
}

describe('defaults', () => {
  test.each(['{}', '{"FlowMetadata":{}}', '\uFEFF{}', '{"Version":3,"Dns":{"FlowMetadata":7}}'])(
    '%s',
    (text) => {
      expect(parseProfile(text, FILE)).toEqual({
        fileName: FILE,
        collectors: [],
        direction: 'Both',
        intervalMs: 0,
        enabled: true,
        idleTimeoutMs: 30_000,
        activeTimeoutMs: 0,
        templateRefreshIntervalMs: 600_000,
        observationDomainId: 1,
        interfaces: [],
        messageOctetsMax: undefined,
        messagesPerSecondMax: 20_000,
        tls: {},
        spoolDirectory: undefined,
        spoolOctetsMax: 1_073_741_824,
        flowIdKey: undefined,
        dropSources: [],
        peers: [],
        names: { dns: true, tls: true },
        tcpPerformance: true,
      });
    },
  );

  test('an Enclave Universe.profile is read as it is', () => {
    const profile = parseProfile(
      `{
        "VirtualNetwork": "100.64.0.0/10",
        "Dns": { "Upstream": [], "Upstream": null },
        "FlowMetadata": {
          "IpFixCollectors": [ "Udp/192.0.2.10:4739", "Udp/[2001:db8::10]:2055" ],
          "Direction": "SendingToPeer",
          "Interval": 120000,
          "Enabled": true
        }
      }`,
      FILE,
    );
    expect(profile.collectors).toEqual([
      { transport: 'Udp', host: '192.0.2.10', family: 4, port: 4739, text: 'Udp/192.0.2.10:4739' },
      { transport: 'Udp', host: '2001:db8::10', family: 6, port: 2055, text: 'Udp/[2001:db8::10]:2055' },
    ]);
    expect(profile).toMatchObject({
      direction: 'SendingToPeer',
      intervalMs: 120_000,
      activeTimeoutMs: 120_000,
    });
  });

  test('a host name is a collector', () => {
    const { collectors } = parseProfile(
      withProperty('IpFixCollectors', '["Udp/collector.example:4739"]'),
      FILE,
    );
    expect(collectors).toMatchObject([{ host: 'collector.example', family: 0, port: 4739 }]);
  });
});

test('collectors, drop sources, peers and names in full', () => {
  const metadata = {
    IpFixCollectors: [
      { Address: 'Tls/collector.example:4740', Tls: { Ca: '/ca.pem', ServerName: 'c.example' } },
      { Address: 'Tcp/192.0.2.1:4739', Sampling: { Deterministic: 10 } },
      { Address: 'Udp/192.0.2.1:4739', Sampling: { Random: 8 }, Anonymisation: { CryptoPan: '/key' } },
      { Address: 'Udp/192.0.2.2:4739', Anonymisation: { TruncateIPv4: 24, TruncateIPv6: 48 } },
      { Address: 'Udp/192.0.2.3:4739', Times: 'Absolute' },
    ],
    Tls: { Certificate: '/c.pem', Key: '/k.pem' },
    SpoolDirectory: '/var/spool/weir',
    SpoolMaxBytes: 1_048_576,
    FlowIdKey: 'secret',
    DropSources: [
      { Nflog: 5, Reason: 'AccessControl', PrefixReasons: { 'trust-': 'Trust' } },
      { Pcapng: '/run/overlay.sock' },
    ],
    Peers: ['WireGuard', 'Tailscale', 'NetBird', 'File:/etc/weir/peers.json'],
    Names: { Tls: false },
    TcpPerformance: false,
  };
  const profile = parseProfile(JSON.stringify({ FlowMetadata: metadata }), FILE);
  expect(profile).toMatchObject({
    collectors: [
      { transport: 'Tls', tls: { ca: '/ca.pem', serverName: 'c.example' } },
      { transport: 'Tcp', sampling: { kind: 'deterministic', interval: 10 } },
      { sampling: { kind: 'random', interval: 8 }, anonymisation: { kind: 'cryptoPan', keyFile: '/key' } },
      { anonymisation: { kind: 'truncation', ipv4Bits: 24, ipv6Bits: 48 } },
      { times: 'Absolute' },
    ],
    tls: { certificate: '/c.pem', key: '/k.pem' },
    spoolDirectory: '/var/spool/weir',
    spoolOctetsMax: 1_048_576,
    flowIdKey: 'secret',
    dropSources: [
      { kind: 'nflog', group: 5, reason: 'AccessControl', prefixReasons: { 'trust-': 'Trust' } },
      { kind: 'pcapng', path: '/run/overlay.sock' },
    ],
    peers: [
      { kind: 'wireGuard' },
      { kind: 'tailscale' },
      { kind: 'netBird' },
      { kind: 'file', path: '/etc/weir/peers.json' },
    ],
    names: { dns: true, tls: false },
    tcpPerformance: false,
  });
  const { flowIdKey, ...open } = profile;
  const { FlowIdKey, ...printed } = printableProfile(profile).FlowMetadata;
  expect(parseProfile(JSON.stringify({ FlowMetadata: printed }), FILE)).toEqual(open);
  expect(JSON.stringify(FlowIdKey)).not.toContain(flowIdKey);
  // What is printed in its place is no key.
  expect(() => parseProfile(JSON.stringify({ FlowMetadata: { FlowIdKey } }), FILE)).toThrow(
    'FlowIdKey: found',
  );
});

describe('values that are refused', () => {
  test.each([
    [
      'Direction',
      '"both"',
      'Direction: found "both" (did you mean "Both"?), allowed: "Both", "SendingToPeer", "ReceivedFromPeer"',
    ],
    ['Direction', '1', 'Direction: found 1, allowed: "Both", "SendingToPeer", "ReceivedFromPeer"'],
    [
      'Direction',
      '["Both"]',
      'Direction: found array ["Both"], allowed: "Both", "SendingToPeer", "ReceivedFromPeer"',
    ],
    ['Enabled', '"true"', 'Enabled: found "true", allowed: true or false'],
    ['Enabled', 'null', 'Enabled: found null, allowed: true or false'],
    [
      'Interval',
      '"60000"',
      'Interval: found "60000", allowed: 0 or a multiple of 60000 (milliseconds) up to 2147460000',
    ],
    ['Interval', '59999', 'Interval: found 59999, allowed: 0 or a multiple of 60000'],
    ['Interval', '-60000', 'Interval: found -60000, allowed: 0 or a multiple'],
    ['Interval', '60000.5', 'Interval: found 60000.5, allowed: 0 or a multiple'],
    ['Interval', '6e99', 'Interval: found 6e99, allowed: 0 or a multiple'],
    ['Interval', '{}', 'Interval: found object {}, allowed: 0 or a multiple'],
    [
      'IdleTimeout',
      '999',
      'IdleTimeout: found 999, allowed: a whole number from 1000 to 86400000 milliseconds',
    ],
    [
      'ObservationDomainId',
      '4294967296',
      'ObservationDomainId: found 4294967296, allowed: a whole number from 0 to 4294967295',
    ],
    ['MaxMessageSize', '511', 'MaxMessageSize: found 511, allowed: a whole number from 512 to 65507 octets'],
    ['MaxMessagesPerSecond', '0', 'MaxMessagesPerSecond: found 0, allowed: a whole number from 1'],
    ['Interfaces', '"eth0"', 'Interfaces: found "eth0", allowed: a list of interface names'],
    [
      'IpFixCollectors',
      '"Udp/192.0.2.1:1"',
      'IpFixCollectors: found "Udp/192.0.2.1:1", allowed: a list such as',
    ],
    ['IpFixCollectors', '{}', 'IpFixCollectors: found object {}, allowed: a list such as'],
    ['Tls', '"/ca.pem"', 'Tls: found "/ca.pem", allowed: an object such as {"Ca":"/etc/weir/ca.pem"}'],
    ['Tls', '{"Key":"/k"}', 'Tls: found object {"Key":"/k"}, allowed: "Certificate" and "Key" together'],
    ['SpoolDirectory', '"spool"', 'SpoolDirectory: found "spool", allowed: an absolute path'],
    ['FlowIdKey', '""', 'FlowIdKey: found "", allowed: a secret that both ends have'],
    ['DropSources', '{}', 'DropSources: found object {}, allowed: a list of {"Nflog":group'],
    ['Peers', '"WireGuard"', 'Peers: found "WireGuard", allowed: a list of "WireGuard", "Tailscale"'],
    ['Names', 'true', 'Names: found true, allowed: an object such as {"Dns":true,"Tls":false}'],
    ['TcpPerformance', '1', 'TcpPerformance: found 1, allowed: true or false'],
  ])('%s %s', (name, json, message) => {
    const [line = '', ...others] = linesOf(withProperty(name, json));
    expect(others).toEqual([]);
    const column = withProperty(name, '').length - 1;
    expect(line.startsWith(`${FILE}:1:${column}: ${message}`), line).toBe(true);
  });

  test.each([
    ['192.0.2.1:4739', 'has no transport, allowed: "Udp/IP:Port"'],
    ['udp/192.0.2.1:4739', 'unknown transport "udp" (did you mean "Udp"?), allowed: Udp/, Tcp/, Tls/'],
    ['Quic/192.0.2.1:4739', 'unknown transport "Quic", allowed: Udp/'],
    ['Dtls/192.0.2.1:4739', 'transport Dtls/ is not supported by this version, allowed: Udp/, Tcp/, Tls/'],
    ['Sctp/192.0.2.1:4739', 'transport Sctp/ is not supported by this version'],
    ['Udp/192.0.2.1', 'has no port, allowed:'],
    ['Udp/192.0.2.1:', 'has no port, allowed:'],
    ['Udp/:4739', 'has no address, allowed:'],
    ['Udp/', 'has no address, allowed:'],
    ['Udp/192.0.2.1:0', 'bad port "0", allowed: 1 to 65535'],
    ['Udp/192.0.2.1:65536', 'bad port "65536", allowed: 1 to 65535'],
    ['Udp/192.0.2.1:ipfix', 'bad port "ipfix", allowed: 1 to 65535'],
    ['Udp/192.0.2.1: 4739', 'bad port " 4739", allowed: 1 to 65535'],
    ['Udp/192.0.2.256:4739', '"192.0.2.256" is not an IPv4 address'],
    ['Udp/192.0.2:4739', '"192.0.2" is not an IPv4 address'],
    ['Udp/0.0.0.0:4739', '"0.0.0.0" is not the address of one collector'],
    ['Udp/[::]:4739', '"::" is not the address of one collector'],
    ['Udp/2001:db8::1:4739', 'IPv6 address without brackets, allowed: "Udp/IP:Port" (IPv6 in brackets)'],
    ['Udp/2001:db8::1', 'IPv6 address without brackets'],
    ['Udp/[2001:db8::zz]:4739', '"2001:db8::zz" is not an IPv6 address'],
    ['Udp/[192.0.2.1]:4739', '"192.0.2.1" is not an IPv6 address'],
    ['Udp/[2001:db8::1]', 'has no port'],
    ['Udp/col lector:4739', '"col lector" is neither an IP address nor a host name'],
  ])('collector %s', (entry, message) => {
    const [line = '', ...others] = linesOf(withProperty('IpFixCollectors', JSON.stringify([entry])));
    expect(others).toEqual([]);
    expect(line).toContain(`IpFixCollectors: found "${entry}": ${message}`);
  });

  test.each([
    ['IpFixCollectors', '[7]', '7', 'IpFixCollectors: found 7, allowed: "Udp/IP:Port", or an object'],
    ['IpFixCollectors', '[{}]', '{}', 'IpFixCollectors: found object {}, allowed: "Udp/IP:Port", or an'],
    [
      'IpFixCollectors',
      '[{"Address":"Udp/192.0.2.1:0"}]',
      '0"',
      'IpFixCollectors.Address: found "Udp/192.0.2.1:0": bad port "0", allowed: 1 to 65535',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Tcp/192.0.2.1:1","Tls":{}}]',
      '"Tls"',
      'IpFixCollectors.Tls: "Tcp/192.0.2.1:1" is without TLS, allowed: with Tls/',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Tcp/192.0.2.1:1","Samplin":{}}]',
      '"Samplin"',
      'unknown property "Samplin" in IpFixCollectors (did you mean "Sampling"?), allowed: Address, Sampling',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Udp/192.0.2.1:1","Sampling":{"Random":0}}]',
      '0}',
      'IpFixCollectors.Sampling.Random: found 0, allowed: a whole number from 1 to 1000000',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Udp/192.0.2.1:1","Sampling":{"Random":2,"Deterministic":2}}]',
      '{"Random"',
      'IpFixCollectors.Sampling: found object {"Random":2,"Deterministic":2}, allowed: {"Deterministic":N} or',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Udp/192.0.2.1:1","Anonymisation":{"TruncateIPv4":24}}]',
      '{"TruncateIPv4"',
      'IpFixCollectors.Anonymisation: found object {"TruncateIPv4":24}, allowed: {"CryptoPan":"/path/to/key"} or',
    ],
    [
      'IpFixCollectors',
      '[{"Address":"Udp/192.0.2.1:1","Anonymisation":{"CryptoPan":"key"}}]',
      '"key"',
      'IpFixCollectors.Anonymisation.CryptoPan: found "key", allowed: an absolute path',
    ],
    [
      'DropSources',
      '[{"Nflog":1}]',
      '{"Nflog"',
      'DropSources: found object {"Nflog":1}, allowed: {"Nflog":group',
    ],
    [
      'DropSources',
      '[{"Nflog":1,"Reason":"Trust","PrefixReasons":{"a":"trust"}}]',
      '"trust"',
      'DropSources.PrefixReasons: found "trust" (did you mean "Trust"?), allowed: "AccessControl", "Trust", "Other"',
    ],
    [
      'DropSources',
      '[{"Nflog":1,"Reason":"Trust"},{"Nflog":1,"Reason":"Other"}]',
      '{"Nflog":1,"Reason":"Other"}',
      'DropSources: group 1 is listed twice, allowed: once',
    ],
    ['Peers', '["WireGuard","OpenVPN"]', '"OpenVPN"', 'Peers: found "OpenVPN", allowed: "WireGuard"'],
    ['Peers', '["File:peers"]', '"File:peers"', 'Peers: found "File:peers", allowed: "WireGuard"'],
    ['SpoolMaxBytes', '2000000', '"Spool', 'SpoolMaxBytes without a spool, allowed: with SpoolDirectory'],
  ])('%s %s at %s', (name, json, at, message) => {
    const text = withProperty(name, json);
    const [line = '', ...others] = linesOf(text);
    expect(others).toEqual([]);
    const column = text.indexOf(at, name === 'SpoolMaxBytes' ? 0 : text.indexOf(json)) + 1;
    expect(line.startsWith(`${FILE}:1:${column}: ${message}`), line).toBe(true);
  });

  test('an entry is pointed at where it is wrong', () => {
    const text = withProperty('IpFixCollectors', '["Udp/192.0.2.1:99999"]');
    expect(linesOf(text)[0]?.startsWith(`${FILE}:1:${text.indexOf('99999') + 1}: `)).toBe(true);
  });

  test('a collector listed twice would get every record twice', () => {
    const text = withProperty('IpFixCollectors', '["Udp/192.0.2.1:1","Udp/192.0.2.1:1"]');
    expect(linesOf(text)).toEqual([
      `${FILE}:1:55: IpFixCollectors: "Udp/192.0.2.1:1" is listed twice, allowed: once`,
    ]);
  });

  test('unknown and duplicate properties', () => {
    expect(linesOf('{"FlowMetadata":{"Directon":"Both","Zzzzzz":1,"Enabled":true,"Enabled":false}}')).toEqual(
      [
        `${FILE}:1:18: unknown property "Directon" in FlowMetadata (did you mean "Direction"?), allowed: ${PROFILE_PROPERTIES.join(', ')}`,
        `${FILE}:1:36: unknown property "Zzzzzz" in FlowMetadata, allowed: ${PROFILE_PROPERTIES.join(', ')}`,
        `${FILE}:1:62: duplicate property "Enabled" in FlowMetadata, allowed: once`,
      ],
    );
    expect(linesOf('{"FlowMetadata":{},\n "FlowMetadata":{}}')).toEqual([
      `${FILE}:2:2: duplicate property "FlowMetadata", allowed: once`,
    ]);
    expect(linesOf('{"flowMetadata":{}}')).toEqual([
      `${FILE}:1:2: unknown property "flowMetadata" (did you mean "FlowMetadata"?)`,
    ]);
    expect(linesOf(withProperty('__proto__', '1'))[0]).toContain('unknown property "__proto__"');
  });

  test('ActiveTimeout beside an Interval', () => {
    expect(linesOf('{"FlowMetadata":{"Interval":60000,"ActiveTimeout":30000}}')).toEqual([
      `${FILE}:1:35: ActiveTimeout and an Interval other than 0 exclude each other, allowed: one of them`,
    ]);
  });
});

describe('what is not JSON', () => {
  test("the vendor's own slip: a missing comma is named as such", () => {
    const text = `{
  "FlowMetadata": {
    "IpFixCollectors": [ "Udp/192.0.2.1:4739" ],
    "Direction": "Both"
    "Interval": 0
  }
}`;
    expect(linesOf(text)).toEqual([`${FILE}:5:5: missing comma between "Direction" and "Interval"`]);
  });

  test.each([
    [
      '{"FlowMetadata":{"IpFixCollectors":["Udp/192.0.2.1:1" "b"]}}',
      '1:55: missing comma between "Udp/192.0.2.1:1" and "b"',
    ],
    ['{"FlowMetadata":{"Enabled":true,}}', '1:32: trailing comma before }, which JSON does not allow'],
    ['{"FlowMetadata":{"IpFixCollectors":[],"Interfaces":["a",]}}', '1:56: trailing comma before ]'],
    ['// a\n{"FlowMetadata":{}}', '1:1: found a comment, which JSON does not allow'],
    ['{"FlowMetadata":{} /* a */}', '1:20: found a comment, which JSON does not allow'],
    ['', '1:1: missing value: found the end of the file'],
    ['  \n', '2:1: missing value: found the end of the file'],
    ['{', '1:2: missing } at the end of an object: found the end of the file'],
    ['{"FlowMetadata":{}', '1:19: missing } at the end of an object: found the end of the file'],
    ['{"FlowMetadata":}', '1:17: missing value: found }'],
    ['{"FlowMetadata"}', '1:16: missing colon after a property name: found }'],
    ["{'FlowMetadata':{}}", '1:2: '],
    ['{"FlowMetadata":{}} extra', '1:21: '],
    ['{"FlowMetadata":{"Enabled":True}}', '1:28: not a JSON value'],
    ['{"FlowMetadata":{"Direction":"Both}}', '1:30: string without a closing quote'],
    ['{"FlowMetadata":{"Interval":060000}}', '1:29: not a JSON number: a leading zero'],
    ['[]', '1:1: found array [], allowed: an object with the property "FlowMetadata"'],
    ['"x"', '1:1: found "x", allowed: an object'],
    ['{"FlowMetadata":[]}', '1:17: FlowMetadata: found array [], allowed: an object'],
    ['{"FlowMetadata":null}', '1:17: FlowMetadata: found null, allowed: an object'],
  ])('%s', (text, message) => {
    expect(linesOf(text)[0]).toContain(message);
  });

  test('every error of a file is reported, in order', () => {
    const text = `{
  "FlowMetadata": {
    "IpFixCollectors": ["Udp/192.0.2.1:0"],
    "Direction": "Both"
    "Interval": 61000,
    "Enabled": 1,
  }
}`;
    expect(linesOf(text).map((line) => line.split(': ')[0])).toEqual([
      `${FILE}:3:40`,
      `${FILE}:5:5`,
      `${FILE}:5:17`,
      `${FILE}:6:16`,
      `${FILE}:6:17`,
    ]);
  });

  test('lines end as Windows and old Macintosh end them, too', () => {
    expect(linesOf('{\r\n"FlowMetadata":{\r\n"Enabled":1}}')[0]).toContain(`${FILE}:3:11: `);
    expect(linesOf('{\r"FlowMetadata":{\r"Enabled":1}}')[0]).toContain(`${FILE}:3:11: `);
  });

  test('no text makes it throw anything but a UserError', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"FlowMetadata"',
      '"Interval"',
      '1',
      ' ',
    );
    const almostJson = fc.array(fragments, { maxLength: 30 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.string(), almostJson, fc.json()), (text) => {
        for (const line of linesOf(text)) expect(line).toMatch(/^Universe\.profile:\d+:\d+: ./);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('for people', () => {
  const collector = fc
    .tuple(fc.ipV4(), fc.integer({ min: 1, max: 65535 }))
    .filter(([address]) => address !== '0.0.0.0' && address !== '255.255.255.255')
    .map(([address, port]) => `Udp/${address}:${port}`);
  const metadata = fc.record(
    {
      IpFixCollectors: fc.uniqueArray(collector, { maxLength: 5 }),
      Direction: fc.constantFrom(...DIRECTIONS),
      Interval: fc.integer({ min: 0, max: 100 }).map((minutes) => minutes * 60_000),
      Enabled: fc.boolean(),
      IdleTimeout: fc.integer({ min: 1000, max: 86_400_000 }),
      ObservationDomainId: fc.integer({ min: 0, max: 4_294_967_295 }),
      Interfaces: fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 3 }),
      MaxMessageSize: fc.integer({ min: 512, max: 65_507 }),
    },
    { requiredKeys: [] },
  );

  test('the printed profile parses to the same values', () => {
    fc.assert(
      fc.property(metadata, (values) => {
        const profile = parseProfile(JSON.stringify({ FlowMetadata: values }), FILE);
        expect(parseProfile(JSON.stringify(printableProfile(profile), null, 2), FILE)).toEqual(profile);
        expect(describeProfile(profile).split('\n')[0]).toBe(`${FILE}: valid`);
      }),
    );
  });

  test('says what each collector gets, and where messages wait', () => {
    const lines = (metadata: object) =>
      describeProfile(parseProfile(JSON.stringify({ FlowMetadata: metadata }), FILE)).split('\n');
    const entries = [
      'Udp/192.0.2.1:4739',
      { Address: 'Tcp/192.0.2.1:4739', Sampling: { Random: 8 }, Anonymisation: { CryptoPan: '/key' } },
      { Address: 'Udp/192.0.2.2:4739', Anonymisation: { TruncateIPv4: 24, TruncateIPv6: 48 } },
      { Address: 'Udp/192.0.2.3:4739', Times: 'Absolute' },
    ];
    expect(lines({ IpFixCollectors: entries }).slice(2, 7)).toEqual([
      'collector Udp/192.0.2.1:4739 gets every record',
      'collector Tcp/192.0.2.1:4739 gets one record in 8 (random), and every dropped frame, addresses anonymised with the key /key',
      'collector Udp/192.0.2.2:4739 gets every record, addresses cut to 24 (IPv4) and 48 (IPv6) bits',
      'collector Udp/192.0.2.3:4739 gets every record, without system uptimes',
      'while a collector over TCP or TLS is away, messages wait in memory: SpoolDirectory is not set',
    ]);
    expect(lines({ IpFixCollectors: ['Tcp/192.0.2.1:1'], SpoolDirectory: '/spool' })).toContain(
      'while a collector over TCP or TLS is away, messages wait in /spool, at most 1073741824 octets for each',
    );
  });

  test('says what of names, peers, TCP, flowIds and TLS is in force', () => {
    const text = (metadata: object) =>
      describeProfile(parseProfile(JSON.stringify({ FlowMetadata: metadata }), FILE));
    const plain = text({});
    expect(plain).toContain('names: from DNS answers and TLS and QUIC handshakes');
    expect(plain).toContain('TCP performance: round-trip times');
    expect(plain).toContain('flowId by a key of this run: FlowIdKey is not set');
    const full = text({
      IpFixCollectors: [{ Address: 'Tls/c.example:4740', Tls: { ServerName: 'c' } }],
      Tls: { Ca: '/ca.pem', Certificate: '/own.pem', Key: '/own.key' },
      Names: { Dns: false, Tls: false },
      TcpPerformance: false,
      FlowIdKey: 'a secret',
      Peers: ['Tailscale', 'File:/etc/peers.json'],
    });
    expect(full).toContain('trusts a certificate of the name c by the authority /ca.pem, shows /own.pem');
    expect(full).toContain('names: not in records\nTCP performance: not in records\nflowId by FlowIdKey');
    expect(full).toContain(
      'peers: asked of Tailscale (tailscale status --json)\npeers: read from /etc/peers.json',
    );
    expect(full).not.toContain('secret');
  });

  test('says where dropped frames are told', () => {
    const DropSources = [
      { Nflog: 5, Reason: 'AccessControl', PrefixReasons: { 'trust:': 'Trust' } },
      { Pcapng: '/run/overlay' },
    ];
    const text = describeProfile(parseProfile(JSON.stringify({ FlowMetadata: { DropSources } }), FILE));
    expect(text).toContain(
      'dropped frames: NFLOG group 5, reason AccessControl, Trust with the prefix "trust:"',
    );
    expect(text).toContain('dropped frames: pcapng from /run/overlay');
  });

  test('an exporter without a collector says that it is effectively disabled', () => {
    const profile = parseProfile('{}', FILE);
    expect(reasonDisabled(profile)).toBe('effectively disabled: no collector');
    expect(describeProfile(profile)).toContain('effectively disabled: no collector');
    const off: Profile = { ...profile, enabled: false };
    expect(reasonDisabled(off)).toBe('disabled: Enabled is false');
  });
});

describe('loading', () => {
  async function inFolder(check: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-profile-'));
    try {
      await check(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test('is refused where nothing that a profile may be is read to its end', async () => {
    await expect(loadProfile('/dev/zero')).rejects.toThrow(
      '/dev/zero: is too long, allowed: at most 1048576 octets',
    );
    const deep = `{"FlowMetadata":{},\n"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(() => parseProfile(deep, FILE)).toThrow(`${FILE}:2:516: nested too deeply, allowed: 512`);
    const text = JSON.stringify({ '[[[{"': '[{'.repeat(1000), FlowMetadata: { Enabled: false } });
    expect(parseProfile(text, FILE).enabled).toBe(false);
  });

  test('reads a file', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'p.profile');
      await writeFile(path, '{"FlowMetadata":{"Interval":60000}}');
      expect(await loadProfile(path)).toMatchObject({ fileName: path, intervalMs: 60_000 });
    }));

  test('says why a file cannot be read', () =>
    inFolder(async (folder) => {
      const missing = join(folder, 'missing');
      await expect(loadProfile(missing)).rejects.toMatchObject({
        code: 'profile_unreadable',
        exitCode: 2,
        message: `${missing}: no such file; name another with --profile`,
      });
      await expect(loadProfile(folder)).rejects.toThrow('is a folder, allowed: a file');
      const binary = join(folder, 'binary');
      await writeFile(binary, Buffer.from([0xff, 0xfe, 0x7b, 0x00]));
      await expect(loadProfile(binary)).rejects.toThrow('is not UTF-8 text');
      const large = join(folder, 'large');
      await writeFile(large, Buffer.alloc(1_048_577, 0x20));
      await expect(loadProfile(large)).rejects.toThrow('is too long, allowed: at most 1048576 octets');
    }));

  test('the default path is the platform’s', () => {
    expect(defaultProfilePath('linux')).toBe('/etc/weir/profiles/Universe.profile');
    expect(defaultProfilePath('win32')).toBe('C:\\Program Files\\Weir\\Agent\\profiles\\Universe.profile');
  });
});
