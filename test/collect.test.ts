/** `weir collect` with what others send, what we replay and what we generate; `weir query` counts it. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const fixtures = path.resolve(import.meta.dirname, '../../shared/fixtures/generated');
const ALL_TIME = ['--from', '2000-01-01T00:00:00Z', '--to', '2100-01-01T00:00:00Z'];

interface Totals {
  octets: number;
  packets: number;
  flows: number;
}

interface Line {
  version: number;
  scope?: object;
  fields?: Record<string, number>;
}

function lines(stdout: string): Line[] {
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** What `weir decode` says that a file holds, without records of options. */
function totalsOfFile(file: string): Totals {
  const totals = { octets: 0, packets: 0, flows: 0 };
  for (const { scope, fields } of lines(runWeir(['decode', '--json', file]).stdout)) {
    if (scope !== undefined || fields === undefined) continue;
    totals.octets += fields['octetDeltaCount'] ?? 0;
    totals.packets += fields['packetDeltaCount'] ?? 0;
    totals.flows += 1;
  }
  return totals;
}

async function collecting(
  name: string,
  ...options: string[]
): Promise<{ weir: RunningWeir; to: string; data: string }> {
  const data = path.join(folder, name);
  const weir = startWeir(['collect', '--data', data, '--listen', 'udp/127.0.0.1:0', ...options]);
  const line = await weir.said(/listening on udp/);
  return { weir, to: `Udp/${/listening on udp\/([\d.:]+)/.exec(line)?.[1]}`, data };
}

function query(data: string, ...args: string[]): Totals[] {
  const { stdout, stderr, status } = runWeir(['query', '--data', data, ...ALL_TIME, '--json', ...args]);
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe.skipIf(!existsSync(fixtures))('captured exports, replayed (skipped: no shared fixtures)', () => {
  test.each([
    'softflowd/mp.ipfix.pcap',
    'softflowd/wiki.v9.pcap',
    'softflowd/wiki.v5.pcap',
    'softflowd/mp.v1.pcap',
  ])('%s is stored whole', async (name) => {
    const file = path.join(fixtures, name);
    const expected = totalsOfFile(file);
    expect(expected.flows).toBeGreaterThan(10);
    const { weir, to, data } = await collecting(name.replaceAll('/', '-'), '--no-http');
    const replayed = runWeir(['replay', file, '--to', to, '--rate', '500']);
    expect(JSON.parse(replayed.stdout).datagrams).toBeGreaterThan(0);
    expect(await weir.stop('SIGTERM')).toBe(0);
    const rows = query(data, '--by', 'observationDomainId', '--top', '100');
    const sum = (key: keyof Totals) => rows.reduce((total, row) => total + row[key], 0);
    expect({ octets: sum('octets'), packets: sum('packets'), flows: sum('flows') }).toEqual(expected);
  });
});

describe('generated records', () => {
  let running: { weir: RunningWeir; to: string; data: string };
  let sent: { records: number; octets: number; packets: number };

  beforeAll(async () => {
    running = await collecting('generated', '--no-http');
    sent = JSON.parse(
      runWeir(['generate', '--to', running.to, '--records', '50000', '--rate', '50000']).stdout,
    );
  });

  afterAll(async () => {
    await running.weir.stop('SIGKILL');
  });

  test('are all in the store after a clean end, with their sums', async () => {
    expect(await running.weir.stop('SIGINT')).toBe(0);
    const [row] = query(running.data, '--by', 'observationDomainId');
    expect(row).toMatchObject({ flows: sent.records, octets: sent.octets, packets: sent.packets });
  });

  test('are filtered, ranked and printed as people and programs want them', () => {
    const byPort = query(running.data, '--by', 'dstPort', '--top', '3', 'tcp and dst port 443');
    expect(byPort).toHaveLength(1);
    expect(byPort[0]).toMatchObject({ dstPort: 443 });
    const csv = runWeir(['query', '--data', running.data, ...ALL_TIME, '--by', 'protocol', '--csv']).stdout;
    expect(csv.split('\n')[0]).toBe('protocol,octets,packets,flows');
    const sql = runWeir(['query', '--by', 'protocol', '--sql']).stdout;
    expect(sql).toMatch(/^SELECT[\s\S]+GROUP BY/);
  });
});

describe.skipIf(!existsSync(fixtures))('weir meter (skipped: no shared fixtures)', () => {
  test.each(['mp.pcap', 'v6.pcap'])('%s gives the same flows as lines and as an IPFIX file', (name) => {
    const capture = path.join(fixtures, 'src', name);
    const file = path.join(folder, `${name}.ipfix`);
    const summary = JSON.parse(runWeir(['meter', capture, '--write', file]).stdout);
    const flows = lines(runWeir(['meter', capture, '--json']).stdout) as unknown as Record<string, number>[];
    const octets = flows.reduce((sum, flow) => sum + (flow['octetDeltaCount'] ?? 0), 0);
    const packets = flows.reduce((sum, flow) => sum + (flow['packetDeltaCount'] ?? 0), 0);
    expect(summary).toEqual({ flows: flows.length, octets, packets });
    expect(totalsOfFile(file)).toEqual({ flows: flows.length, octets, packets });
  });

  test('an IPFIX file that cannot be written is named', () => {
    const blocked = path.join(folder, 'blocked');
    writeFileSync(blocked, '');
    const { status, stderr } = runWeir([
      'meter',
      path.join(fixtures, 'src/mp.pcap'),
      '--write',
      path.join(blocked, 'x'),
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain(path.join(blocked, 'x'));
  });
});

test('a record is seen by a query soon after its arrival', async () => {
  const { weir, to } = await collecting('soon', '--http', '127.0.0.1:0');
  try {
    const url = /(http:\/\/[\d.:]+)/.exec(await weir.said(/console at/))?.[1];
    runWeir(['generate', '--to', to, '--records', '100']);
    const question = `${url}/api/v1/query?by=observationDomainId&last=1h`;
    const answer = await eventually(
      async () => (await fetch(question)).json() as Promise<{ rows: Totals[] }>,
      ({ rows }) => rows[0]?.flows === 100,
    );
    expect(answer.rows).toHaveLength(1);
  } finally {
    await weir.stop('SIGKILL');
  }
});
