import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  AddressFeeds,
  type AlertFinding,
  type AnswerRow,
  DETECTIONS,
  DetectionMemory,
  defaultParameters,
  type TimeRange,
} from '@weir/analysis';
import { createManualClock, type ManualClock, silentLogger, UserError } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AnalysisQueue, type AnalysisStore, createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { runDetection } from './detection-parts.ts';
import { createDetectionRunner } from './detection-runner.ts';
import {
  checkedParameters,
  type DetectionSettings,
  detectionNamed,
  openDetectionSettings,
} from './detection-settings.ts';
import { createDryRuns } from './dry-run.ts';
import { createFeedFolder } from './feed-folder.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** portScan asks twice; here only its question for TCP counts. Ports of traceroute are in the other one. */
const ASKS_FOR_UDP = '33434 AND 33534';
/** 12:03:30, so that two minutes ago the step of 11:55 to 12:00 was over. */
const NOW_MS = Date.UTC(2026, 4, 3, 12, 3, 30);

let folder: string;
let clock: ManualClock;
let asked: TimeRange[];
let answer: (range: TimeRange) => AnswerRow[];
let settings: DetectionSettings;
let queue: AnalysisQueue;

const store: AnalysisStore = {
  query: () => Promise.reject(new Error('not asked here')),
  sql: async (text, options) => {
    const range = options?.range;
    if (range === undefined) throw new Error('a detection asks for a time range');
    if (text.includes(ASKS_FOR_UDP)) return { columns: [], rows: [], truncated: false, elapsedMs: 1 };
    asked.push(range);
    return { columns: [], rows: answer(range), truncated: false, elapsedMs: 1 };
  },
};

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-detections-'));
  clock = createManualClock(NOW_MS);
  [asked, answer] = [[], () => []];
  queue = createAnalysisQueue({ store, clock, logger: silentLogger });
  const detections = Object.fromEntries(
    DETECTIONS.map(({ id }) => [id, { enabled: id === 'portScan', parameters: {} }]),
  );
  mkdirSync(path.join(folder, 'detections'));
  const kept = { version: 1, home: ['10.0.0.0/8'], except: '', detections };
  writeFileSync(path.join(folder, 'detections', 'settings.json'), JSON.stringify(kept));
  settings = openDetectionSettings(folder, silentLogger);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A scan of as many ports in the step that began at `stepMs`. */
function scanOf(stepMs: number, ports: number): AnswerRow {
  return {
    srcAddrHi: 0,
    srcAddrLo: 0xffff_0000_0000 + 0x0a000001,
    dstAddrHi: 0,
    dstAddrLo: 0xffff_0000_0000 + 0x0a000002,
    step: stepMs / (5 * MINUTE_MS),
    different: ports,
    tries: ports,
    dropped: 0,
    firstMs: stepMs,
    lastMs: stepMs + MINUTE_MS,
  };
}

function createRunner(raised: AlertFinding[] = [], firstRecordMs: number | undefined = 1) {
  const feeds = createFeedFolder(path.join(folder, 'feeds'), silentLogger);
  const alerts = {
    raise: (finding: AlertFinding) => {
      raised.push(finding);
      return 'opened' as const;
    },
  };
  const shared = { dataDirectory: folder, clock, logger: silentLogger };
  return createDetectionRunner({
    ...shared,
    queue,
    alerts,
    settings,
    feeds,
    firstRecordMs: async () => firstRecordMs,
  });
}

describe('the runner', () => {
  test('a store that is new is asked about nothing before its first record', async () => {
    const hourAgo = createRunner([], NOW_MS - HOUR_MS);
    await hourAgo.runDue();
    expect(asked[0]?.fromMs).toBe(Date.UTC(2026, 4, 3, 11));
    await hourAgo.stop();
  });

  test('an empty store is asked about nothing, and looked at from then on', async () => {
    const feeds = createFeedFolder(path.join(folder, 'feeds'), silentLogger);
    const alerts = { raise: () => 'opened' as const };
    const shared = { dataDirectory: folder, clock, logger: silentLogger };
    const firstRecordMs = async () => undefined;
    const runner = createDetectionRunner({ ...shared, queue, alerts, settings, feeds, firstRecordMs });
    await runner.runDue();
    expect(asked).toEqual([]);
    clock.advance(5 * MINUTE_MS);
    await runner.runDue();
    expect(asked).toEqual([{ fromMs: Date.UTC(2026, 4, 3, 12), toMs: Date.UTC(2026, 4, 3, 12, 5) }]);
    await runner.stop();
  });

  test('looks at each whole step once, at a day at most, two minutes late', async () => {
    const runner = createRunner();
    await runner.runDue();
    const overMs = Date.UTC(2026, 4, 3, 12);
    expect(asked[0]?.fromMs).toBe(Math.floor((NOW_MS - 24 * HOUR_MS) / (5 * MINUTE_MS)) * 5 * MINUTE_MS);
    expect(asked.at(-1)?.toMs).toBe(overMs);
    for (const [index, range] of asked.slice(1).entries()) expect(range.fromMs).toBe(asked[index]?.toMs);
    asked = [];
    await runner.runDue();
    clock.advance(3 * MINUTE_MS);
    await runner.runDue();
    expect(asked).toEqual([]);
    clock.advance(MINUTE_MS);
    await runner.runDue();
    expect(asked).toEqual([{ fromMs: overMs, toMs: overMs + 5 * MINUTE_MS }]);
    await runner.stop();
  });

  test('raises what it finds, and goes on after a restart where it was', async () => {
    const raised: AlertFinding[] = [];
    const first = createRunner(raised);
    answer = ({ toMs }) => [scanOf(toMs - 5 * MINUTE_MS, 40)];
    await first.runDue();
    expect(raised.at(-1)).toMatchObject({
      detection: 'portScan',
      subject: { kind: 'pair', value: '10.0.0.1 → 10.0.0.2' },
      evidence: { filter: 'src host 10.0.0.1 and dst host 10.0.0.2', to: '2026-05-03T12:00:00.000Z' },
    });
    expect(raised.at(-1)?.evidence.numbers[0]).toMatchObject({ name: 'ports', value: 40, threshold: 15 });
    await first.stop();
    asked = [];
    clock.advance(5 * MINUTE_MS);
    const second = createRunner();
    await second.runDue();
    expect(asked).toHaveLength(1);
    expect(second.state('portScan').counters).toMatchObject({ runs: 1, findings: 1 });
    await second.stop();
  });

  test('a look that fails is said and not repeated for ever', async () => {
    const runner = createRunner();
    answer = () => {
      throw new Error('no memory');
    };
    await runner.runDue();
    const { counters, lastError, doneMs } = runner.state('portScan');
    expect(counters.failures).toBe(counters.runs);
    expect(lastError).toBe('no memory');
    expect(doneMs).toBe(Date.UTC(2026, 4, 3, 12));
    await runner.stop();
  });
});

test('an hour that is too busy for one question is asked for in parts, by source', async () => {
  const texts: string[] = [];
  const busy: AnalysisStore = {
    query: store.query,
    sql: async (text) => {
      texts.push(text);
      const rows = text.startsWith('SELECT count(*)') ? [{ records: 70_000_000 }] : [];
      return { columns: [], rows, truncated: false, elapsedMs: 1 };
    },
  };
  const detection = detectionNamed('exfiltration');
  const context = {
    range: { fromMs: 0, toMs: HOUR_MS },
    parameters: defaultParameters(detection),
    home: settings.home(),
    counted: 'true',
    memory: new DetectionMemory(10),
    feeds: new AddressFeeds(),
  };
  const busyQueue = createAnalysisQueue({ store: busy, clock, logger: silentLogger });
  await runDetection(busyQueue, 'test', detection, context, new AbortController().signal);
  expect(
    texts.slice(1).map((text) => /hash\("srcAddrHi", "srcAddrLo"\) % 3 = \d/.exec(text)?.[0].at(-1)),
  ).toEqual(['0', '1', '2']);
});

test('a detection that gets no turn looks at the same flows later', async () => {
  queue = {
    run: () => Promise.reject(new UserError('analysis_busy', 'too many wait')),
    counters: () => ({}),
  };
  const runner = createRunner();
  await runner.runDue();
  expect(runner.state('portScan')).toMatchObject({ doneMs: 0, counters: { runs: 0, failures: 0 } });
  await runner.stop();
});

describe('a dry run', () => {
  test('counts what would have been told, by day, and tells nobody', async () => {
    const runs = createDryRuns({ queue, settings, feeds: createFeedFolder(folder, silentLogger) });
    answer = ({ fromMs, toMs }) => [scanOf(fromMs, 20), scanOf(toMs - 5 * MINUTE_MS, 30)];
    const range = { fromMs: NOW_MS - 48 * HOUR_MS, toMs: NOW_MS };
    const run = runs.start(detectionNamed('portScan'), { portsMin: 15 }, range);
    await expect.poll(() => run.state).toBe('done');
    expect(run).toMatchObject({ findings: 16, alerts: 1, progress: 1 });
    expect(Object.values(run.perDay).reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(run.shown[0]?.count).toBe(16);
    expect(runs.of('portScan')).toBe(run);
    expect(runs.of('beacon')).toBeUndefined();
  });

  test('says why it failed', async () => {
    const runs = createDryRuns({ queue, settings, feeds: createFeedFolder(folder, silentLogger) });
    answer = () => {
      throw new Error('no memory');
    };
    const run = runs.start(detectionNamed('portScan'), { portsMin: 15 }, { fromMs: 0, toMs: HOUR_MS });
    await expect.poll(() => run.state).toBe('failed');
    expect(run.error).toBe('no memory');
  });
});

describe('settings', () => {
  test('are kept, and refuse what makes no sense', async () => {
    const scan = detectionNamed('portScan');
    await settings.change(scan, { parameters: { portsMin: 40 } });
    const again = openDetectionSettings(folder, silentLogger);
    expect(again.choice(scan)).toEqual({ enabled: true, parameters: { portsMin: 40 } });
    expect(() => checkedParameters(scan, { ports: 1 })).toThrow(
      'there is no parameter ports (there are: portsMin)',
    );
    expect(() => checkedParameters(scan, { portsMin: 1 })).toThrow(
      '1 is not allowed (allowed: 3 to 65535 ports)',
    );
    expect(() => detectionNamed('magic')).toThrow('no detection magic');
    await expect(settings.changeCommon({ home: ['here'], except: '' })).rejects.toThrow(
      "'here' is no network",
    );
    await expect(settings.changeCommon({ home: [], except: 'host' })).rejects.toThrow();
    await settings.changeCommon({ home: ['10.0.0.0/8'], except: 'host 10.0.0.9' });
    expect(settings.counted()).toContain('IS NOT TRUE');
    expect(settings.home()).toHaveLength(1);
  });
});

describe('feeds', () => {
  test('are read again when a file has changed', async () => {
    const feeds = createFeedFolder(path.join(folder, 'feeds'), silentLogger);
    expect((await feeds.read()).feeds).toEqual([]);
    mkdirSync(path.join(folder, 'feeds'));
    const file = path.join(folder, 'feeds', 'bad.netset');
    writeFileSync(file, '198.51.100.1\n');
    writeFileSync(path.join(folder, 'feeds', 'notes.md'), '198.51.100.2\n');
    const first = await feeds.read();
    expect(first.networks()).toHaveLength(1);
    expect(await feeds.read()).toBe(first);
    writeFileSync(file, '198.51.100.1\n198.51.100.0/25\n');
    utimesSync(file, new Date(NOW_MS), new Date(NOW_MS));
    const second = await feeds.read();
    expect(second.networks()).toHaveLength(2);
    expect(second.feeds[0]).toMatchObject({ name: 'bad.netset', changedMs: NOW_MS });
  });
});
