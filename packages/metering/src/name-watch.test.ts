import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FlowFields } from './flow-fields.ts';
import { buildFrame } from './frame-builder.ts';
import { LINKTYPE_ETHERNET } from './link-type.ts';
import { createPacketMeter } from './packet-meter.ts';
import { createRows, meterTrace, missing, tshark } from './trace-oracle.test-support.ts';

const addressOf = (fields: FlowFields, end: 'source' | 'destination') =>
  String(fields[`${end}IPv4Address`] ?? fields[`${end}IPv6Address`]);
const serverNameOf = (fields: FlowFields) => fields['remoteServerName'];

/** Names by source address and port, as tshark finds them in first packets of up to one segment. */
function tsharkServerNames(name: string): Map<string, string> {
  const found = new Map<string, string>();
  const fields = ['ip.src', 'ipv6.src', 'tcp.srcport', 'udp.srcport', 'tls.handshake.extensions_server_name'];
  for (const cells of tshark(name, 'tls.handshake.extensions_server_name', fields)) {
    const [source4, source6, tcpPort, udpPort, serverName = ''] = cells;
    const key = `${source4 || source6} ${tcpPort || udpPort}`;
    if (!found.has(key)) found.set(key, serverName.toLowerCase());
  }
  return found;
}

describe.skipIf(missing !== '')(`server names are those that tshark finds${missing}`, () => {
  test.each([
    ['ipfixprobe/inputs/tls.pcap', 10],
    ['arkime/tls13.pcap', 1],
    ['zeek/Traces/tls/chrome-1250-tls-x25519-kyber.pcap', 1],
    ['zeek/Traces/quic/quic_win11_firefox_google.pcap', 1],
    ['zeek/Traces/quic/chromium-115.0.5790.110-google-de-fragmented.pcap', 1],
    ['zeek/Traces/quic/quic-multiple-initial-fragmented-crypto-only-initial.pcap', 1],
    ['nDPI/pcap/1kxun.pcap', 1],
  ])('%s', async (name, atLeast) => {
    const rows = await meterTrace(name, { names: { tls: true } });
    const ours = new Map<string, string>();
    for (const fields of rows) {
      const key = `${addressOf(fields, 'source')} ${fields['sourceTransportPort']}`;
      if (serverNameOf(fields) !== undefined) ours.set(key, String(serverNameOf(fields)));
    }
    const theirs = tsharkServerNames(name);
    expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
    expect(ours.size).toBeGreaterThanOrEqual(atLeast);
  });
});

describe.skipIf(missing !== '')(`QUIC version 2, which tshark 4.0 does not read${missing}`, () => {
  test('the name of the server that a client and a server of the same host agreed on', async () => {
    const rows = await meterTrace('zeek/Traces/quic/quicv2-echo-443.pcap', { names: { tls: true } });
    expect(rows.map((row) => [row['destinationTransportPort'], serverNameOf(row)])).toContainEqual([
      443,
      'localhost',
    ]);
  });
});

describe.skipIf(missing !== '')(`flows have the names that their addresses were told by${missing}`, () => {
  test.each(['PcapPlusPlus/ExamplesTest/pcap_examples/many-protocols.pcap', 'nDPI/pcap/1kxun.pcap'])(
    '%s',
    async (name) => {
      const rows = await meterTrace(name, { names: { dns: true } });
      const answers = new Map<string, { names: Set<string>; firstMs: number }>();
      const fields = ['frame.time_epoch', 'dns.qry.name', 'dns.a', 'dns.aaaa'];
      for (const cells of tshark(name, 'udp.srcport==53 && dns.flags.rcode==0', fields)) {
        const [time, queried = '', ...addresses] = cells;
        for (const address of addresses.flatMap((list) => list.split(',')).filter((text) => text !== '')) {
          const known = answers.get(address) ?? { names: new Set(), firstMs: Number(time) * 1000 };
          known.names.add(queried.toLowerCase());
          answers.set(address, known);
        }
      }
      let named = 0;
      for (const row of rows) {
        const told = [answers.get(addressOf(row, 'source')), answers.get(addressOf(row, 'destination'))];
        const name = row['remoteDnsName'];
        const startMs = Date.parse(String(row['flowStartMilliseconds']));
        if (name !== undefined) {
          named += 1;
          expect(told.some((answer) => answer?.names.has(String(name)))).toBe(true);
        } else {
          expect(told.every((answer) => answer === undefined || answer.firstMs > startMs - 1)).toBe(true);
        }
      }
      expect(named).toBeGreaterThan(10);
    },
  );
});

/** Labels with their lengths, and the root. */
const dnsName = (name: string) => [
  ...name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]),
  0,
];

interface Answer {
  /** Octets of the owner's name; by default a pointer to the question. */
  owner?: number[];
  type: number;
  ttl?: number;
  data: number[];
}

function dnsResponse(question: string, answers: readonly Answer[], flags = 0x8180): number[] {
  const sections = [0, 1, 0, answers.length, 0, 0, 0, 0];
  const header = [0, 1, flags >> 8, flags & 255, ...sections];
  const records = answers.flatMap(({ owner = [0xc0, 12], type, ttl = 300, data }) => [
    ...owner,
    ...[0, type, 0, 1, 0, 0, ttl >> 8, ttl & 255, data.length >> 8, data.length & 255],
    ...data,
  ]);
  return [...header, ...dnsName(question), 0, 1, 0, 1, ...records];
}

/** Frames with payload metered one after the other; gives the rows. */
function meterFrames(frames: readonly { atMs: number; frame: Uint8Array }[], flowsMax = 100): FlowFields[] {
  const { rows, sink } = createRows();
  const meter = createPacketMeter({ flowsMax, names: { dns: true, tls: true } }, sink);
  for (const { atMs, frame } of frames) {
    meter.packet(frame, 0, frame.length, frame.length, atMs, 0, 1, LINKTYPE_ETHERNET);
  }
  meter.flushAll();
  sink.full();
  return rows;
}

const CLIENT = '192.0.2.1';
const SERVER = '203.0.113.9';

function answerFrame(octets: readonly number[], client = CLIENT): Uint8Array {
  const frame = buildFrame({
    source: '192.0.2.53',
    destination: client,
    sourcePort: 53,
    destinationPort: 4000,
    payload: octets.length,
  });
  frame.set(octets, frame.length - octets.length);
  return frame;
}

const flowFrame = (source: string, destination: string) =>
  buildFrame({ source, destination, sourcePort: 50_000, destinationPort: 443, protocol: 6 });

const ADDRESS = { type: 1, data: SERVER.split('.').map(Number) };
const namesOf = (rows: FlowFields[]) => rows.map((row) => row['remoteDnsName']);

describe('DNS answers', () => {
  test('later flows to the address and from it have the name that was asked for', () => {
    const rows = meterFrames([
      { atMs: 0, frame: flowFrame(CLIENT, '203.0.113.8') },
      { atMs: 1, frame: answerFrame(dnsResponse('WWW.Example.org', [ADDRESS])) },
      { atMs: 2, frame: flowFrame(CLIENT, SERVER) },
      { atMs: 3, frame: flowFrame(SERVER, CLIENT) },
    ]);
    expect(namesOf(rows)).toEqual([undefined, undefined, 'www.example.org', 'www.example.org']);
  });

  test('a chain of CNAMEs leads to the address; what it does not lead to is not believed', () => {
    const alias = { type: 5, data: dnsName('cdn.example.net') };
    const owner = dnsName('cdn.example.net');
    const chain = dnsResponse('www.example.org', [alias, { ...ADDRESS, owner }]);
    const stray = dnsResponse('evil.example', [{ ...ADDRESS, owner: dnsName('www.bank.example') }]);
    const flow = { atMs: 2, frame: flowFrame(CLIENT, SERVER) };
    expect(namesOf(meterFrames([{ atMs: 1, frame: answerFrame(chain) }, flow]))[1]).toBe('www.example.org');
    expect(namesOf(meterFrames([{ atMs: 1, frame: answerFrame(stray) }, flow]))[1]).toBeUndefined();
  });

  test('each client has its own names; who asked elsewhere gets the newest', () => {
    const rows = meterFrames([
      { atMs: 1, frame: answerFrame(dnsResponse('one.example', [ADDRESS]), '192.0.2.1') },
      { atMs: 2, frame: answerFrame(dnsResponse('two.example', [ADDRESS]), '192.0.2.2') },
      { atMs: 3, frame: flowFrame('192.0.2.1', SERVER) },
      { atMs: 4, frame: flowFrame('192.0.2.2', SERVER) },
      { atMs: 5, frame: flowFrame('192.0.2.3', SERVER) },
    ]);
    expect(namesOf(rows).slice(2)).toEqual(['one.example', 'two.example', 'two.example']);
  });

  test('a name lives as long as its TTL, but a minute at least', () => {
    const answer = (ttl: number) => answerFrame(dnsResponse('a.example', [{ ...ADDRESS, ttl }]));
    const at = (ttl: number, atMs: number) =>
      namesOf(
        meterFrames([
          { atMs: 0, frame: answer(ttl) },
          { atMs, frame: flowFrame(CLIENT, SERVER) },
        ]),
      )[1];
    expect(at(1, 59_000)).toBe('a.example');
    expect(at(1, 61_000)).toBeUndefined();
    expect(at(300, 299_000)).toBe('a.example');
    expect(at(300, 301_000)).toBeUndefined();
  });

  test('over TCP are read where one segment holds them', () => {
    const overTcp = (octets: readonly number[]) => {
      const framed = [octets.length >> 8, octets.length & 255, ...octets];
      const frame = buildFrame({
        source: '192.0.2.53',
        destination: CLIENT,
        sourcePort: 53,
        destinationPort: 4000,
        protocol: 6,
        payload: framed.length,
      });
      frame.set(framed, frame.length - framed.length);
      return frame;
    };
    const [, row] = meterFrames([
      { atMs: 0, frame: overTcp(WHOLE_RESPONSE) },
      { atMs: 1, frame: flowFrame(CLIENT, SERVER) },
    ]);
    expect(row?.['remoteDnsName']).toBe('a.example');
    const cut = overTcp(WHOLE_RESPONSE).slice(0, -1);
    const rows = meterFrames([
      { atMs: 0, frame: cut },
      { atMs: 1, frame: flowFrame(CLIENT, SERVER) },
    ]);
    expect(namesOf(rows)[1]).toBeUndefined();
  });

  test('failures, questions, loops and cut off answers give nothing', () => {
    const whole = dnsResponse('a.example', [ADDRESS]);
    const loop = dnsResponse('a.example', [{ ...ADDRESS, owner: [0xc0, 27] }]);
    const bad = [
      dnsResponse('a.example', [ADDRESS], 0x8183),
      dnsResponse('a.example', [ADDRESS], 0x0100),
      loop,
    ];
    for (let length = 0; length < whole.length; length += 1) bad.push(whole.slice(0, length));
    for (const octets of bad) {
      const frames = [
        { atMs: 0, frame: answerFrame(octets) },
        { atMs: 1, frame: flowFrame(CLIENT, SERVER) },
      ];
      expect(namesOf(meterFrames(frames))[1]).toBeUndefined();
    }
  });
});

/** A ClientHello in a TLS record with only a server name. */
function clientHello(name: Uint8Array): number[] {
  const word = (value: number) => [value >> 8, value & 255];
  const list = [0, ...word(name.length), ...name];
  const extension = [0, 0, ...word(list.length + 2), ...word(list.length), ...list];
  const body = [3, 3, ...new Array<number>(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0, ...word(extension.length)];
  const hello = [...body, ...extension];
  return [22, 3, 1, ...word(hello.length + 4), 1, 0, ...word(hello.length), ...hello];
}

/** A ClientHello whose server name comes after a key share of `keyShareOctets`. */
function longHello(name: string, keyShareOctets: number): number[] {
  const short = clientHello(new TextEncoder().encode(name));
  const extensionsAt = 5 + 4 + 2 + 32 + 1 + 4 + 2;
  const extensions = short.slice(extensionsAt + 2);
  const word = (value: number) => [value >> 8, value & 255];
  const keyShare = [0, 51, ...word(keyShareOctets), ...new Array<number>(keyShareOctets).fill(9)];
  const hello = [
    ...short.slice(9, extensionsAt),
    ...word(keyShare.length + extensions.length),
    ...keyShare,
    ...extensions,
  ];
  return [22, 3, 1, ...word(hello.length + 4), 1, 0, ...word(hello.length), ...hello];
}

const WHOLE_HELLO = clientHello(new TextEncoder().encode('example.org'));
const WHOLE_RESPONSE = dnsResponse('a.example', [ADDRESS]);

function changed(octets: readonly number[], at: number, octet: number): Uint8Array {
  const copy = Uint8Array.from(octets);
  copy[at % copy.length] = octet;
  return copy;
}

function helloRow(name: Uint8Array, cutOff = 0): FlowFields | undefined {
  const octets = clientHello(name);
  const frame = buildFrame({ protocol: 6, destinationPort: 8443, payload: octets.length });
  frame.set(octets, frame.length - octets.length);
  return meterFrames([{ atMs: 0, frame: frame.subarray(0, frame.length - cutOff) }])[0];
}

describe('server names', () => {
  const text = (value: string) => new TextEncoder().encode(value);

  test('are read on any port, in small letters', () => {
    expect(helloRow(text('Shop.Example.ORG'))?.['remoteServerName']).toBe('shop.example.org');
  });

  test('that are cut off are not there', () => {
    expect(helloRow(text('example.org'), 1)?.['remoteServerName']).toBeUndefined();
  });

  test('that are hostile become valid UTF-8 of at most 255 octets', () => {
    const hostile = helloRow(Uint8Array.of(0x1b, 0x5b, 0x41, 0xff, 0x0a, 0x42))?.['remoteServerName'];
    expect(hostile).toBe('\ufffd[a\ufffd\ufffdb');
    const long = String(helloRow(text('ä'.repeat(400)))?.['remoteServerName']);
    expect(long).toBe('ä'.repeat(127));
    expect(helloRow(text('\u202eexe.cod'))?.['remoteServerName']).toBe('\ufffdexe.cod');
    expect(helloRow(text('x'.repeat(255)))?.['remoteServerName']).toBe('x'.repeat(255));
  });

  /** A hello with its server name behind a key share of ML-KEM, in segments that begin at `cuts`, each with its time. */
  function segments(cuts: readonly number[], atMs: readonly number[], sequence = 0xffff_fff0) {
    const octets = longHello('far.example.org', 1300);
    return cuts.map((from, index) => {
      const part = octets.slice(from, cuts.filter((cut) => cut > from).sort((a, b) => a - b)[0]);
      const frame = buildFrame({
        protocol: 6,
        sourcePort: 50_000,
        destinationPort: 443,
        payload: part.length,
      });
      frame.set(part, frame.length - part.length);
      new DataView(frame.buffer, frame.byteOffset).setUint32(14 + 20 + 4, (sequence + from) >>> 0);
      return { atMs: atMs[index] ?? 0, frame };
    });
  }
  const nameOf = (frames: ReturnType<typeof segments>) => meterFrames(frames)[0]?.['remoteServerName'];

  test('are found in hellos of several segments, whatever order those behind the first come in', () => {
    expect(nameOf(segments([0, 700], [0, 1]))).toBe('far.example.org');
    expect(nameOf(segments([0, 1200, 400], [0, 1, 2]))).toBe('far.example.org');
    expect(nameOf(segments([0, 6, 100], [0, 3999, 3999]))).toBe('far.example.org');
    expect(nameOf(segments([0, 1200], [0, 1]).slice(0, 1))).toBeUndefined();
    expect(nameOf(segments([0, 700], [0, 4001]))).toBeUndefined();
    const [first, second] = segments([0, 700], [0, 1]);
    const otherFlow = segments([0, 700], [0, 1])[1];
    new DataView(otherFlow!.frame.buffer).setUint16(14 + 20, 50_001);
    expect(nameOf([first!, otherFlow!])).toBeUndefined();
    expect(nameOf([first!, first!, second!])).toBe('far.example.org');
  });

  test('are awaited for so many flows, of which the oldest goes first', () => {
    const begun = Array.from({ length: 257 }, (_, index) => {
      const [first, second] = segments([0, 700], [0, 1]);
      for (const { frame } of [first!, second!]) new DataView(frame.buffer).setUint16(14 + 20, 1000 + index);
      return [first!, second!] as const;
    });
    const all = [...begun.map(([first]) => first), ...begun.map(([, second]) => second)];
    const rows = meterFrames(all, 1000);
    const nameless = rows.filter((row) => row['remoteServerName'] === undefined);
    expect(nameless.map((row) => row['sourceTransportPort'])).toEqual([1000]);
  });

  test('are looked for within a budget a second, and what is over it is counted', () => {
    const octets = clientHello(text('example.org'));
    const { sink } = createRows();
    const meter = createPacketMeter({ flowsMax: 1000, names: { tls: true } }, sink);
    const frame = buildFrame({ protocol: 6, payload: octets.length });
    frame.set(octets, frame.length - octets.length);
    for (let count = 0; count < 20_500; count += 1) {
      meter.packet(frame, 0, frame.length, frame.length, 5000, 0, 1, LINKTYPE_ETHERNET);
    }
    expect(meter.counters().names).toMatchObject({ tlsHellos: 20_000, overBudget: 500 });
  });
});

describe('hostile octets', () => {
  /** Payloads that begin as something that is looked at, and what comes after that. */
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((rest) => ({ port: 53, protocol: 17, octets: rest })),
    fc
      .tuple(fc.nat(80), fc.integer({ min: 0, max: 255 }))
      .map(([at, octet]) => ({ port: 53, protocol: 17, octets: changed(WHOLE_RESPONSE, at, octet) })),
    fc
      .tuple(fc.nat(80), fc.integer({ min: 0, max: 255 }))
      .map(([at, octet]) => ({ port: 443, protocol: 6, octets: changed(WHOLE_HELLO, at, octet) })),
    fc
      .uint8Array({ minLength: 1200, maxLength: 1300 })
      .map((rest) => ({ port: 443, protocol: 17, octets: changed([0xc0, 0, 0, 0, 1, ...rest], 5, 8) })),
  );

  test('never throw, whatever they are and wherever they are cut off', () => {
    fc.assert(
      fc.property(payload, fc.nat(1300), ({ port, protocol, octets }, cutOff) => {
        const frame = buildFrame({ protocol, sourcePort: port, payload: octets.length });
        frame.set(octets, frame.length - octets.length);
        meterFrames([{ atMs: 0, frame: frame.subarray(0, Math.max(14, frame.length - (cutOff % 200))) }]);
      }),
      { numRuns: 500 },
    );
  });
});
