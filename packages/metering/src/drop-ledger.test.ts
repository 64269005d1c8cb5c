import { clearFlowBatch, createFlowBatch, type FlowColumnName, isPresent, u64AsBigInt } from '@weir/ipfix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DropLedger, type DropLedgerOptions, type DroppedFrame } from './drop-ledger.ts';
import { RULE_NAMES_MAX } from './drop-rule-names.ts';
import { type DroppedRow, droppedRows } from './dropped-row.ts';
import { buildIpv4, buildIpv6, type FrameDescription } from './frame-builder.ts';
import { LINKTYPE_RAW } from './link-type.ts';
import { createPacketMeter } from './packet-meter.ts';

const NOW = 1_700_000_000_000;

/** A ledger that writes into batches of `rows`; `rows()` takes what was written so far. */
function createFixture(options: Partial<DropLedgerOptions> = {}, capacity = 64) {
  const batch = createFlowBatch(capacity);
  const taken: DroppedRow[] = [];
  const sink = {
    batch,
    full() {
      taken.push(...droppedRows(batch));
      clearFlowBatch(batch);
      return batch;
    },
  };
  const exporterOf = (index: number) => identityOf(index);
  const ledger = new DropLedger({ exporterOf, seed: 7, ...options }, sink);
  const rows = () => {
    sink.full();
    return taken.splice(0);
  };
  return { ledger, rows };
}

const identities = new Map<number, ReturnType<typeof newIdentity>>();
const newIdentity = (index: number) => ({
  address: 'local',
  observationDomainId: index,
  source: `if${index}`,
  version: 0,
});
function identityOf(index: number) {
  const known = identities.get(index) ?? newIdentity(index);
  identities.set(index, known);
  return known;
}

function frameOf(packet: Uint8Array, overrides: Partial<DroppedFrame> = {}): DroppedFrame {
  return {
    bytes: packet,
    offset: 0,
    capturedLength: packet.length,
    wireLength: packet.length,
    linkType: LINKTYPE_RAW,
    timestampMs: NOW,
    direction: 0,
    interfaceIndex: 3,
    otherInterface: 0,
    reason: 1,
    ruleName: 'ssh-deny',
    ...overrides,
  };
}

const ipv4Frame = (description: FrameDescription, overrides?: Partial<DroppedFrame>) =>
  frameOf(buildIpv4(description), overrides);

const sumOf = (rows: readonly DroppedRow[], key: 'frames' | 'octets') =>
  rows.reduce((sum, row) => sum + row[key], 0);

describe('the drop ledger', () => {
  test('says of a flow what was dropped, why and by which rule', () => {
    const { ledger, rows } = createFixture();
    ledger.tick(NOW);
    const syn: FrameDescription = { protocol: 6, sourcePort: 40_000, destinationPort: 22, tcpControlBits: 2 };
    ledger.count(ipv4Frame(syn));
    ledger.count(ipv4Frame({ ...syn, tcpControlBits: 0x10 }, { timestampMs: NOW + 400.7 }));
    ledger.tick(NOW + 999);
    expect(rows()).toEqual([]);
    ledger.tick(NOW + 1000);
    expect(rows()).toEqual([
      {
        source: '192.0.2.1',
        destination: '198.51.100.2',
        sourcePort: 40_000,
        destinationPort: 22,
        protocol: 6,
        direction: 0,
        inIf: 3,
        outIf: undefined,
        sourceMask: undefined,
        destinationMask: undefined,
        frames: 2,
        octets: 80,
        startMs: NOW,
        endMs: NOW + 400,
        tcpFlags: 0x12,
        icmpTypeCode: undefined,
        endReason: 2,
        forwardingStatus: 0x81,
        firewallEvent: 3,
        exporter: 'if3',
        dropReason: 1,
        ruleName: 'ssh-deny',
        droppedFrameCount: undefined,
        dropOverflow: undefined,
      },
    ]);
    expect(ledger.counters()).toMatchObject({ frames: 2, records: 1, flowsHeld: 0, flowsHeldPeak: 1 });
  });

  test('keeps directions, reasons, rules and interfaces apart', () => {
    const { ledger, rows } = createFixture();
    const icmp: FrameDescription = { protocol: 1 };
    ledger.count(ipv4Frame(icmp, { direction: 1, otherInterface: 9 }));
    ledger.count(ipv4Frame(icmp, { direction: 0, otherInterface: 9 }));
    ledger.count(ipv4Frame(icmp, { direction: 255, interfaceIndex: 0 }));
    ledger.count(ipv4Frame(icmp, { reason: 2 }));
    ledger.count(ipv4Frame(icmp, { reason: 3 }));
    ledger.count(ipv4Frame(icmp, { reason: 77 }));
    ledger.count(ipv4Frame(icmp, { ruleName: '' }));
    ledger.count(frameOf(buildIpv6(58, [128, 0, 0, 0, 0, 1, 0, 1])));
    ledger.flushAll();
    const list = rows();
    expect(list.map(({ direction, inIf, outIf }) => [direction, inIf, outIf]).slice(0, 3)).toEqual([
      [1, 9, 3],
      [0, 3, 9],
      [undefined, undefined, undefined],
    ]);
    expect(
      list.map(({ dropReason, forwardingStatus, frames }) => [dropReason, forwardingStatus, frames]),
    ).toEqual([
      [1, 0x81, 1],
      [1, 0x81, 1],
      [1, 0x81, 1],
      [2, 0x82, 1],
      [3, 0x80, 2],
      [1, 0x81, 1],
      [1, 0x81, 1],
    ]);
    expect(list[5]?.ruleName).toBe('');
    expect(list[6]).toMatchObject({ source: '2001:db8::1', icmpTypeCode: 0x8000, endReason: 4 });
  });

  test('sums up by peer, then by network, then by reason when there is no room', () => {
    const { ledger, rows } = createFixture({ flowsMax: 1, peersMax: 4 });
    const from = (source: string, overrides?: Partial<DroppedFrame>) =>
      ledger.count(ipv4Frame({ source }, overrides));
    from('10.0.0.1');
    from('10.0.0.2'); // peer
    from('10.0.0.2', { timestampMs: NOW + 5 }); // the same
    from('10.0.0.3'); // peer
    from('10.0.0.4'); // half full: network 10.0.0.0/24
    from('10.0.0.5'); // the same network
    from('10.0.1.5'); // network 10.0.1.0/24
    from('10.0.2.5'); // no room
    from('10.0.0.1'); // has its record
    ledger.count(frameOf(buildIpv6(17, [0, 1, 0, 2, 0, 8, 0, 0]))); // no room
    ledger.flushAll();
    const list = rows().map((row) => [
      row.source,
      row.sourceMask,
      row.frames,
      row.dropOverflow,
      row.ruleName,
    ]);
    expect(list).toEqual([
      ['::', 0, 2, true, ''],
      ['10.0.0.1', undefined, 2, undefined, 'ssh-deny'],
      ['10.0.0.2', 32, 2, true, 'ssh-deny'],
      ['10.0.0.3', 32, 1, true, 'ssh-deny'],
      ['10.0.0.0', 24, 2, true, 'ssh-deny'],
      ['10.0.1.0', 24, 1, true, 'ssh-deny'],
    ]);
    expect(ledger.counters()).toMatchObject({ frames: 10, framesOverflow: 8, recordsAggregate: 5 });
  });

  test('the peer of an outgoing frame is its destination; of IPv6 the network is a /48', () => {
    const { ledger, rows } = createFixture({ flowsMax: 1, peersMax: 2 });
    ledger.count(ipv4Frame({}));
    ledger.count(ipv4Frame({ destination: '10.9.9.9' }, { direction: 1 }));
    const packet = buildIpv6(17, [0, 1, 0, 2, 0, 8, 0, 0]);
    packet.set([0x20, 1, 0xd, 0xb8, 0xaa, 0xbb, 0xcc, 0xdd], 24);
    ledger.count(frameOf(packet, { direction: 1 }));
    ledger.flushAll();
    const [, peer, network] = rows();
    expect(peer).toMatchObject({
      source: '0.0.0.0',
      sourceMask: 0,
      destination: '10.9.9.9',
      destinationMask: 32,
    });
    expect(peer).toMatchObject({ inIf: undefined, outIf: 3, endReason: 5, droppedFrameCount: 1 });
    expect(network).toMatchObject({ source: '::', destination: '2001:db8:aabb::', destinationMask: 48 });
  });

  test('counts what has no IP header, and what is known by number only', () => {
    const { ledger, rows } = createFixture();
    ledger.count(frameOf(new Uint8Array(28), { linkType: 1, ruleName: 'arp' }));
    ledger.count(frameOf(new Uint8Array(28), { linkType: 1, ruleName: 'arp' }));
    ledger.countLost(17, 2, NOW);
    ledger.tick(NOW + 5000);
    expect(rows()).toMatchObject([
      { source: '::', frames: 17, octets: 0, dropReason: 2, ruleName: '', dropOverflow: true, endReason: 5 },
      { source: '::', frames: 2, octets: 56, ruleName: 'arp', inIf: 3, dropOverflow: false, endReason: 1 },
    ]);
    expect(ledger.counters()).toMatchObject({
      frames: 19,
      framesNotIp: 2,
      framesLost: 17,
      framesOverflow: 0,
    });
  });

  test('writes no more records than it was told to, and the rest next time', () => {
    const { ledger, rows } = createFixture();
    for (let port = 1; port <= 10; port += 1) ledger.count(ipv4Frame({ destinationPort: port }));
    expect(ledger.tick(NOW, 4)).toBe(true);
    expect(rows().map(({ destinationPort }) => destinationPort)).toEqual([1, 2, 3, 4]);
    expect(ledger.tick(NOW, 6)).toBe(false);
    expect(rows()).toHaveLength(6);
    expect(ledger.flushAll(1)).toBe(false);
  });

  test('bounds the number and the length of rule names', () => {
    const { ledger, rows } = createFixture();
    for (let rule = 0; rule < RULE_NAMES_MAX + 10; rule += 1) {
      ledger.count(ipv4Frame({}, { ruleName: `${rule} ${'ä'.repeat(80)}` }));
    }
    ledger.flushAll();
    const names = rows().map(({ ruleName }) => ruleName);
    expect(names.at(-1)).toBe('(other rules)');
    expect(new TextEncoder().encode(names[0]).length).toBe(126);
    expect(ledger.counters().framesOfOtherRules).toBe(12);
    ledger.tick(NOW);
    ledger.count(ipv4Frame({}, { ruleName: 'later' }));
    ledger.flushAll();
    expect(rows()[0]?.ruleName).toBe('later');
  });

  test('shares batches with the records of flows', () => {
    const batch = createFlowBatch(64);
    const sink = { batch, full: () => batch };
    const exporterOf = identityOf;
    const flowIdKey = [1, 2] as const;
    const ledger = new DropLedger({ exporterOf, flowIdKey, flowsMax: 1 }, sink);
    const meter = createPacketMeter({ flowIdKey, flowsMax: 8 }, sink);
    const packet = buildIpv4();
    const meterOne = () => {
      meter.packet(packet, 0, packet.length, packet.length, NOW, 0, 3, LINKTYPE_RAW);
      meter.flushAll();
    };
    for (const round of [1, 2]) {
      ledger.count(frameOf(packet));
      ledger.flushAll();
      meterOne();
      ledger.count(frameOf(packet));
      ledger.count(ipv4Frame({ destinationPort: 9 }));
      ledger.flushAll();
      meterOne();
      const present = (name: FlowColumnName) =>
        [0, 1, 2, 3, 4].filter((row) => row < batch.rowCount && isPresent(batch, name, row));
      expect([round, ...present('flowStart')]).toEqual([round, 0, 1, 2, 3, 4]);
      expect(present('forwardingStatus')).toEqual([0, 2, 3]);
      expect(present('flowId')).toEqual([0, 1, 2, 4]);
      expect(present('minTtl')).toEqual([0, 1, 2, 4]);
      expect(present('extraLayout')).toEqual([0, 2, 3]);
      expect([...batch.extraEnd.subarray(0, 5)]).toEqual([10, 10, 20, 39, 39]);
      expect(batch.layouts).toHaveLength(2);
      const ids = [0, 1, 2, 4].map((row) => u64AsBigInt(batch.columns.flowId, row));
      expect(new Set(ids).size).toBe(1);
      clearFlowBatch(batch);
    }
  });

  test('counts every frame in one record, with the key that a naive model says', () => {
    const step = fc.oneof(
      {
        weight: 20,
        arbitrary: fc.record({
          kind: fc.constant('frame' as const),
          host: fc.integer({ min: 1, max: 12 }),
          network: fc.integer({ min: 0, max: 3 }),
          port: fc.integer({ min: 1, max: 3 }),
          isIPv6: fc.boolean(),
          direction: fc.constantFrom(0, 1, 255),
          reason: fc.integer({ min: 1, max: 3 }),
          rule: fc.constantFrom('', 'a', 'rule b'),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('lost' as const), frames: fc.integer({ min: 1, max: 9 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant('tick' as const),
          ms: fc.integer({ min: -100, max: 1500 }),
          recordsMax: fc.constantFrom(0, 1, 5, 1000),
        }),
      },
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 12 }),
        (steps, flowsMax, peersMax) => {
          const { ledger, rows } = createFixture({ flowsMax, peersMax });
          const model = { byReason: [0, 0, 0, 0], octets: 0, byFlow: new Map<string, number>() };
          let nowMs = NOW;
          for (const entry of steps) {
            if (entry.kind === 'tick') {
              nowMs += entry.ms;
              ledger.tick(nowMs, entry.recordsMax);
            } else if (entry.kind === 'lost') {
              ledger.countLost(entry.frames, 2, nowMs);
              model.byReason[2]! += entry.frames;
            } else {
              const { host, network, port, isIPv6, direction, reason, rule } = entry;
              const packet = isIPv6
                ? buildIpv6(17, [0, host, 0, port, 0, 8, 0, 0])
                : buildIpv4({ source: `10.0.${network}.${host}`, destinationPort: port });
              if (isIPv6) packet[13] = network;
              ledger.count(frameOf(packet, { direction, reason, ruleName: rule, timestampMs: nowMs }));
              model.byReason[reason]! += 1;
              model.octets += packet.length;
              const source = isIPv6 ? ['2001:db8::1', host] : [`10.0.${network}.${host}`, 1024];
              if (isIPv6 && network !== 0) source[0] = `2001:db8:${network}::1`;
              const key = [...source, port, direction, reason, rule].join();
              model.byFlow.set(key, (model.byFlow.get(key) ?? 0) + 1);
            }
            const { flowsHeld, aggregatesHeld } = ledger.counters();
            expect(flowsHeld).toBeLessThanOrEqual(flowsMax);
            expect(aggregatesHeld).toBeLessThanOrEqual(peersMax + 12);
          }
          while (ledger.flushAll(7)) expect(ledger.counters().flowsHeld).toBeGreaterThanOrEqual(0);
          const list = rows();
          expect(sumOf(list, 'octets')).toBe(model.octets);
          for (const reason of [1, 2, 3]) {
            const ofReason = list.filter(({ dropReason }) => dropReason === reason);
            expect(sumOf(ofReason, 'frames')).toBe(model.byReason[reason]);
          }
          const exact = new Map<string, number>();
          for (const row of list.filter(({ dropOverflow }) => dropOverflow === undefined)) {
            const { source, sourcePort, destinationPort, direction = 255, dropReason, ruleName } = row;
            const key = [source, sourcePort, destinationPort, direction, dropReason, ruleName].join();
            exact.set(key, (exact.get(key) ?? 0) + row.frames);
          }
          const { framesOverflow, frames, framesLost, records } = ledger.counters();
          for (const [key, count] of exact) expect(count).toBeLessThanOrEqual(model.byFlow.get(key) ?? 0);
          if (framesOverflow === 0) expect(exact).toEqual(model.byFlow);
          expect([...exact.values()].reduce((sum, count) => sum + count, 0)).toBe(
            frames - framesOverflow - framesLost,
          );
          expect(records).toBe(list.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('a flood of a million flows in one second takes no more memory than one of a hundred thousand', () => {
    const { ledger, rows } = createFixture({}, 8192);
    const packet = buildIpv4({ protocol: 6, tcpControlBits: 2 });
    const view = new DataView(packet.buffer);
    const frame = frameOf(packet);
    let octetsAfterTheFirst = 0;
    ledger.tick(NOW);
    for (let index = 0; index < 1_000_000; index += 1) {
      view.setUint32(12, Math.imul(index, 0x9e3779b1));
      frame.ruleName = index % 2 === 0 ? 'even' : 'odd';
      ledger.count(frame);
      if (index === 100_000) octetsAfterTheFirst = ledger.counters().ledgerOctets;
    }
    const counters = ledger.counters();
    expect(counters.ledgerOctets).toBe(octetsAfterTheFirst);
    expect(counters.ledgerOctets).toBeLessThan(10 * 1024 * 1024);
    expect(counters).toMatchObject({ flowsHeld: 65_536, framesOverflow: 1_000_000 - 65_536 });
    ledger.tick(NOW + 1000);
    const list = rows();
    expect(list).toHaveLength(counters.flowsHeld + counters.aggregatesHeld);
    expect(sumOf(list, 'frames')).toBe(1_000_000);
    expect(sumOf(list, 'octets')).toBe(40_000_000);
    expect(
      sumOf(
        list.filter(({ ruleName }) => ruleName === 'odd'),
        'frames',
      ),
    ).toBeLessThanOrEqual(500_000);
  });
});
