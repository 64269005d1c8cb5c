/** `weir up` the way a person runs it: their own traffic appears, without privilege too, and nothing is lost at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWire, namespacesMissing, type Wire } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = namespacesMissing();
const WEB_PORT = 8000;
const BODY_OCTETS = 100_000;
/** The kernel's `nobody`, with no capability left. */
const UNPRIVILEGED = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--bounding-set=-all',
  '--inh-caps=-all',
];

interface Row {
  srcAddr: string;
  srcPort: number;
  octets: number;
  packets: number;
  flows: number;
}

describe.skipIf(missing !== undefined)(`weir up in a namespace of its own ${missing ?? ''}`, () => {
  const data = path.join(folder, 'data');
  let wire: Wire;
  let web: ChildProcess;
  let up: RunningWeir;

  function ask(question: string): { rows: Row[] } {
    return JSON.parse(wire.a.run('curl', '-s', `http://127.0.0.1:8080/api/v1/${question}`));
  }

  beforeAll(async () => {
    wire = createWire('up');
    const server = `require('node:http').createServer((_, answer) => answer.end('x'.repeat(${BODY_OCTETS}))).listen(${WEB_PORT}, '::')`;
    const [command = '', ...rest] = wire.b.prefix;
    web = spawn(command, [...rest, process.execPath, '-e', server], { stdio: 'ignore' });
    up = startWeir(['up', '--data', data], wire.a.prefix);
    await up.said(/Weir is at http/);
  });

  afterAll(async () => {
    await up.stop('SIGKILL');
    web.kill();
    wire.remove();
  });

  test('shows what curl fetched, in both directions, over IPv4 and IPv6', async () => {
    for (const address of [wire.b.ipv4, `[${wire.b.ipv6}]`]) {
      wire.a.run('curl', '-s', '-o', '/dev/null', `http://${address}:${WEB_PORT}/`);
    }
    const filter = encodeURIComponent(`src port ${WEB_PORT}`);
    const { rows } = await eventually(
      async () => ask(`query?by=srcAddr,srcPort&last=5m&filter=${filter}`),
      (answer) => answer.rows.length === 2,
    );
    expect(new Set(rows.map((row) => row.srcAddr))).toEqual(new Set([wire.b.ipv4, wire.b.ipv6]));
    for (const row of rows) {
      expect(row.flows).toBe(1);
      expect(row.octets).toBeGreaterThan(BODY_OCTETS);
      expect(row.octets).toBeLessThan(BODY_OCTETS * 1.1);
    }
  });

  test('does not show what the console itself says', async () => {
    for (let count = 0; count < 5; count++) ask('status');
    const { rows } = ask(`query?by=srcAddr&last=5m&filter=${encodeURIComponent('port 8080')}`);
    expect(rows).toEqual([]);
  });

  test('answers weir query while it runs', () => {
    const { stdout, status } = runWeir(
      ['query', '--data', data, '--by', 'srcPort', '--json', 'src', 'port', `${WEB_PORT}`],
      {
        prefix: wire.a.prefix,
      },
    );
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ srcPort: WEB_PORT, flows: 2 });
  });

  test('Ctrl-C keeps the flows that had not ended', async () => {
    wire.a.run('ping', '-c', '2', '-i', '0.2', wire.b.ipv4);
    expect(await up.stop('SIGINT')).toBe(0);
    const { stdout } = runWeir([
      'query',
      '--data',
      data,
      '--by',
      'srcAddr,endReason',
      '--json',
      'icmp',
      'and',
      'src',
      'host',
      wire.b.ipv4,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ packets: 2, octets: 168, endReason: 4 });
  });
});

describe.skipIf(missing !== undefined)(`weir up without privilege ${missing ?? ''}`, () => {
  test('says what is missing and how to grant it, and collects and serves all the same', async () => {
    const data = path.join(folder, 'unprivileged');
    mkdirSync(data);
    chmodSync(data, 0o777);
    chmodSync(folder, 0o755);
    const wire = createWire('unp');
    const up = startWeir(['up', '--data', data, '--demo'], [...wire.a.prefix, ...UNPRIVILEGED]);
    try {
      await up.said(/Weir is at http/);
      const complaints = up
        .output()
        .split('\n')
        .filter((line) => /not metered/.test(line));
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).toMatch(/CAP_NET_RAW.*setcap/);
      const ask = (question: string) =>
        JSON.parse(wire.a.run('curl', '-s', `http://127.0.0.1:8080/api/v1/${question}`));
      expect(ask('status').metering).toMatchObject({ state: 'off' });
      const { rows } = await eventually(
        async () => ask('query?by=protocol&last=5m'),
        (answer: { rows: Row[] }) => answer.rows.length >= 2,
      );
      expect(rows.length).toBeGreaterThanOrEqual(2);
      expect(await up.stop('SIGTERM')).toBe(0);
    } finally {
      await up.stop('SIGKILL');
      wire.remove();
    }
  });
});
