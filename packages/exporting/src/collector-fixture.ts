/** A collector without a network, for this package's tests: it reads what the exporter says as RFC 7011 has it. */
import type { CollectorAddress } from './collector-address.ts';
import type { MessageTransport, SendDone } from './udp-transport.ts';

interface ReceivedSet {
  readonly setId: number;
  readonly octets: number;
  /** Template IDs of a Template Set or Options Template Set. */
  readonly templateIds: readonly number[];
}

interface ReceivedMessage {
  readonly exportTime: number;
  readonly sequenceNumber: number;
  readonly observationDomainId: number;
  readonly octets: number;
  readonly sets: readonly ReceivedSet[];
}

export interface CollectorFixture {
  readonly transport: MessageTransport;
  /** Whole messages, in order of arrival. */
  readonly datagrams: Uint8Array[];
  readonly messages: ReceivedMessage[];
  /** Sends are done at once, or kept until `release`. */
  keeps: boolean;
  release(): void;
  /** The error of the next sends, which then do not arrive. */
  readonly sendErrors: Error[];
  /** The error of the next `open`. */
  readonly openErrors: Error[];
  opened: number;
  closed: number;
  payloadOctetsMax: number;
  /** What `hasMoved` says, once. */
  hasMoved: boolean;
}

export function createCollectorFixture(): CollectorFixture {
  const kept: SendDone[] = [];
  const fixture: CollectorFixture = {
    datagrams: [],
    messages: [],
    keeps: false,
    sendErrors: [],
    openErrors: [],
    opened: 0,
    closed: 0,
    payloadOctetsMax: 1400,
    hasMoved: false,
    release() {
      for (const done of kept.splice(0)) done(undefined);
    },
    transport: {
      onRefused: () => {},
      payloadOctetsMax: () => fixture.payloadOctetsMax,
      async hasMoved() {
        const { hasMoved } = fixture;
        fixture.hasMoved = false;
        return hasMoved;
      },
      async open() {
        fixture.opened += 1;
        const error = fixture.openErrors.shift();
        if (error !== undefined) throw error;
        return {
          protocol: 17,
          localAddress: '192.0.2.1',
          localPort: 40_000,
          remoteAddress: '192.0.2.2',
          remotePort: 1,
        };
      },
      send(bytes, offset, length, done) {
        const error = fixture.sendErrors.shift();
        if (error !== undefined) {
          done(error);
          return;
        }
        const datagram = bytes.slice(offset, offset + length);
        fixture.datagrams.push(datagram);
        fixture.messages.push(readMessage(datagram));
        if (fixture.keeps) kept.push(done);
        else done(undefined);
      },
      async close() {
        fixture.closed += 1;
        for (const done of kept.splice(0)) done(new Error('closed'));
      },
    },
  };
  return fixture;
}

/** Gives each collector of a profile the fixture of the same position. */
export function transportsOf(
  fixtures: readonly CollectorFixture[],
): (address: CollectorAddress) => MessageTransport {
  let next = 0;
  return () => {
    const fixture = fixtures[next];
    next += 1;
    if (fixture === undefined) throw new RangeError('more collectors than fixtures');
    return fixture.transport;
  };
}

function readMessage(bytes: Uint8Array): ReceivedMessage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sets: ReceivedSet[] = [];
  for (let at = 16; at < bytes.length; at += view.getUint16(at + 2)) {
    const setId = view.getUint16(at);
    const octets = view.getUint16(at + 2);
    sets.push({ setId, octets, templateIds: readTemplateIds(view, setId, at + 4, at + octets) });
  }
  return {
    exportTime: view.getUint32(4),
    sequenceNumber: view.getUint32(8),
    observationDomainId: view.getUint32(12),
    octets: view.getUint16(2),
    sets,
  };
}

function readTemplateIds(view: DataView, setId: number, from: number, to: number): number[] {
  const ids: number[] = [];
  if (setId !== 2 && setId !== 3) return ids;
  let at = from;
  while (at < to) {
    ids.push(view.getUint16(at));
    const fieldCount = view.getUint16(at + 2);
    at += setId === 3 ? 6 : 4;
    for (let field = 0; field < fieldCount; field += 1) at += (view.getUint16(at) & 0x8000) === 0 ? 4 : 8;
  }
  return ids;
}
