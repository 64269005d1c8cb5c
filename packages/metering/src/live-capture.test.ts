import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createBufferSender, createManualClock, receiveBuffers, UserError } from '@weir/base';
import type { OnPacket, PacketRing } from '@weir/host';
import { type FlowBatchNote, flowBatchOctets, isPresent, u64AsNumber, viewFlowBatch } from '@weir/ipfix';
import { afterEach, describe, expect, test } from 'vitest';
import { BatchOutlet } from './batch-outlet.ts';
import { buildFrame } from './frame-builder.ts';
import { LiveCapture } from './live-capture.ts';

const ROWS = 64;

interface Row {
  source: string;
  domain: number;
  srcPort: number | undefined;
  packets: number;
  endReason: number | undefined;
  inIf: number | undefined;
  outIf: number | undefined;
}

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A ring that gives out what the test put into it. */
class FakeRing implements PacketRing {
  readonly linkType = 1;
  readonly ringOctets = 0;
  readonly queue: { frame: Uint8Array; direction: number }[] = [];
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  readonly #nowMs: () => number;
  isGone = false;
  snapLength = 0;
  isClosed = false;
  /** More takes another ring. */
  snapLengthMax = Number.POSITIVE_INFINITY;
  waits: number[] = [];
  #packets = 0;

  constructor(interfaceName: string, interfaceIndex: number, nowMs: () => number) {
    this.interfaceName = interfaceName;
    this.interfaceIndex = interfaceIndex;
    this.#nowMs = nowMs;
  }

  poll(timeoutMs: number, onPacket: OnPacket): number {
    this.waits.push(timeoutMs);
    return this.drain(onPacket);
  }

  drain(onPacket: OnPacket): number {
    const given = this.queue.splice(0);
    for (const { frame, direction } of given) {
      onPacket(frame, 0, frame.length, frame.length, this.#nowMs(), direction);
    }
    this.#packets += given.length;
    return given.length;
  }

  setSnapLength(octets: number): boolean {
    if (octets > this.snapLengthMax) return false;
    this.snapLength = octets;
    return true;
  }

  state() {
    return this.isGone ? ('gone' as const) : ('up' as const);
  }

  statistics() {
    return { packets: this.#packets, kernelDrops: 2, kernelFreezes: 0, notIp: 0, blocks: 0 };
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A capture on fake rings; the consumer takes batches only when `consume` is called. */
function createFixture(interfaces: string[], batches = 4, awaitsInterfaces = false) {
  const clock = createManualClock();
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const rings: FakeRing[] = [];
  const absent = new Set(['missing']);
  const rows: Row[] = [];
  const outlet = new BatchOutlet(
    createBufferSender<FlowBatchNote>(port1, batches, flowBatchOctets(ROWS)),
    ROWS,
  );
  const capture = new LiveCapture(
    interfaces,
    { idleTimeoutMs: 1000, activeTimeoutMs: 0, flowsMax: 1000 },
    {
      clock,
      outlet,
      awaitsInterfaces,
      openRing: (name) => {
        if (absent.has(name)) throw new UserError('interface_unknown', 'there is none of this name');
        const ring = new FakeRing(name, rings.length + 1, clock.nowMs);
        rings.push(ring);
        return ring;
      },
    },
  );
  const consume = () =>
    receiveBuffers<FlowBatchNote>(
      port2,
      async (buffer, note) => {
        const batch = viewFlowBatch(buffer, note);
        for (let row = 0; row < batch.rowCount; row += 1) {
          const { columns } = batch;
          const exporter = batch.exporters[columns.exporter[row] as number];
          rows.push({
            source: exporter?.source ?? '',
            domain: exporter?.observationDomainId ?? -1,
            srcPort: columns.srcPort[row],
            packets: u64AsNumber(columns.packets, row),
            endReason: columns.endReason[row],
            inIf: isPresent(batch, 'inIf', row) ? columns.inIf[row] : undefined,
            outIf: isPresent(batch, 'outIf', row) ? columns.outIf[row] : undefined,
          });
        }
      },
      rethrow,
    );
  const put = (ring: number, sourcePort: number, direction = 0) =>
    rings[ring]?.queue.push({ frame: buildFrame({ sourcePort }), direction });
  return { clock, outlet, capture, rings, rows, consume, put, absent };
}

const rethrow = (error: unknown) => {
  throw error;
};

describe('LiveCapture', () => {
  test('rows say which interface, which way, and who exported', async () => {
    const { capture, rows, consume, put } = createFixture(['eth0', 'eth1']);
    consume();
    put(0, 1, 0);
    put(1, 2, 1);
    put(1, 2, 1);
    capture.turn();
    await capture.finish();
    expect(rows).toEqual([
      { source: 'eth0', domain: 1, srcPort: 1, packets: 1, endReason: 4, inIf: 1, outIf: undefined },
      { source: 'eth1', domain: 2, srcPort: 2, packets: 2, endReason: 4, inIf: undefined, outIf: 2 },
    ]);
    expect(capture.status()).toMatchObject({
      interfaces: [
        { name: 'eth0', packets: 1, kernelDrops: 2 },
        { name: 'eth1', packets: 2 },
      ],
      meter: { packets: 3, records: 2, flowsHeld: 0 },
      outlet: { recordsSent: 2, recordsLost: 0, batchesSent: 1 },
    });
  });

  test('idle flows are sent 200 ms after they were written, with no packet to drive it', () => {
    const { clock, capture, outlet, put } = createFixture(['eth0']);
    put(0, 1);
    capture.turn();
    clock.advance(1000);
    capture.turn();
    expect(outlet.batch.rowCount).toBe(1);
    clock.advance(199);
    capture.turn();
    expect(outlet.counters.recordsSent).toBe(0);
    clock.advance(1);
    capture.turn();
    expect(outlet.counters.recordsSent).toBe(1);
  });

  test('a turn waits only when there was nothing to do, on one ring at a time', () => {
    const { capture, rings, put } = createFixture(['eth0', 'eth1']);
    put(0, 1);
    capture.turn();
    expect(rings.map(({ waits }) => waits)).toEqual([[0], [0]]);
    capture.turn();
    capture.turn();
    expect(rings.map(({ waits }) => waits)).toEqual([
      [0, 0, 20, 0],
      [0, 0, 0, 20],
    ]);
  });

  test('a consumer that stands still stops expiry, not metering, and nothing is lost', async () => {
    const { clock, capture, rows, consume, put } = createFixture(['eth0'], 2);
    for (let port = 1; port <= 300; port += 1) put(0, port);
    capture.turn();
    clock.advance(1000);
    for (let turn = 0; turn < 20; turn += 1) capture.turn();
    const held = capture.status().meter.flowsHeld;
    expect(held).toBeGreaterThan(300 - 3 * ROWS);
    consume();
    await capture.finish();
    expect(rows).toHaveLength(300);
    expect(capture.status().outlet).toMatchObject({ recordsSent: 300, recordsLost: 0 });
  });

  test('what must leave a full cache while the consumer stands still is counted as lost', async () => {
    const { capture, rows, consume, put } = createFixture(['eth0'], 2);
    for (let port = 1; port <= 1500; port += 1) put(0, port);
    capture.turn();
    consume();
    await capture.finish();
    const { recordsSent, recordsLost, packetsLost, octetsLost } = capture.status().outlet;
    expect(recordsSent + recordsLost).toBe(1500);
    expect(rows).toHaveLength(recordsSent);
    expect(recordsLost).toBeGreaterThan(0);
    expect(packetsLost).toBe(recordsLost);
    expect(octetsLost).toBe(recordsLost * 28);
  });

  test('an interface that went away is looked for again', () => {
    const { clock, capture, rings, put } = createFixture(['eth0']);
    put(0, 1);
    capture.turn();
    (rings[0] as FakeRing).isGone = true;
    capture.turn();
    expect(rings[0]?.isClosed).toBe(true);
    expect(capture.status().interfaces).toEqual([
      { name: 'eth0', interfaceIndex: 0, state: 'gone', packets: 1, kernelDrops: 2 },
    ]);
    clock.advance(5000);
    capture.turn();
    put(1, 1);
    capture.turn();
    expect(capture.status().interfaces).toEqual([
      { name: 'eth0', interfaceIndex: 2, state: 'up', packets: 2, kernelDrops: 4 },
    ]);
  });

  test('an interface that is not there yet is waited for where that is asked for, without a busy turn', () => {
    const { capture, clock, rings, absent } = createFixture(['missing'], 4, true);
    expect(capture.turn()).toBe(false);
    expect(capture.status().interfaces[0]).toMatchObject({ state: 'gone', interfaceIndex: 0 });
    absent.clear();
    expect(capture.turn()).toBe(false);
    expect(rings).toHaveLength(0);
    clock.advance(5000);
    capture.turn();
    expect(capture.status().interfaces[0]).toMatchObject({ name: 'missing', state: 'up' });
    expect(capture.turn()).toBe(true);
  });

  test('one that went away leaves nothing to wait for, and the others are waited for all the longer', () => {
    const { capture, rings } = createFixture(['eth0', 'eth1']);
    const [first, second] = rings;
    if (first !== undefined) first.isGone = true;
    for (let turn = 0; turn < 4; turn += 1) capture.turn();
    expect(second?.waits.filter((timeoutMs) => timeoutMs > 0)).toEqual([40, 40, 40, 40]);
    if (second !== undefined) second.isGone = true;
    capture.turn();
    expect(capture.turn()).toBe(false);
  });

  test('other interfaces and timeouts take effect at once, and no flow ends for them', async () => {
    const { clock, capture, rings, rows, consume, put } = createFixture(['eth0', 'eth1']);
    consume();
    put(0, 1);
    put(1, 2);
    capture.turn();
    put(0, 1);
    capture.setInterfaces(['eth1', 'eth2']);
    expect(rings.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
    expect(capture.status().interfaces.map(({ name }) => name)).toEqual(['eth1', 'eth2']);
    capture.meter.setTimeouts(5000, 0);
    clock.advance(4999);
    put(1, 2);
    put(2, 3);
    capture.turn();
    expect(capture.status().meter).toMatchObject({ flowsHeld: 3, records: 0, packets: 5 });
    clock.advance(1);
    capture.turn();
    capture.meter.setTimeouts(5000, 1000);
    clock.advance(1000);
    capture.turn();
    await capture.finish();
    expect(rows.map(({ srcPort, packets, endReason }) => [srcPort, packets, endReason])).toEqual([
      [1, 2, 1],
      [2, 2, 2],
      [3, 1, 2],
    ]);
  });

  test('begins anew with other options, with each packet in exactly one of the two meters', async () => {
    const { capture, rings, rows, consume, put, clock } = createFixture(['eth0', 'eth1']);
    consume();
    capture.exclude([{ protocol: 17, localPort: 9 }]);
    put(0, 1);
    put(1, 2);
    capture.turn();
    put(0, 1);
    put(1, 1);
    const ring = rings[1] as FakeRing;
    ring.snapLengthMax = 256;
    await capture.renew({ idleTimeoutMs: 1000, activeTimeoutMs: 0, flowsMax: 1000, snapLength: 1600 });
    expect(rings.map(({ isClosed, snapLength }) => [isClosed, snapLength])).toEqual([
      [false, 1600],
      [true, 0],
      [false, 0],
    ]);
    put(2, 2);
    put(2, 9);
    capture.turn();
    expect(capture.status().meter).toMatchObject({ flowsHeld: 3, packets: 6, flowsStarted: 6, records: 3 });
    clock.advance(1000);
    await capture.finish();
    expect(rows.map(({ srcPort, packets, endReason }) => [srcPort, packets, endReason])).toEqual([
      [1, 1, 4],
      [2, 1, 4],
      [1, 1, 4],
      [1, 1, 1],
      [2, 1, 1],
    ]);
    expect(capture.status().meter).toMatchObject({ recordsExcluded: 1, records: 5, flowsHeld: 0 });
  });

  test('an interface that cannot be opened leaves those that are metered as they are', () => {
    const { capture, rings } = createFixture(['eth0']);
    expect(() => capture.setInterfaces(['eth1', 'missing'])).toThrow('there is none of this name');
    expect(rings.map(({ isClosed }) => isClosed)).toEqual([false, true]);
    expect(capture.status().interfaces).toMatchObject([{ name: 'eth0', state: 'up' }]);
  });

  test('a ring that cannot be opened leaves none open', () => {
    expect(() => createFixture(['eth0', 'missing'])).toThrow('there is none of this name');
  });
});
