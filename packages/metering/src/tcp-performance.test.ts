import { describe, expect, test } from 'vitest';
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN } from './tcp.ts';
import { TcpPerformance } from './tcp-performance.ts';

interface Given {
  /** From the server; else from the client. */
  server?: boolean;
  seq: number;
  ack?: number;
  bits?: number;
  window?: number;
  octets?: number;
  atMs: number;
}

/** A connection of two states; `see` feeds segments, `client` and `server` tell the counts. */
function createConnection() {
  const tcp = new TcpPerformance(10);
  const client = tcp.begin(0);
  const server = tcp.begin(client);
  const countsOf = (state: number) => [
    tcp.retransmittedPackets(state),
    tcp.outOfOrderPackets(state),
    tcp.zeroWindowPackets(state),
  ];
  return {
    tcp,
    clientState: client,
    serverState: server,
    see(...segments: Given[]) {
      for (const {
        server: isServer = false,
        seq,
        ack,
        bits = 0,
        window = 1000,
        octets = 0,
        atMs,
      } of segments) {
        tcp.observe(isServer ? server : client, {
          sequence: seq | 0,
          acknowledgment: (ack ?? 0) | 0,
          controlBits: bits | (ack === undefined ? 0 : TCP_ACK),
          window,
          payloadOctets: octets,
          timestampMs: atMs,
        });
      }
    },
    client: () => countsOf(client),
    server: () => countsOf(server),
    roundTrips: (state: number) => [
      tcp.clientRoundTripMicroseconds(state),
      tcp.serverRoundTripMicroseconds(state),
    ],
  };
}

const HANDSHAKE: Given[] = [
  { seq: 99, bits: TCP_SYN, atMs: 0 },
  { server: true, seq: 499, ack: 100, bits: TCP_SYN, atMs: 20 },
  { seq: 100, ack: 500, atMs: 25 },
];

describe('the handshake', () => {
  test('its round trip is split at the metering point, and both directions know both parts', () => {
    const { see, roundTrips, clientState, serverState } = createConnection();
    see(...HANDSHAKE);
    expect(roundTrips(clientState)).toEqual([5000, 20_000]);
    expect(roundTrips(serverState)).toEqual([5000, 20_000]);
  });

  test('a repeated SYN counts as retransmitted, and the time runs from the last', () => {
    const { see, roundTrips, clientState, client, server } = createConnection();
    see(
      { seq: 99, bits: TCP_SYN, atMs: 0 },
      { seq: 99, bits: TCP_SYN, atMs: 1000 },
      { server: true, seq: 499, ack: 100, bits: TCP_SYN, atMs: 1030 },
      { server: true, seq: 499, ack: 100, bits: TCP_SYN, atMs: 1031 },
      { seq: 100, ack: 500, atMs: 1040 },
    );
    expect(client()).toEqual([1, 0, 0]);
    expect(server()).toEqual([1, 0, 0]);
    expect(roundTrips(clientState)).toEqual([9000, 30_000]);
  });

  test('nothing is made up where one direction, the SYN or the ACK was not seen', () => {
    const { see, roundTrips, clientState } = createConnection();
    see(
      { seq: 99, bits: TCP_SYN, atMs: 0 },
      { server: true, seq: 499, ack: 77, bits: TCP_SYN, atMs: 20 },
      { seq: 100, ack: 900, atMs: 25 },
    );
    expect(roundTrips(clientState)).toEqual([-1, -1]);
  });

  test('a SYN with data may be acknowledged with it', () => {
    const { see, roundTrips, clientState } = createConnection();
    see(
      { seq: 99, bits: TCP_SYN, octets: 10, atMs: 0 },
      { server: true, seq: 499, ack: 110, bits: TCP_SYN, atMs: 20 },
    );
    expect(roundTrips(clientState)).toEqual([-1, 20_000]);
  });

  test('another connection on the same ports begins anew', () => {
    const { see, client, roundTrips, clientState } = createConnection();
    see(...HANDSHAKE, { seq: 100, ack: 500, octets: 100, atMs: 30 });
    see({ seq: 7, bits: TCP_SYN, atMs: 1000 });
    expect(client()).toEqual([0, 0, 0]);
    expect(roundTrips(clientState)).toEqual([-1, -1]);
  });
});

describe('segments', () => {
  test('data sent again is retransmitted, data that was overtaken is out of order', () => {
    const { see, client } = createConnection();
    see(
      ...HANDSHAKE,
      { seq: 100, ack: 500, octets: 100, atMs: 30 },
      { seq: 300, ack: 500, octets: 100, atMs: 31 },
      { seq: 200, ack: 500, octets: 100, atMs: 32 },
      { seq: 100, ack: 500, octets: 100, atMs: 300 },
    );
    expect(client()).toEqual([1, 1, 0]);
  });

  test('what duplicate ACKs asked for is retransmitted, however soon it comes', () => {
    const { see, client } = createConnection();
    const duplicate = { server: true, seq: 500, ack: 200, atMs: 33 };
    see(
      ...HANDSHAKE,
      { seq: 100, ack: 500, octets: 100, atMs: 30 },
      { seq: 300, ack: 500, octets: 100, atMs: 31 },
      ...[duplicate, duplicate, duplicate],
      { seq: 200, ack: 500, octets: 100, atMs: 34 },
    );
    expect(client()).toEqual([1, 0, 0]);
  });

  test('sequence numbers wrap', () => {
    const { see, client } = createConnection();
    see(
      { seq: 0xffffff00, ack: 1, octets: 0x100, atMs: 0 },
      { seq: 0, ack: 1, octets: 0x100, atMs: 10 },
      { seq: 0x100, ack: 1, octets: 0x100, atMs: 20 },
      { seq: 0xffffff00, ack: 1, octets: 0x100, atMs: 100 },
    );
    expect(client()).toEqual([1, 0, 0]);
  });

  test('keep-alives and pure acknowledgments are neither', () => {
    const { see, client } = createConnection();
    see(
      ...HANDSHAKE,
      { seq: 100, ack: 500, octets: 100, atMs: 30 },
      { seq: 199, ack: 500, octets: 1, atMs: 10_000 },
      { seq: 199, ack: 500, atMs: 20_000 },
      { seq: 150, ack: 500, atMs: 20_001 },
    );
    expect(client()).toEqual([0, 0, 0]);
  });

  test('closed windows are counted, probes of them and the end of a connection are not', () => {
    const { see, client, server } = createConnection();
    see(
      ...HANDSHAKE,
      { server: true, seq: 500, ack: 100, window: 0, atMs: 30 },
      { server: true, seq: 500, ack: 100, window: 0, atMs: 40 },
      { seq: 100, ack: 500, octets: 1, atMs: 50 },
      { seq: 100, ack: 500, octets: 1, atMs: 60 },
      { server: true, seq: 500, ack: 100, bits: TCP_RST, window: 0, atMs: 70 },
      { seq: 100, ack: 500, bits: TCP_FIN, window: 0, atMs: 80 },
    );
    expect(server()).toEqual([0, 0, 2]);
    expect(client()).toEqual([0, 0, 0]);
  });

  test('an interim record begins the counts anew and nothing else', () => {
    const { see, client, tcp, clientState, roundTrips } = createConnection();
    see(...HANDSHAKE, { seq: 100, ack: 500, octets: 100, atMs: 30 });
    see({ seq: 100, ack: 500, octets: 100, atMs: 300 });
    tcp.restart(clientState);
    expect(client()).toEqual([0, 0, 0]);
    see({ seq: 100, ack: 500, octets: 100, atMs: 900 });
    expect(client()).toEqual([1, 0, 0]);
    expect(roundTrips(clientState)).toEqual([5000, 20_000]);
  });
});

test('a state that ended is given out again, empty, and its peer forgets it', () => {
  const { tcp, clientState, serverState, see } = createConnection();
  see(...HANDSHAKE);
  tcp.end(clientState);
  const again = tcp.begin(0);
  expect(again).toBe(clientState);
  expect(tcp.clientRoundTripMicroseconds(again)).toBe(-1);
  see({ server: true, seq: 499, ack: 100, bits: TCP_SYN, atMs: 2000 });
  expect(tcp.serverRoundTripMicroseconds(serverState)).toBe(20_000);
});
