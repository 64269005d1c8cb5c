import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock, type ManualClock, silentLogger, UserError } from '@weir/base';
import { createMessageSplitter, createRecordDecoder, type Template } from '@weir/ipfix';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createExporter, type Exporter } from './exporter.ts';
import { batchOf, type FlowFixture } from './flow-fixture.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { parseProfile } from './profile.ts';
import { openSpool, type Spool, type SpoolLoss } from './spool.ts';
import { createStreamCollector, type StreamCollector } from './stream-collector-fixture.ts';

const START_MS = 1_700_000_000_000;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-spool-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const template: Template = {
  templateId: 256,
  scopeFieldCount: 0,
  fields: [
    { enterpriseNumber: 0, elementId: 1, length: 8 },
    { enterpriseNumber: 0, elementId: 2, length: 8 },
    { enterpriseNumber: 0, elementId: 82, length: 65535 },
  ],
};

/** A message of one record with so many octets and one packet, and a name of `padding` characters. */
function messageOf(octets: number, padding = 0): OutgoingMessage {
  const bytes = new Uint8Array(16 + 4 + 16 + 3 + padding);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 10);
  view.setUint16(2, bytes.length);
  view.setUint32(12, 1);
  view.setUint16(16, 256);
  view.setUint16(18, bytes.length - 16);
  view.setBigUint64(20, BigInt(octets));
  view.setBigUint64(28, 1n);
  view.setUint8(36, 255);
  view.setUint16(37, padding);
  return { bytes, records: 1, flows: 1, packets: 1, octets, templates: [template] };
}

interface Bench {
  readonly spool: Spool;
  readonly losses: SpoolLoss[];
  readonly problems: string[];
}

function open(octetsMax = 1_048_576): Bench {
  const losses: SpoolLoss[] = [];
  const problems: string[] = [];
  const spool = openSpool({
    folder: join(folder, 'spool'),
    octetsMax,
    observationDomainId: 1,
    messageOctetsMax: 1400,
    nowMs: () => START_MS,
    onLoss: (loss) => void losses.push(loss),
    onProblem: (problem) => void problems.push(problem),
  });
  return { spool, losses, problems };
}

/** Resolves when nothing of the spool waits to be forced to the disk. */
async function forced(spool: Spool): Promise<void> {
  // As long as the test may take: a busy disk takes seconds.
  while (spool.unsyncedOctets > 0) await new Promise((done) => setTimeout(done, 1));
}

/** Sends up to `count` messages and gives their octets. */
function drain({ spool }: Bench, count = Number.POSITIVE_INFINITY): number[] {
  const sent: number[] = [];
  while (sent.length < count) {
    const message = spool.peek();
    if (message === undefined) break;
    sent.push(message.octets);
    spool.settle(true);
  }
  return sent;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function segments(): string[] {
  return readdirSync(join(folder, 'spool')).filter((name) => name.endsWith('.ipfix'));
}

describe('a spool', () => {
  test('gives back what it took, in order, with counts and templates, and is empty then', () => {
    const bench = open();
    for (const octets of range(1, 1000)) bench.spool.append(messageOf(octets, octets % 300));
    expect(bench.spool.isEmpty).toBe(false);
    expect(bench.spool.peek()).toMatchObject({ records: 1, flows: 1, packets: 1, octets: 1 });
    expect(bench.spool.peek()?.templates).toEqual([template]);
    expect(drain(bench)).toEqual(range(1, 1000));
    expect(bench.spool).toMatchObject({ isEmpty: true, octets: 0 });
    expect(segments()).toEqual([]);
    expect(bench.losses).toEqual([]);
    expect(bench.problems).toEqual([]);
    bench.spool.close();
  });

  test('takes more after everything was sent, over restarts too', () => {
    for (let first = 1; first < 100; first += 20) {
      const bench = open();
      for (const octets of range(first, first + 9)) bench.spool.append(messageOf(octets));
      expect(drain(bench)).toEqual(range(first, first + 9));
      for (const octets of range(first + 10, first + 19)) bench.spool.append(messageOf(octets));
      expect(drain(bench)).toEqual(range(first + 10, first + 19));
      bench.spool.close();
    }
  });

  test('a message that was not sent is given again', () => {
    const bench = open();
    bench.spool.append(messageOf(1));
    bench.spool.append(messageOf(2));
    expect(bench.spool.peek()?.octets).toBe(1);
    bench.spool.settle(false);
    expect(drain(bench)).toEqual([1, 2]);
    bench.spool.close();
  });

  test('messages that are older than all others go first', () => {
    const bench = open();
    for (const octets of [4, 5]) bench.spool.append(messageOf(octets));
    bench.spool.prepend([messageOf(2), messageOf(3)]);
    bench.spool.prepend([messageOf(1)]);
    bench.spool.append(messageOf(6));
    expect(drain(bench)).toEqual(range(1, 6));
    bench.spool.close();
  });

  test('goes on after a restart where it was', () => {
    let bench = open();
    for (const octets of range(1, 500)) bench.spool.append(messageOf(octets, 100));
    expect(drain(bench, 200)).toEqual(range(1, 200));
    bench.spool.close();
    bench = open();
    bench.spool.checkpoint();
    bench.spool.close();
    bench = open();
    expect(drain(bench, 10)).toEqual(range(201, 210));
    for (const octets of range(501, 600)) bench.spool.append(messageOf(octets));
    expect(drain(bench)).toEqual(range(211, 600));
    bench.spool.close();
  });

  test('drops the oldest when it is full, counted, also when it is being sent', () => {
    const bench = open(1_048_576);
    for (const octets of range(1, 100)) bench.spool.append(messageOf(octets, 1000));
    expect(drain(bench, 3)).toEqual([1, 2, 3]);
    expect(bench.spool.peek()?.octets).toBe(4);
    for (const octets of range(101, 3000)) bench.spool.append(messageOf(octets, 1000));
    expect(bench.spool.octets).toBeLessThanOrEqual(1_048_576);
    // Message 4 was being sent when its segment went.
    bench.spool.settle(true);
    const sent = drain(bench);
    const lost = bench.losses.reduce((sum, { flows }) => sum + flows, 0);
    const lostOctets = bench.losses.reduce((sum, { octets }) => sum + octets, 0);
    expect(sent).toEqual(range(3000 - sent.length + 1, 3000));
    expect(lost).toBe(3000 - 4 - sent.length);
    expect(lostOctets).toBe(range(5, 3000 - sent.length).reduce((sum, octets) => sum + octets, 0));
    bench.spool.close();
  });

  test('a message whose segment went while it was sent counts as lost when it was not sent', () => {
    const bench = open(1_048_576);
    bench.spool.append(messageOf(1, 1000));
    expect(bench.spool.peek()?.octets).toBe(1);
    for (const octets of range(2, 1500)) bench.spool.append(messageOf(octets, 1000));
    bench.spool.settle(false);
    const sent = drain(bench);
    expect(bench.losses.reduce((sum, { messages }) => sum + messages, 0)).toBe(1500 - sent.length);
    bench.spool.close();
  });

  test('forces what was appended to the disk at each checkpoint, and segments that are full', async () => {
    const { spool, problems } = open();
    spool.append(messageOf(1, 100));
    expect(spool.unsyncedOctets).toBe(spool.octets);
    spool.checkpoint();
    spool.append(messageOf(2, 100));
    await new Promise((done) => setTimeout(done, 50));
    expect(spool.unsyncedOctets).toBeGreaterThan(0);
    spool.checkpoint();
    await forced(spool);
    // A segment has 16 KiB.
    for (let i = 0; i < 100; i += 1) spool.append(messageOf(i, 1000));
    expect(spool.unsyncedOctets).toBeGreaterThan(90_000);
    spool.checkpoint();
    await forced(spool);
    spool.prepend([messageOf(0, 100)]);
    expect(spool.unsyncedOctets).toBeGreaterThan(0);
    await forced(spool);
    spool.close();
    expect(problems).toEqual([]);
  });

  test('half a message at the end, as a killed exporter leaves it, is left out', () => {
    let bench = open();
    for (const octets of range(1, 10)) bench.spool.append(messageOf(octets));
    bench.spool.close();
    const [segment = ''] = segments();
    appendFileSync(join(folder, 'spool', segment), messageOf(11).bytes.subarray(0, 30));
    bench = open();
    for (const octets of range(12, 20)) bench.spool.append(messageOf(octets));
    expect(drain(bench)).toEqual([...range(1, 10), ...range(12, 20)]);
    expect(bench.problems[0]).toMatch(/the last 30 octets are damaged/);
    bench.spool.close();
  });

  test('each segment is an IPFIX File that a decoder reads without the others', () => {
    const bench = open();
    for (const octets of range(1, 200)) bench.spool.append(messageOf(octets, 500));
    bench.spool.close();
    expect(segments().length).toBeGreaterThan(1);
    const found: number[] = [];
    for (const name of segments()) {
      const decoder = createRecordDecoder();
      const session = {
        exporterAddress: '0.0.0.0',
        localSocket: name,
        transport: 'file',
        source: '',
      } as const;
      const sink = {
        record: ({ fields }: { fields: object }) =>
          void found.push(Number(Reflect.get(fields, 'octetDeltaCount'))),
        problem: ({ message }: { message: string }) => void bench.problems.push(message),
      };
      const splitter = createMessageSplitter({
        message: (bytes) => decoder.decodeDatagram(bytes, session, 0, sink),
        problem: sink.problem,
      });
      splitter.push(readFileSync(join(folder, 'spool', name)));
      splitter.end();
    }
    expect(found).toEqual(range(1, 200));
    expect(bench.problems).toEqual([]);
  });

  test('belongs to one exporter; one that is no more leaves it free', () => {
    const bench = open();
    expect(() => open()).toThrow(UserError);
    expect(() => open()).toThrow('another exporter uses it');
    bench.spool.close();
    writeFileSync(join(folder, 'spool', 'lock'), '4194305 1');
    open().spool.close();
    expect(existsSync(join(folder, 'spool', 'lock'))).toBe(false);
  });

  test('behaves as a list that is bounded, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 60 }) }),
      fc.record({ kind: fc.constant('fail' as const), count: fc.constant(1) }),
      fc.record({ kind: fc.constant('reopen' as const), count: fc.constant(1) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        rmSync(join(folder, 'spool'), { recursive: true, force: true });
        let bench = open(1_048_576);
        let model: number[] = [];
        let next = 1;
        for (const { kind, count } of steps) {
          if (kind === 'append') {
            for (let i = 0; i < count; i += 1) bench.spool.append(messageOf(next++, 3000));
            model.push(...range(next - count, next - 1));
            model = model.slice(bench.losses.splice(0).reduce((sum, { messages }) => sum + messages, 0));
          } else if (kind === 'send') expect(drain(bench, count)).toEqual(model.splice(0, count));
          else if (kind === 'fail') {
            expect(bench.spool.peek()?.octets).toBe(model[0]);
            bench.spool.settle(false);
          } else {
            bench.spool.close();
            bench = open(1_048_576);
          }
          expect(bench.spool.octets).toBeLessThanOrEqual(1_048_576);
        }
        expect(drain(bench)).toEqual(model);
        expect(bench.spool.octets).toBe(0);
        bench.spool.close();
      }),
      { numRuns: 30 },
    );
  });
});

/** Flows whose octets number them: `from`, `from + 1` … */
function flows(from: number, count: number, columns: FlowFixture['columns'] = {}): FlowFixture[] {
  return range(from, from + count - 1).map((octets) => ({
    source: '10.0.0.1',
    destination: '192.0.2.1',
    protocol: 17,
    octets,
    packets: 1,
    columns,
  }));
}

async function until(clock: ManualClock, isSo: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 4000; i += 1) {
    if (isSo()) return;
    clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never: ${what}`);
}

describe('an exporter with a spool', () => {
  const clock = createManualClock(START_MS);

  async function startExporter(collector: StreamCollector, metadata: object = {}): Promise<Exporter> {
    const text = JSON.stringify({
      FlowMetadata: {
        IpFixCollectors: [`Tcp/127.0.0.1:${collector.port}`],
        SpoolDirectory: join(folder, 'spools'),
        ...metadata,
      },
    });
    const exporter = createExporter(parseProfile(text, 'test.profile'), {
      logger: silentLogger,
      clock,
      random: () => 0,
    });
    await exporter.start();
    return exporter;
  }

  async function stop(exporter: Exporter): Promise<void> {
    let isStopped = false;
    const stopping = exporter.stop().then(() => {
      isStopped = true;
    });
    await until(clock, () => isStopped, 'stopped');
    await stopping;
  }

  async function awayCollector(): Promise<StreamCollector> {
    const collector = createStreamCollector();
    await collector.start();
    await collector.stop();
    return collector;
  }

  const only = (exporter: Exporter) => exporter.collectors()[0];

  test('replays what came while the collector was away, before what is newer', async () => {
    const collector = await awayCollector();
    const exporter = await startExporter(collector);
    for (let i = 0; i < 50; i += 1) exporter.export(batchOf(flows(i * 200 + 1, 200)));
    exporter.flush();
    expect(only(exporter)).toMatchObject({ state: 'spooling', queuedMessages: 0 });
    expect(only(exporter)?.spoolOctets).toBeGreaterThan(10_000 * 60);
    await collector.start();
    await until(clock, () => only(exporter)?.state === 'connected', 'connected');
    exporter.export(batchOf(flows(10_001, 500)));
    exporter.flush();
    await until(clock, () => collector.flowOctets.length >= 10_500, 'all flows arrived');
    await stop(exporter);
    await collector.stop();
    expect(collector.flowOctets).toEqual(range(1, 10_500));
    expect(collector.problems).toEqual([]);
    const { messagesSpooled, messagesReplayed, flowsNotSent } = only(exporter)?.counters ?? {};
    expect(messagesSpooled).toBe(messagesReplayed);
    expect(flowsNotSent).toBe(0);
    expect(only(exporter)?.spoolOctets).toBe(0);
  });

  test('keeps it over a restart of its own, whatever its templates are then', async () => {
    const collector = await awayCollector();
    let exporter = await startExporter(collector);
    exporter.export(batchOf(flows(1, 500, { vlanId: 7 })));
    await stop(exporter);
    exporter = await startExporter(collector);
    exporter.export(batchOf(flows(501, 500)));
    await collector.start();
    await until(clock, () => collector.flowOctets.length >= 500, 'the spool is replayed');
    exporter.flush();
    await until(clock, () => collector.flowOctets.length >= 1000, 'all flows arrived');
    await stop(exporter);
    await collector.stop();
    expect(collector.flowOctets).toEqual(range(1, 1000));
    expect(collector.problems).toEqual([]);
  });

  test('20 restarts of the collector and of the exporter in turn: nothing lost, nothing twice', async () => {
    const collector = createStreamCollector();
    await collector.start();
    let exporter = await startExporter(collector);
    let sent = 0;
    const notSent: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      if (round % 4 === 1) collector.pause();
      for (let i = 0; i < 5; i += 1) {
        exporter.export(batchOf(flows(sent + 1, 200)));
        sent += 200;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (round % 2 === 0) {
        const stopping = collector.stop();
        await until(clock, () => only(exporter)?.state === 'spooling', 'away');
        await stopping;
        exporter.export(batchOf(flows(sent + 1, 300)));
        sent += 300;
        if (round % 4 === 0) {
          await stop(exporter);
          notSent.push(only(exporter)?.counters.flowsNotSent ?? -1);
          exporter = await startExporter(collector);
        }
        await collector.start();
      } else {
        collector.resume();
        await stop(exporter);
        notSent.push(only(exporter)?.counters.flowsNotSent ?? -1);
        exporter = await startExporter(collector);
      }
      await until(clock, () => only(exporter)?.state === 'connected', 'connected');
    }
    exporter.flush();
    await until(clock, () => collector.flowOctets.length >= sent, 'all flows arrived');
    await stop(exporter);
    await collector.stop();
    expect(collector.flowOctets).toEqual(range(1, sent));
    expect(collector.problems).toEqual([]);
    expect(notSent.every((flowsNotSent) => flowsNotSent === 0)).toBe(true);
  });

  test('a folder that cannot be made is said before anything is sent', async () => {
    const collector = await awayCollector();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await expect(startExporter(collector, { SpoolDirectory: file })).rejects.toMatchObject({
      code: 'spool_unusable',
    });
  });
});
