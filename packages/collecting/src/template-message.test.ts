import { createFlowBatch, createFlowDecoder, type FlowSink, type TransportSession } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createRecordMix } from './record-mix.ts';
import { carriesTemplates, templateMessages } from './template-message.ts';

const SESSION: TransportSession = {
  exporterAddress: '192.0.2.1',
  localSocket: '10.0.0.1:4739',
  transport: 'udp',
  source: 'test',
};

function createReceiver() {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(8192);
  const problems: string[] = [];
  const options: unknown[] = [];
  const sink: FlowSink = {
    batch,
    full: () => batch,
    problem: ({ code }) => void problems.push(code),
    optionsRecord: ({ scope, fields }) => void options.push({ scope, fields }),
  };
  return {
    batch,
    problems,
    options,
    counters: () => decoder.counters(),
    take: (message: Uint8Array) => decoder.decodeDatagram(message, SESSION, 1_700_000_000_000, sink),
    domain: () => [...decoder.domainCounters()][0],
  };
}

const u16 = (...words: number[]) => words.flatMap((word) => [word >> 8, word & 0xff]);
const v9 = (sequence: number, ...sets: number[][]) =>
  Uint8Array.from([...u16(9, sets.length, 0, 1000, 0x6500, 0, 0, sequence, 0, 7), ...sets.flat()]);
const V9_TEMPLATES = [
  u16(0, 20, 256, 3, 8, 4, 12, 4, 1, 4),
  // Scope 2 is an interface; 34 the sampling interval.
  u16(1, 20, 257, 4, 4, 2, 4, 34, 4, 0),
];
const V9_RECORDS = [
  [...u16(256, 16), 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 99],
  [...u16(257, 12), 0, 0, 0, 3, 0, 0, 0, 100],
];

describe('templateMessages', () => {
  test('IPFIX: who gets them first decodes what follows, and misses nothing by sequence number', () => {
    const mix = createRecordMix({ seed: 4 });
    const bytes = new Uint8Array(1500);
    const messages = [true, false, false].map((withTemplates) =>
      bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, withTemplates)),
    );
    const first = createReceiver();
    for (const message of messages) first.take(message);
    const templates = first.domain()?.templates() ?? [];
    const [, second = bytes, third = bytes] = messages;
    const late = createReceiver();
    const built = templateMessages(second, templates);
    for (const message of [...built, second, ...templateMessages(third, templates), third])
      late.take(message);
    expect(built.every((message) => message.length <= 1280)).toBe(true);
    expect(late.problems).toEqual([]);
    expect(late.counters()).toMatchObject({ pendingKept: 0 });
    expect(late.domain()?.counters).toMatchObject({ unitsLost: 0, duplicates: 0, reordered: 0, restarts: 0 });
    expect(late.domain()?.templates()).toEqual(templates);
    expect(late.batch.rowCount).toBeGreaterThan(0);
  });

  test('NetFlow v9, options templates with their scopes included', () => {
    const first = createReceiver();
    first.take(v9(1, ...V9_TEMPLATES));
    const templates = first.domain()?.templates() ?? [];
    expect(templates).toHaveLength(2);
    const data = v9(8, ...V9_RECORDS);
    const late = createReceiver();
    for (const message of [...templateMessages(data, templates), data]) late.take(message);
    expect(late.problems).toEqual([]);
    expect(late.batch.rowCount).toBe(1);
    expect(late.options).toEqual([{ scope: { ingressInterface: 3 }, fields: { samplingInterval: 100 } }]);
    expect(late.domain()?.counters).toMatchObject({ unitsLost: 0, duplicates: 0, restarts: 0 });
    expect(late.domain()?.templates()).toEqual(templates);
  });

  test('many templates make several messages, none of them too long', () => {
    const templates = Array.from({ length: 300 }, (_, index) => ({
      template: {
        templateId: 256 + index,
        scopeFieldCount: 0,
        fields: [
          { enterpriseNumber: 0, elementId: 8, length: 4 },
          { enterpriseNumber: 29305, elementId: 1, length: 8 },
        ],
      },
      options: false,
    }));
    const header = Uint8Array.from(u16(10, 16, 0x6500, 0, 0, 5, 0, 7));
    const messages = templateMessages(header, templates);
    expect(messages.length).toBeGreaterThan(1);
    const late = createReceiver();
    for (const message of messages) {
      expect(message.length).toBeLessThanOrEqual(1280);
      late.take(message);
    }
    expect(late.domain()?.templates()).toHaveLength(300);
    expect(late.problems).toEqual([]);
  });

  test('versions without templates get none', () => {
    expect(templateMessages(Uint8Array.from(u16(5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), [])).toEqual([]);
    expect(templateMessages(new Uint8Array(3), [])).toEqual([]);
  });
});

test('carriesTemplates', () => {
  expect(carriesTemplates(v9(1, ...V9_TEMPLATES))).toBe(true);
  expect(carriesTemplates(v9(1, ...V9_RECORDS))).toBe(false);
  expect(carriesTemplates(v9(1, ...V9_RECORDS, ...V9_TEMPLATES))).toBe(true);
  expect(carriesTemplates(Uint8Array.from([...u16(10, 20, 0, 0, 0, 0, 0, 0), ...u16(3, 4)]))).toBe(true);
  expect(carriesTemplates(Uint8Array.from([...u16(10, 20, 0, 0, 0, 0, 0, 0), ...u16(300, 0)]))).toBe(false);
  expect(carriesTemplates(Uint8Array.from(u16(5, 0)))).toBe(false);
});
