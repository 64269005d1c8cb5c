import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBufferSender, silentLogger, systemClock, UserError } from '@weir/base';
import {
  createMessageSplitter,
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatchNote,
  flowBatchOctets,
} from '@weir/ipfix';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBatchWriter } from './batch-writer.ts';
import { type CountingStore, createCountingStore } from './counting-store.ts';
import { ALARM_LIMITS_DEFAULT } from './exporter-health.ts';
import { openFileReception } from './file-reception.ts';
import type { FileSourceStatus } from './file-source-status.ts';
import { createFlowSource } from './flow-source.ts';
import type { PacketTaker } from './packet-file.ts';
import { createRecordMix } from './record-mix.ts';
import type { TemplateRecords } from './template-file.ts';

let folder: string;
let data: string;
const cleanUps: (() => Promise<unknown> | unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-drop-'));
  data = mkdtempSync(join(tmpdir(), 'weir-data-'));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  rmSync(folder, { recursive: true, force: true });
  rmSync(data, { recursive: true, force: true });
});

/** A file of IPFIX messages as datagrams of one exporter; text is no such file. */
async function readDatagrams(path: string, taker: PacketTaker): Promise<void> {
  const bytes = await readFile(path);
  if (bytes.subarray(0, 4).toString() === 'text')
    throw new UserError('file_not_recognized', 'no export packets');
  const origin = {
    exporterAddress: '192.0.2.1',
    localSocket: '10.0.0.1:4739',
    transport: 'udp',
    timestampMs: 1_700_000_000_000,
    stream: 'one',
  } as const;
  const messages: Uint8Array[] = [];
  const splitter = createMessageSplitter({
    message: (message) => void messages.push(message.slice()),
    problem: (problem) => taker.problem(problem, origin),
  });
  splitter.push(bytes);
  for (const message of messages) {
    taker.packet(message, origin);
    await taker.room();
  }
  splitter.end();
}

function createMessages(seed = 1) {
  const mix = createRecordMix({ seed });
  const bytes = new Uint8Array(1500);
  return {
    totals: mix.totals,
    next: (count: number, withTemplates = false) =>
      Buffer.concat(
        Array.from({ length: count }, (_, index) =>
          bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, withTemplates && index === 0)),
        ),
      ),
  };
}

/** Writes a file that has been at rest for long. */
function drop(name: string, bytes: Uint8Array | string, minutesAgo = 10): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  rest(path, minutesAgo);
  return path;
}

function rest(path: string, minutesAgo = 10): void {
  const time = Date.now() / 1000 - minutesAgo * 60;
  utimesSync(path, time, time);
}

interface Options {
  path?: string;
  templates?: TemplateRecords;
  settle?: () => Promise<void>;
}

async function open(
  store: CountingStore,
  { path = folder, templates, settle = async () => {} }: Options = {},
) {
  const sender = createBufferSender<FlowBatchNote>(
    store.connectWriter(),
    4,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  const writer = createBatchWriter({ sender, capacity: FLOW_BATCH_ROWS_DEFAULT, clock: systemClock });
  const reception = await openFileReception({
    source: createFlowSource({ name: 'files', monitoringPort: 1 }),
    sourceFilePath: path,
    dataDirectory: data,
    alarmLimitsOf: () => ALARM_LIMITS_DEFAULT,
    templates,
    writer,
    readExportPackets: readDatagrams,
    async settle() {
      writer.flush();
      await sender.drained();
      await settle();
    },
    clock: systemClock,
    logger: silentLogger,
  });
  let closed: Promise<void> | undefined;
  async function end(): Promise<void> {
    await reception.finish();
    await reception.close();
    writer.flush();
    await sender.drained();
    sender.close();
  }
  const close = () => {
    closed ??= end();
    return closed;
  };
  cleanUps.push(close);
  return { reception, close, files: () => reception.files?.() as FileSourceStatus };
}

function createStore(): CountingStore {
  const store = createCountingStore();
  cleanUps.push(() => store.close());
  return store;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('a folder', () => {
  test('is taken in the order of writing, once, templates serving the files behind', async () => {
    const { next, totals } = createMessages();
    const first = next(3, true);
    drop('b', first, 20);
    drop('a', next(4), 10);
    drop('.hidden', first);
    drop('c.tmp', first);
    drop('readme.txt', 'text that is no capture', 5);
    const store = createStore();
    const { close, files, reception } = await open(store);
    await until(() => files().taken === 3);
    await close();
    expect(store.sums.records).toBe(totals.records);
    expect(files()).toMatchObject({
      taken: 3,
      failed: 1,
      waiting: 0,
      recent: [
        { name: 'readme.txt', packets: 0, records: 0, problem: 'no export packets' },
        { name: 'a', packets: 4, problem: undefined },
        { name: 'b', packets: 3, problem: undefined },
      ],
    });
    expect(reception.counters()).toMatchObject({ datagrams: 7 });
    expect([...store.exporters.values()]).toMatchObject([{ address: '192.0.2.1', source: 'files' }]);
    const again = await open(store);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await again.close();
    expect(again.files()).toMatchObject({ taken: 0 });
    expect(store.sums.records).toBe(totals.records);
  });

  test('has subfolders, which are followed five deep', async () => {
    const { next, totals } = createMessages();
    const deep = '2026/01/31/23/55';
    mkdirSync(join(folder, deep, 'deeper'), { recursive: true });
    mkdirSync(join(folder, '.hidden'));
    const first = next(2, true);
    drop(join(deep, 'a'), first);
    drop(join('2026/01', 'b'), next(1), 5);
    drop(join(deep, 'deeper/c'), first);
    drop('.hidden/d', first);
    const store = createStore();
    const { close, files } = await open(store);
    await until(() => files().taken === 2);
    await close();
    expect(files().recent.map(({ name }) => name)).toEqual(['2026/01/b', `${deep}/a`]);
    expect(store.sums.records).toBe(totals.records);
  });

  test('what appears later is taken, what is renamed is not taken again', async () => {
    const { next, totals } = createMessages();
    const path = drop('one', next(2, true));
    const store = createStore();
    const { close, files } = await open(store);
    await until(() => files().taken === 1);
    renameSync(path, join(folder, 'one.old'));
    drop('two', next(2));
    await until(() => files().taken === 2);
    await close();
    expect(files().recent.map(({ name }) => name)).toEqual(['two', 'one']);
    expect(store.sums.records).toBe(totals.records);
  }, 20_000);

  test('what is appended to a file that was taken is taken, and only that', async () => {
    const { next, totals } = createMessages();
    const path = drop('growing', next(2, true));
    const store = createStore();
    const first = await open(store);
    await until(() => first.files().taken === 1);
    const whole = next(1);
    appendFileSync(path, Buffer.concat([next(2), whole.subarray(0, 10)]));
    rest(path, 5);
    await until(() => first.files().taken === 2);
    expect(first.files().recent[0]).toMatchObject({ packets: 4, problem: expect.any(String) });
    await first.close();
    appendFileSync(path, whole.subarray(10));
    rest(path, 4);
    const second = await open(store);
    await until(() => second.files().taken === 1);
    await second.close();
    expect(second.files().recent[0]).toMatchObject({ packets: 5, problem: undefined });
    expect(store.sums.records).toBe(totals.records);
  }, 20_000);

  test('another file under a name that is known is another file', async () => {
    const { next, totals } = createMessages();
    drop('daily', next(2, true));
    const store = createStore();
    const { close, files } = await open(store);
    await until(() => files().taken === 1);
    writeFileSync(join(folder, 'new.tmp'), next(3));
    rest(join(folder, 'new.tmp'));
    renameSync(join(folder, 'new.tmp'), join(folder, 'daily'));
    await until(() => files().taken === 2);
    await close();
    expect(store.sums.records).toBe(totals.records);
  }, 20_000);
});

test('a folder that vanishes is told, and followed again when it is back', async () => {
  const { next, totals } = createMessages();
  const store = createStore();
  const path = join(folder, 'inner');
  mkdirSync(path);
  const { close, files } = await open(store, { path });
  rmSync(path, { recursive: true });
  await until(() => files().problem !== undefined);
  expect(files().problem).toContain('ENOENT');
  mkdirSync(path);
  drop('inner/one', next(2, true));
  await until(() => files().taken === 1);
  expect(files().problem).toBeUndefined();
  await close();
  expect(store.sums.records).toBe(totals.records);
}, 60_000);

describe('one file', () => {
  test('is replayed', async () => {
    const { next, totals } = createMessages();
    const store = createStore();
    const { close, files } = await open(store, { path: drop('one', next(5, true)) });
    await until(() => files().taken === 1);
    await close();
    expect(store.sums.records).toBe(totals.records);
  });

  test('that is not there is named', async () => {
    await expect(open(createStore(), { path: join(folder, 'none') })).rejects.toThrow(/none: cannot be read/);
  });
});

describe('an unclean end', () => {
  test('nothing is noted that the store has not flushed; reading goes on behind what is noted', async () => {
    const { next, totals } = createMessages();
    drop('a', next(2, true), 20);
    drop('b', next(2), 10);
    const store = createStore();
    let settled = 0;
    const dead = await open(store, {
      // The second flush never comes: the process is killed while it waits.
      settle: () => (++settled === 1 ? Promise.resolve() : new Promise(() => {})),
    });
    await until(() => settled === 2);
    expect(dead.files().taken).toBe(1);
    cleanUps.splice(cleanUps.indexOf(dead.close), 1);
    const templates = dead.reception.messages.snapshot();
    const once = store.sums.records;
    expect(once).toBe(totals.records);

    const { close, files } = await open(store, { templates });
    await until(() => files().taken === 1);
    await close();
    // b came twice, a once.
    expect(files().recent.map(({ name }) => name)).toEqual(['b']);
    expect(store.sums.records).toBeGreaterThan(once);
    expect(store.sums.records).toBeLessThan(2 * once);
  });
});
