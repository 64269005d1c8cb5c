import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createFlowCache, type FlowCache, type FlowCacheOptions } from './flow-cache.ts';
import * as record from './flow-record.ts';
import {
  BURST_PACKETS,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KEY_SOURCE_PREFIX,
  KIND_IPV6,
  PACKET_BITS,
  PACKET_OCTETS,
  PACKET_TIME,
  PACKET_TTL,
  PACKET_WORDS,
  PacketBurst,
} from './packet-burst.ts';

interface Packet {
  readonly flow: number;
  readonly octets: number;
  readonly bits: number;
  readonly ttl: number;
  readonly atMs: number;
}

const FIN = 1;
const SYN = 2;
const OPTIONS: FlowCacheOptions = {
  idleTimeoutMs: 1000,
  activeTimeoutMs: 5000,
  tcpLingerMs: 200,
  flowsMax: 6,
  seed: 7,
};

/** A cache and the records that it gave, as text; flow numbers stand for keys of both families. */
function createObserved(options: Partial<FlowCacheOptions> = {}) {
  const records: string[] = [];
  const cache: FlowCache = createFlowCache({ ...OPTIONS, ...options }, (slot, reason) => {
    const words = cache.words.subarray(slot * record.RECORD_WORDS);
    const doubles = cache.doubles.subarray(slot * record.RECORD_DOUBLES);
    records.push(
      describeRecord(reason, {
        flow: words[KEY_SOURCE] as number,
        packets: doubles[record.DOUBLE_PACKETS] as number,
        octets: doubles[record.DOUBLE_OCTETS] as number,
        firstMs: doubles[record.DOUBLE_FIRST] as number,
        lastMs: doubles[record.DOUBLE_LAST] as number,
        bits: (words[record.WORD_BITS] as number) & record.BITS_TCP,
        ttl: (words[record.WORD_TTL] as number) & 0xffff,
      }),
    );
  });
  const burst = new PacketBurst();
  const packet = ({ flow, octets, bits, ttl, atMs }: Packet) => {
    const row = burst.size * PACKET_WORDS;
    burst.words.fill(0, row, row + PACKET_WORDS);
    burst.words[row + KEY_SOURCE] = flow;
    burst.words[row + KEY_PORTS] = 80;
    burst.words[row + KEY_KIND] = flow % 2 === 0 ? 6 : 6 | KIND_IPV6;
    if (flow % 2 === 1) burst.words[row + KEY_SOURCE_PREFIX] = flow;
    burst.words[row + PACKET_OCTETS] = octets;
    burst.words[row + PACKET_BITS] = bits;
    burst.words[row + PACKET_TTL] = ttl;
    burst.doubles[row / 2 + PACKET_TIME] = atMs;
    burst.size += 1;
    if (burst.size === BURST_PACKETS) cache.observe(burst);
  };
  const tick = (nowMs: number, recordsMax?: number) => {
    cache.observe(burst);
    return cache.tick(nowMs, recordsMax);
  };
  const flush = () => {
    cache.observe(burst);
    cache.flushAll(record.END_REASON_FORCED);
  };
  return { cache, records, packet, tick, flush };
}

interface ModelFlow {
  flow: number;
  packets: number;
  octets: number;
  firstMs: number;
  lastMs: number;
  bits: number;
  ttl: number;
  ended: boolean;
  activeMs: number;
  recency: number;
}

function describeRecord(
  reason: number,
  { flow, packets, octets, firstMs, lastMs, bits, ttl }: Omit<ModelFlow, 'ended' | 'activeMs' | 'recency'>,
): string {
  return `${reason}: flow ${flow} ${packets}/${octets} ${firstMs}-${lastMs} bits ${bits} ttl ${ttl}`;
}

/** The same with a Map and searches through all of it. */
class FlowModel {
  readonly records: string[] = [];
  readonly #flows = new Map<number, ModelFlow>();
  #recency = 0;

  get size(): number {
    return this.#flows.size;
  }

  packet({ flow, octets, bits, ttl, atMs }: Packet): void {
    let entry = this.#flows.get(flow);
    if (entry && (atMs - entry.lastMs > OPTIONS.idleTimeoutMs || (entry.ended && (bits & SYN) !== 0))) {
      this.#end(entry, 1);
      entry = undefined;
    }
    if (entry === undefined) {
      if (this.#flows.size === OPTIONS.flowsMax) this.#end(this.#leastRecent(), 5);
      entry = {
        flow,
        packets: 0,
        octets: 0,
        firstMs: atMs,
        lastMs: atMs,
        bits: 0,
        ttl,
        ended: false,
        activeMs: atMs,
        recency: 0,
      };
      this.#flows.set(flow, entry);
    }
    if (entry.packets === 0) Object.assign(entry, { firstMs: atMs, lastMs: atMs, ttl: ttl * 257 });
    entry.packets += 1;
    entry.octets += octets;
    entry.firstMs = Math.min(entry.firstMs, atMs);
    entry.lastMs = Math.max(entry.lastMs, atMs);
    entry.bits |= bits;
    entry.ttl = Math.min(entry.ttl & 0xff, ttl) | (Math.max(entry.ttl >> 8, ttl) << 8);
    if ((bits & FIN) !== 0) entry.ended = true;
    this.#recency += 1;
    entry.recency = this.#recency;
  }

  tick(nowMs: number): void {
    for (const entry of this.#flows.values()) {
      const timeoutMs = entry.ended ? OPTIONS.tcpLingerMs : OPTIONS.idleTimeoutMs;
      if (nowMs - entry.lastMs >= timeoutMs) this.#end(entry, 1);
    }
    for (const entry of this.#flows.values()) {
      if (nowMs - entry.activeMs < OPTIONS.activeTimeoutMs) continue;
      this.#report(entry, 2);
      Object.assign(entry, { packets: 0, octets: 0, bits: 0, activeMs: nowMs });
    }
  }

  flush(): void {
    for (const entry of this.#flows.values()) this.#end(entry, 4);
  }

  #leastRecent(): ModelFlow {
    const rank = (entry: ModelFlow) => entry.recency - (entry.ended ? Number.MAX_SAFE_INTEGER / 2 : 0);
    return [...this.#flows.values()].sort((a, b) => rank(a) - rank(b))[0] as ModelFlow;
  }

  #end(entry: ModelFlow, reason: number): void {
    this.#report(entry, entry.ended ? 3 : reason);
    this.#flows.delete(entry.flow);
  }

  #report(entry: ModelFlow, reason: number): void {
    if (entry.packets > 0) this.records.push(describeRecord(reason, entry));
  }
}

type Step =
  | { kind: 'packet'; flow: number; octets: number; bits: number; ttl: number; afterMs: number }
  | { kind: 'tick'; afterMs: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('packet' as const),
        flow: fc.nat(11),
        octets: fc.nat(1500),
        bits: fc.constantFrom(0, 0, 0x10, FIN, SYN, 4),
        ttl: fc.integer({ min: 1, max: 255 }),
        afterMs: fc.constantFrom(0, 0, 1, 50, 300),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('tick' as const),
        afterMs: fc.constantFrom(0, 100, 400, 1500),
      }),
    },
  ),
  { maxLength: 200 },
);

describe('FlowCache', () => {
  test('does what a Map of flows does', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const { cache, records, packet, tick, flush } = createObserved();
        const model = new FlowModel();
        let nowMs = 1_700_000_000_000;
        for (const step of sequence) {
          nowMs += step.afterMs;
          if (step.kind === 'packet') {
            // A RST counts like a FIN; the model knows only the one bit.
            const bits = step.bits === 4 ? FIN : step.bits;
            packet({ ...step, bits, atMs: nowMs });
            model.packet({ ...step, bits, atMs: nowMs });
          } else {
            tick(nowMs);
            model.tick(nowMs);
            expect(cache.size).toBe(model.size);
            expect([...records].sort()).toEqual([...model.records].sort());
          }
        }
        flush();
        model.flush();
        expect([...records].sort()).toEqual([...model.records].sort());
        expect(cache.counters.flowsStarted).toBe(cache.counters.flowsEnded);
      }),
      { numRuns: 500 },
    );
  });

  test('loses no packet and no octet when the clock jumps about', () => {
    const jumps = fc.array(fc.record({ flow: fc.nat(20), atMs: fc.nat(100_000), octets: fc.nat(1500) }), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(jumps, (packets) => {
        const { cache, records, packet, tick, flush } = createObserved();
        for (const { flow, atMs, octets } of packets) {
          packet({ flow, atMs, octets, bits: 0, ttl: 64 });
          if (flow === 0) tick(atMs);
        }
        flush();
        const sums = records.map((text) => (/ (\d+)\/(\d+) /.exec(text) ?? []).slice(1).map(Number));
        expect(sums.reduce((total, [count = 0]) => total + count, 0)).toBe(packets.length);
        expect(sums.reduce((total, [, octets = 0]) => total + octets, 0)).toBe(cache.counters.octets);
      }),
    );
  });

  test('late packets of a closed connection stay in its flow; a new SYN begins another', () => {
    const { records, packet, tick } = createObserved();
    const at = (atMs: number, bits: number) => packet({ flow: 2, octets: 40, bits, ttl: 64, atMs });
    at(0, SYN);
    at(10, FIN | 0x10);
    for (let atMs = 20; atMs < 180; atMs += 10) at(atMs, 0x10);
    at(200, SYN);
    tick(210);
    expect(records).toEqual([
      describeRecord(3, {
        flow: 2,
        packets: 18,
        octets: 720,
        firstMs: 0,
        lastMs: 170,
        bits: 0x13,
        ttl: 64 * 257,
      }),
    ]);
  });

  test('a flow is idle at its timeout to the millisecond, and not before', () => {
    const { records, packet, tick } = createObserved();
    packet({ flow: 2, octets: 40, bits: 0, ttl: 64, atMs: 0 });
    tick(999);
    expect(records).toHaveLength(0);
    tick(1000);
    expect(records).toHaveLength(1);
  });

  test('interim records carry what came since the last one', () => {
    const { cache, records, packet, tick, flush } = createObserved({ idleTimeoutMs: 60_000 });
    packet({ flow: 2, octets: 100, bits: 2, ttl: 64, atMs: 0 });
    tick(5000);
    packet({ flow: 2, octets: 7, bits: 0x10, ttl: 60, atMs: 6000 });
    tick(10_000);
    tick(15_000);
    flush();
    expect(records).toEqual([
      describeRecord(2, { flow: 2, packets: 1, octets: 100, firstMs: 0, lastMs: 0, bits: 2, ttl: 64 * 257 }),
      describeRecord(2, {
        flow: 2,
        packets: 1,
        octets: 7,
        firstMs: 6000,
        lastMs: 6000,
        bits: 0x10,
        ttl: 60 * 257,
      }),
    ]);
    expect(cache.counters.recordsByReason).toEqual([0, 0, 2, 0, 0, 0]);
    expect(cache.counters.flowsEnded).toBe(1);
  });

  test('a tick gives no more records than it may, and says that some are left', () => {
    const { cache, records, packet, tick } = createObserved();
    for (let flow = 0; flow < 6; flow += 1) packet({ flow, octets: 40, bits: 0, ttl: 64, atMs: 0 });
    expect(tick(2000, 4)).toBe(true);
    expect(records).toHaveLength(4);
    expect(tick(2000, 4)).toBe(false);
    expect(cache.size).toBe(0);
  });

  test('a flow costs at most 176 octets', () => {
    const flows = 200_000;
    const { cache, packet, tick } = createObserved({ flowsMax: flows });
    for (let flow = 0; flow < flows; flow += 1)
      packet({ flow: flow * 2, octets: 40, bits: 0, ttl: 64, atMs: 0 });
    tick(1);
    expect(cache.size).toBe(flows);
    expect(cache.committedOctets / flows).toBeLessThan(176);
    tick(5000);
    expect(cache.size).toBe(0);
  });
});
