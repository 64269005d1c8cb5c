import {
  createFlowBatch,
  type ExporterIdentity,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  isPresent,
  setPresent,
  setU64FromNumber,
  u64AsBigInt,
} from '@weir/ipfix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIRECTION_RULES } from './direction-rule.ts';
import { createSessionStage, type SessionSettings } from './session-stage.ts';

const START_MS = 1_800_000_000_000;
const SETTINGS: SessionSettings = {
  pairing: true,
  deduplication: true,
  windowSeconds: 6,
  sessionsMax: 1000,
  acrossExporters: true,
};
const ACTIVE = 2;
const END = 3;

/** A record as people say it; what is left out is not in it. */
interface Told {
  /** Seconds after START_MS: when received, which is by default when the flow ended. */
  at?: number;
  start?: number;
  end?: number;
  from: string;
  to: string;
  protocol?: number;
  exporter?: string;
  direction?: number;
  inIf?: number;
  outIf?: number;
  tcpFlags?: number;
  endReason?: number;
  icmpTypeCode?: number;
  reverseOctets?: number;
}

interface Marked {
  id: bigint;
  side: number;
  rule: number;
  duplicate: boolean;
}

/** `A:80`: one letter for an address, `a` and the like for an IPv6 one. */
function endOf(text: string): { hi: [number, number]; lo: [number, number]; port: number } {
  const [name = '', port = '0'] = text.split(':');
  const number = name.charCodeAt(0);
  return name < 'a'
    ? { hi: [0, 0], lo: [0x0a000000 + number, 0xffff], port: Number(port) }
    : { hi: [0, 0x20010db8], lo: [number, 0], port: Number(port) };
}

function batchOf(records: readonly Told[]): FlowBatch {
  const batch = createFlowBatch(Math.ceil((records.length + 1) / 64) * 64);
  for (const [row, record] of records.entries()) writeRow(batch, row, record);
  batch.rowCount = records.length;
  return batch;
}

function writeRow(batch: FlowBatch, row: number, told: Told): void {
  const { columns } = batch;
  const put = (name: keyof typeof columns, value: number | undefined) => {
    if (value === undefined) return;
    columns[name][row] = value;
    setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
  };
  const putTime = (name: 'receivedAt' | 'flowStart' | 'flowEnd', seconds: number | undefined) => {
    if (seconds === undefined) return;
    setU64FromNumber(columns[name], row, START_MS + Math.round(seconds * 1000));
    setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
  };
  putTime('receivedAt', told.at ?? told.end ?? 0);
  putTime('flowStart', told.start);
  putTime('flowEnd', told.end);
  for (const [side, end] of [
    ['src', endOf(told.from)],
    ['dst', endOf(told.to)],
  ] as const) {
    columns[`${side}AddrHi`].set(end.hi, row * 2);
    columns[`${side}AddrLo`].set(end.lo, row * 2);
    setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrHi`], row, row + 1);
    setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrLo`], row, row + 1);
    put(`${side}Port`, end.port);
  }
  put('protocol', told.protocol ?? 6);
  put('exporter', exporterIndex(batch.exporters, told.exporter ?? '192.0.2.1'));
  for (const name of ['direction', 'inIf', 'outIf', 'tcpFlags', 'endReason', 'icmpTypeCode'] as const)
    put(name, told[name]);
  if (told.reverseOctets === undefined) return;
  setU64FromNumber(columns.reverseOctets, row, told.reverseOctets);
  setPresent(batch, FLOW_COLUMN_INDEX.reverseOctets, row, row + 1);
}

function exporterIndex(exporters: ExporterIdentity[], address: string): number {
  const known = exporters.findIndex((exporter) => exporter.address === address);
  if (known >= 0) return known;
  return exporters.push({ address, observationDomainId: 0, source: 'test', version: 10 }) - 1;
}

function markedRow(batch: FlowBatch, row: number): Marked {
  const { columns } = batch;
  return {
    id: isPresent(batch, 'sessionId', row) ? u64AsBigInt(columns.sessionId, row) : -1n,
    side: columns.sessionSide[row] ?? -1,
    rule: columns.directionRule[row] ?? -1,
    duplicate: isPresent(batch, 'duplicate', row) && columns.duplicate[row] === 1,
  };
}

function mark(records: readonly Told[], settings: Partial<SessionSettings> = {}): Marked[] {
  const stage = createSessionStage({ ...SETTINGS, ...settings });
  const batch = batchOf(records);
  stage.apply(batch, 0, batch.rowCount);
  return records.map((_, row) => markedRow(batch, row));
}

function idsOf(records: readonly Told[], settings: Partial<SessionSettings> = {}): number[] {
  const seen: bigint[] = [];
  return mark(records, settings).map(({ id }) => {
    if (!seen.includes(id)) seen.push(id);
    return seen.indexOf(id);
  });
}

describe('pairing', () => {
  test('gives both directions one identifier and says who began', () => {
    const marked = mark([
      { from: 'A:40000', to: 'B:443' },
      { from: 'B:443', to: 'A:40000', at: 1 },
      { from: 'a:40000', to: 'b:443', at: 2 },
      { from: 'b:443', to: 'a:40000', at: 3 },
      { from: 'A:40001', to: 'B:443', at: 4 },
    ]);
    expect(marked.map(({ side }) => side)).toEqual([0, 1, 0, 1, 0]);
    expect(marked[0]?.id).toBe(marked[1]?.id);
    expect(marked[2]?.id).toBe(marked[3]?.id);
    expect(new Set(marked.map(({ id }) => id)).size).toBe(3);
  });

  test('the window ends a session that was over, and an active timeout prolongs one that goes on', () => {
    const [from, to] = ['A:40000', 'B:443'];
    expect(
      idsOf([
        { from, to, endReason: END },
        { from: to, to: from, at: 6 },
      ]),
    ).toEqual([0, 0]);
    expect(
      idsOf([
        { from, to, endReason: END },
        { from: to, to: from, at: 6.1 },
      ]),
    ).toEqual([0, 1]);
    // Records every 60 s, the last one 60 s of idleness later: all one session.
    const interim = [60, 120, 180].map((end) => ({ from, to, start: end - 60, end, endReason: ACTIVE }));
    expect(idsOf([...interim, { from, to, start: 180, end: 181, at: 241, endReason: 1 }])).toEqual([
      0, 0, 0, 0,
    ]);
    expect(idsOf([...interim, { from, to, start: 400, end: 401, at: 401, endReason: 1 }])).toEqual([
      0, 0, 0, 1,
    ]);
  });

  test('learns the active timeout of an exporter that does not say why its records end', () => {
    const records = [60, 120, 180].map((end) => ({ from: 'A:40000', to: 'B:443', start: end - 60, end }));
    expect(idsOf(records)).toEqual([0, 0, 0]);
  });

  test('flow times tell records apart that come at once', () => {
    const records = [10, 20, 90].map((end) => ({
      from: 'A:4',
      to: 'B:5',
      start: end - 1,
      end,
      at: 1000,
      endReason: 1,
    }));
    expect(idsOf(records)).toEqual([0, 1, 2]);
  });

  test('within an exporter only, unless asked otherwise', () => {
    const records = [
      { from: 'A:40000', to: 'B:443', exporter: '192.0.2.1' },
      { from: 'B:443', to: 'A:40000', exporter: '192.0.2.2' },
      { from: 'B:443', to: 'A:40000', exporter: '192.0.2.1' },
    ];
    expect(idsOf(records)).toEqual([0, 0, 0]);
    expect(idsOf(records, { acrossExporters: false })).toEqual([0, 1, 0]);
  });

  test('a record without addresses has no session', () => {
    const batch = batchOf([
      { from: 'A:1', to: 'B:2' },
      { from: 'A:1', to: 'B:2' },
    ]);
    batch.validity[FLOW_COLUMN_INDEX.dstAddrLo]?.fill(2);
    createSessionStage(SETTINGS).apply(batch, 0, 2);
    expect([markedRow(batch, 0).id, markedRow(batch, 1).id === -1n]).toEqual([-1n, false]);
  });
});

describe('direction rules', () => {
  const cases: readonly (readonly [keyof typeof DIRECTION_RULES, number, Told])[] = [
    ['singleCommonPort', 0, { from: 'A:40000', to: 'B:443' }],
    ['singleCommonPortReversed', 1, { from: 'A:3306', to: 'B:40000' }],
    ['bothCommonPorts', 0, { from: 'A:8080', to: 'B:443' }],
    ['bothCommonPortsReversed', 1, { from: 'A:53', to: 'B:5353' }],
    ['arrivalTime', 0, { from: 'A:40000', to: 'B:40001' }],
    ['arrivalTime', 0, { from: 'A:80', to: 'B:443' }],
    ['tcpSyn', 0, { from: 'A:80', to: 'B:40001', tcpFlags: 0x02 }],
    ['singleCommonPortReversed', 1, { from: 'A:80', to: 'B:40001', tcpFlags: 0x12 }],
    ['flowExporter', 0, { from: 'A:80', to: 'B:40001', reverseOctets: 7 }],
    ['icmpRequest', 0, { from: 'A', to: 'B', protocol: 1, icmpTypeCode: 0x0800 }],
    ['icmpRequest', 1, { from: 'a', to: 'b', protocol: 58, icmpTypeCode: 0x8100 }],
    ['arrivalTime', 0, { from: 'A', to: 'B', protocol: 1, icmpTypeCode: 0x0301 }],
    ['arrivalTime', 0, { from: 'A', to: 'B', protocol: 47 }],
  ];
  for (const [rule, side, told] of cases) {
    test(`${rule}: ${told.from} to ${told.to}`, () => {
      expect(mark([told])).toMatchObject([{ rule: DIRECTION_RULES[rule], side }]);
    });
  }

  test('biflowDirection of another stage is heeded', () => {
    const batch = batchOf([1, 2, 0].map((_, index) => ({ from: `A:${50_000 + index}`, to: 'B:80' })));
    createSessionStage(SETTINGS, { biflowDirections: Uint8Array.of(1, 2, 0) }).apply(batch, 0, 3);
    const { flowExporter, singleCommonPort } = DIRECTION_RULES;
    expect([0, 1, 2].map((row) => markedRow(batch, row))).toMatchObject([
      { rule: flowExporter, side: 0 },
      { rule: flowExporter, side: 1 },
      { rule: singleCommonPort, side: 0 },
    ]);
  });

  test('echo request and reply are one session whatever a NetFlow port says', () => {
    const records = [
      { from: 'A:0', to: 'B:2048', protocol: 1, icmpTypeCode: 0x0800 },
      { from: 'B:0', to: 'A:0', protocol: 1, icmpTypeCode: 0 },
    ];
    expect(idsOf(records)).toEqual([0, 0]);
  });
});

describe('duplicates', () => {
  const flow = { from: 'A:40000', to: 'B:443', start: 0, end: 10 };

  test('another exporter, and the other interface of the same one', () => {
    const [one, two, three, four, back] = mark([
      { ...flow, direction: 0, inIf: 1, outIf: 2 },
      { ...flow, direction: 1, inIf: 1, outIf: 2 },
      { ...flow, direction: 0, exporter: '192.0.2.2', inIf: 7 },
      { ...flow, direction: 0, inIf: 1, start: 10, end: 20 },
      { from: flow.to, to: flow.from, start: 0, end: 20, direction: 0, exporter: '192.0.2.2', inIf: 8 },
    ]).map(({ duplicate }) => duplicate);
    expect([one, two, three, four, back]).toEqual([false, true, true, false, false]);
  });

  test('another owner takes over when the first is silent', () => {
    const exporters = ['192.0.2.1', '192.0.2.2'];
    const told = (exporter: number, start: number, end: number) => ({
      ...flow,
      exporter: exporters[exporter] ?? '',
      start,
      end,
      endReason: ACTIVE,
    });
    const records = [
      told(0, 0, 10),
      told(1, 0, 10),
      told(1, 10, 20),
      told(1, 20, 30),
      told(0, 19, 31),
      told(1, 30, 40),
    ];
    expect(mark(records).map(({ duplicate }) => duplicate)).toEqual([false, true, true, false, true, false]);
  });

  test('a flow of one packet that was seen on its way in and on its way out', () => {
    const packet = { from: 'A:40000', to: 'B:53', protocol: 17 };
    const records = [
      { ...packet, start: 5, end: 5, at: 20, direction: 0, inIf: 1 },
      { ...packet, start: 5, end: 5, at: 20, direction: 1, outIf: 2 },
      { ...packet, from: 'A:40001', start: 5.007, end: 5.007, at: 20, direction: 1, outIf: 2 },
      { ...packet, from: 'A:40001', start: 5.009, end: 5.009, at: 20, direction: 0, inIf: 1 },
      { ...packet, start: 5.5, end: 5.5, at: 21, direction: 1, outIf: 3 },
    ];
    expect(mark(records).map(({ duplicate }) => duplicate)).toEqual([false, true, false, true, false]);
  });

  test('a path that moves within one exporter is none', () => {
    const records = [
      { ...flow, direction: 0, inIf: 1 },
      { ...flow, direction: 0, inIf: 3, start: 10.1, end: 20 },
    ];
    expect(mark(records).map(({ duplicate }) => duplicate)).toEqual([false, false]);
  });

  test('a biflow owns both directions', () => {
    const records = [
      { ...flow, reverseOctets: 5, exporter: '192.0.2.1' },
      { from: flow.to, to: flow.from, start: 0, end: 10, exporter: '192.0.2.2' },
    ];
    expect(mark(records).map(({ duplicate }) => duplicate)).toEqual([false, true]);
  });

  test('only what is asked for is marked', () => {
    const twice = [{ ...flow }, { ...flow, exporter: '192.0.2.2' }];
    expect(mark(twice, { pairing: false })).toMatchObject([
      { id: -1n, duplicate: false },
      { id: -1n, duplicate: true },
    ]);
    expect(mark(twice, { deduplication: false }).map(({ duplicate }) => duplicate)).toEqual([false, false]);
  });
});

describe('limits', () => {
  test('a full table gives up the session that is over first, and counts it', () => {
    const stage = createSessionStage({ ...SETTINGS, sessionsMax: 40 });
    const records = Array.from({ length: 200 }, (_, index) => ({ from: `A:${index + 1}`, to: 'B:443' }));
    const batch = batchOf(records);
    stage.apply(batch, 0, records.length);
    const counters = stage.counters();
    expect(counters).toMatchObject({ sessions: 200, records: 200, paired: 0, duplicates: 0 });
    expect(counters.evicted).toBeGreaterThanOrEqual(200 - 64);
    expect(new Set(records.map((_, row) => markedRow(batch, row).id)).size).toBe(200);
  });

  test('begins anew when time leaves its bits', () => {
    const stage = createSessionStage(SETTINGS);
    const dayS = 86_400;
    for (const at of [0, 10 * dayS, 250 * dayS, 251 * dayS, 0]) {
      const batch = batchOf([{ from: 'A:1', to: 'B:443', at }]);
      stage.apply(batch, 0, 1);
    }
    expect(stage.counters()).toMatchObject({ resets: 2, sessions: 5 });
  });
});

/** Sessions and owners kept the plain way: objects in a Map, nothing bounded. */
function createNaiveMarker(windowMs: number) {
  interface Session {
    id: number;
    until: number;
    exporter: string;
    flowUntil: number;
    initiator: string;
    owners: Map<string, { point: string; exporter: string; last: number }>;
  }
  const sessions = new Map<string, Session>();
  const active = new Map<string, number>();
  let count = 0;

  function allowance({ exporter = '', endReason = 0, start = 0, end = 0 }: Told): number {
    if (endReason !== 0 && endReason !== ACTIVE) return windowMs;
    const duration = (end - start) * 1000;
    const longest = Math.max(active.get(exporter) ?? 0, duration);
    active.set(exporter, longest);
    if (endReason === 0 && duration < longest * 0.9) return windowMs;
    return windowMs + longest + Math.max(longest, 60_000);
  }

  return (told: Told): { id: number; side: number; duplicate: boolean } => {
    const { from, to, exporter = '', at = 0, start = 0, end = 0 } = told;
    const key = [from, to].sort().join(' ');
    const [nowMs, startMs, endMs] = [at * 1000, start * 1000, end * 1000];
    const allowed = allowance(told);
    let session = sessions.get(key);
    const joins =
      session !== undefined &&
      nowMs <= session.until &&
      (session.exporter !== exporter || startMs <= session.flowUntil);
    if (session === undefined || !joins) {
      const initiator = to.endsWith(':443') || !from.endsWith(':443') ? from : to;
      session = {
        id: count++,
        until: nowMs + allowed,
        exporter,
        flowUntil: endMs + allowed,
        initiator,
        owners: new Map(),
      };
      sessions.set(key, session);
    } else {
      session.until = told.endReason === END ? nowMs + allowed : Math.max(session.until, nowMs + allowed);
      session.flowUntil =
        session.exporter === exporter ? Math.max(session.flowUntil, endMs + allowed) : endMs + allowed;
      session.exporter = exporter;
    }
    const point = `${exporter} ${told.direction} ${told.direction === 1 ? told.outIf : told.inIf}`;
    const owner = session.owners.get(from);
    const tolerance = owner?.exporter === exporter ? 8 : windowMs;
    const duplicate = owner !== undefined && owner.point !== point && startMs <= owner.last + tolerance;
    if (!duplicate) session.owners.set(from, { point, exporter, last: Math.max(endMs, owner?.last ?? 0) });
    return { id: session.id, side: session.initiator === from ? 0 : 1, duplicate };
  };
}

test('marks as the naive marker does', () => {
  // Times in multiples of a tick, 8 ms × 125, so that both round alike.
  const record = fc.record({
    from: fc.constantFrom('A:40000', 'A:40001', 'B:443', 'b:443', 'a:50007'),
    to: fc.constantFrom('B:443', 'A:40000', 'b:443', 'a:50007', 'B:50000'),
    exporter: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3'),
    direction: fc.constantFrom(0, 1),
    inIf: fc.constantFrom(1, 2),
    outIf: fc.constantFrom(1, 2),
    endReason: fc.constantFrom(0, 1, 2, 3),
    gap: fc.nat(9),
    duration: fc.nat(20),
    late: fc.nat(3),
  });
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 300 }),
      fc.integer({ min: 1, max: 50 }),
      (made, rows) => {
        const stage = createSessionStage({ ...SETTINGS, windowSeconds: 6 });
        const naive = createNaiveMarker(6000);
        let at = 1000;
        const records = made
          .filter(({ from, to }) => from !== to)
          .map(({ gap, duration, late, ...rest }): Told => {
            at += gap;
            return { ...rest, at, end: at - late, start: at - late - duration };
          });
        const idOf = new Map<number, bigint>();
        for (let first = 0; first < records.length; first += rows) {
          const part = records.slice(first, first + rows);
          const batch = batchOf(part);
          stage.apply(batch, 0, part.length);
          for (const [row, told] of part.entries()) {
            const { id, side, duplicate } = naive(told);
            const marked = markedRow(batch, row);
            expect(marked).toMatchObject({ side, duplicate });
            if (!idOf.has(id)) expect([...idOf.values()]).not.toContain(marked.id);
            else expect(marked.id).toBe(idOf.get(id));
            idOf.set(id, marked.id);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
