/** Detections over packet traces, metered by our own meter; the traces lie beside the repository, or the test is skipped. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import {
  AddressFeeds,
  DetectionMemory,
  defaultParameters,
  HOME_NETWORKS_DEFAULT,
  parseNetwork,
  type TimeRange,
} from '@weir/analysis';
import { createManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WrittenFlow, writeFlows } from '../test-flows.test-support.ts';
import { detectionNamed } from './detection-settings.ts';

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const WEIR = path.join(ROOT, 'packages/cli/bin/weir.js');
const TRACES = path.join(ROOT, '../shared/fixtures/packets');
/** nmap looks for web servers on a network, and asks those that it finds for their version. */
const SCAN = 'zeek/Traces/nmap-vsn.pcap';
/** People who browse, watch and talk. */
const CLEAN = ['zeek/Traces/wikipedia.pcap', 'zeek/Traces/workshop_2011_browse.pcap', 'nDPI/pcap/1kxun.pcap'];
const QUICK = ['portScan', 'hostSweep', 'scanStatistics', 'bruteForce', 'dnsTunnel', 'exfiltration', 'ddos'];
const HOUR_MS = 3_600_000;
const HOME = HOME_NETWORKS_DEFAULT.flatMap((text) => parseNetwork(text) ?? []);

describe.skipIf(!existsSync(path.join(TRACES, SCAN)))('detections on packet traces', () => {
  let folder: string;
  let store: FlowStore;
  const ranges = new Map<string, TimeRange>();
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-traces-'));
    const flows: WrittenFlow[] = [];
    for (const name of [SCAN, ...CLEAN]) {
      const metered = meter(path.join(TRACES, name));
      const ends = metered.map(({ flowEnd = 0 }) => flowEnd);
      const fromMs = Math.floor(Math.min(...ends) / HOUR_MS) * HOUR_MS;
      ranges.set(name, { fromMs, toMs: Math.ceil((Math.max(...ends) + 1) / HOUR_MS) * HOUR_MS });
      flows.push(...metered);
    }
    const clock = createManualClock(flows[0]?.receivedAt ?? 0);
    store = await openStore({ dataDirectory: folder, logger: silentLogger, clock, options: { threads: 1 } });
    await writeFlows(store, flows);
  });
  afterAll(async () => {
    await store?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function told(id: string, name: string, changed: Record<string, number> = {}): Promise<string[]> {
    const detection = detectionNamed(id);
    const range = ranges.get(name) ?? { fromMs: 0, toMs: 0 };
    const findings = await detection.run(
      async (sql, asked) => (await store.sql(sql, { range: asked })).rows,
      {
        range,
        parameters: { ...defaultParameters(detection), ...changed },
        home: HOME,
        counted: 'true',
        memory: new DetectionMemory(detection.memoryRowsMax),
        feeds: new AddressFeeds(),
      },
    );
    return findings.map(({ subject }) => subject.value);
  }

  test('the sweep of nmap is found where as few hosts as it tried are wanted, and is too small otherwise', async () => {
    expect(await told('hostSweep', SCAN, { hostsMin: 5 })).toContain('192.168.1.71');
    expect(await told('hostSweep', SCAN)).toEqual([]);
  });

  test.each(CLEAN)('%s: nothing is told', async (name) => {
    for (const id of QUICK) expect([id, await told(id, name)]).toEqual([id, []]);
  });
});

/** The flows of a trace; those of IPv6 are left out. */
function meter(file: string): WrittenFlow[] {
  const { stdout } = spawnSync(process.execPath, [WEIR, 'meter', file, '--json'], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, string | number>)
    .filter((fields) => fields['sourceIPv4Address'] !== undefined)
    .map((fields) => {
      const of = (name: string) => Number(fields[name] ?? 0);
      const end = Date.parse(String(fields['flowEndMilliseconds']));
      return {
        src: String(fields['sourceIPv4Address']),
        dst: String(fields['destinationIPv4Address']),
        srcPort: of('sourceTransportPort'),
        dstPort: of('destinationTransportPort'),
        protocol: of('protocolIdentifier'),
        tcpFlags: of('tcpControlBits'),
        packets: of('packetDeltaCount'),
        octets: of('octetDeltaCount'),
        flowStart: Date.parse(String(fields['flowStartMilliseconds'])),
        flowEnd: end,
        receivedAt: end,
      };
    });
}
