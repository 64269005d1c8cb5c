/** The exporter in the background, as a person runs it: started, changed, crashed, asked, stopped. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { askControl } from '../packages/cli/src/control-socket.ts';
import { createWire, namespacesMissing, type Wire } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type Finished, runWeir, startWeir } from './weir-process.ts';

const missing = namespacesMissing();
const PORTS = [4801, 4802] as const;
const METRICS_PORT = 9801;
const WEIR = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');

interface Exporter {
  pid: number;
  state: string;
  reason?: string;
  profileProblem?: string;
  profileInForceSince: number;
  uptimeMs: number;
  meter?: { flowsHeld: number; packets: number };
  interfaces: { name: string; packets: number; kernelDrops: number }[];
  collectors: { name: string; counters: { flowsSent: number } }[];
}

interface Status {
  supervisor: string;
  restarts?: number;
  exporter?: Exporter;
}

describe.skipIf(missing !== undefined)(`weir in the background ${missing ?? ''}`, () => {
  const folder = temporaryFolder();
  const profile = path.join(folder, 'Lab.profile');
  const state = path.join(folder, 'state');
  let wire: Wire;

  beforeAll(() => {
    wire = createWire('svc');
  });

  afterEach(() => void weir('stop', profile));

  afterAll(() => wire.remove());

  /** A command on host a that uses this test's folder of services. */
  function weir(command: string, ...args: string[]): Finished {
    return runWeir([command, ...args, '--state', state], { prefix: wire.a.prefix });
  }

  function start(...args: string[]): Finished {
    return weir('start', profile, '--interface', wire.a.interfaceName, ...args);
  }

  function status(): Status {
    return JSON.parse(weir('status', profile, '--json').stdout) as Status;
  }

  /** What `weir status` asks, without starting a process for each question. */
  async function ask(): Promise<Exporter | undefined> {
    return (await askControl(path.join(state, 'Lab', 'control.sock'), 'status', 5_000)) as
      | Exporter
      | undefined;
  }

  function writeProfile(ports: readonly number[], more: object = {}): void {
    const IpFixCollectors = ports.map((port) => `Udp/127.0.0.1:${port}`);
    writeFileSync(profile, JSON.stringify({ FlowMetadata: { IpFixCollectors, ...more } }));
  }

  function collectorsOf(exporter: Exporter | undefined): string[] | undefined {
    return exporter?.collectors.map(({ name }) => name);
  }

  test('start returns when it meters, status tells what it does, stop flushes and says how many', async () => {
    const peers = path.join(folder, 'peers');
    writeFileSync(peers, JSON.stringify([{ name: 'b', overlayPrefixes: [wire.b.ipv4] }]));
    writeProfile([PORTS[0]], { Peers: [`File:${peers}`, `File:${peers}.none`] });
    const started = start('--metrics', `${METRICS_PORT}`);
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(started.stdout).toMatch(new RegExp(`^Lab meters ${wire.a.interfaceName} \\(process \\d+`));
    expect(start().stdout).toContain('running already');

    wire.a.run('ping', '-c', '3', '-i', '0.2', wire.b.ipv4);
    await eventually(ask, (answer) => (answer?.meter?.packets ?? 0) >= 6);
    const { exporter, supervisor } = status();
    expect(supervisor).toBe('weir');
    expect(exporter).toMatchObject({ state: 'metering' });
    expect(exporter?.interfaces[0]).toMatchObject({ name: wire.a.interfaceName, kernelDrops: 0 });
    expect(exporter?.meter?.flowsHeld).toBeGreaterThanOrEqual(2);
    const text = weir('status').stdout;
    expect(text).toMatch(/^Lab is metering, process \d+, up 00:00:\d\d/);
    expect(text).toContain(`peers       ${peers}: 1 peer\n`);
    expect(text).toContain(`peers       ${peers}.none: 0 peers, cannot be asked: ENOENT`);
    const metrics = wire.a.run('curl', '-s', `http://127.0.0.1:${METRICS_PORT}/metrics`);
    expect(metrics).toMatch(/^weir_exporter_enabled 1$/m);
    expect(metrics).toMatch(/^weir_meter_flows [1-9]\d*$/m);
    expect(metrics).toContain(`weir_exporter_peer_source_failed{source="${peers}.none"} 1`);

    const stopped = weir('stop', profile);
    expect(stopped.stdout).toMatch(/[1-9]\d* open flows were ended and exported \(flowEndReason 4\)/);
    expect(weir('status', profile)).toMatchObject({ status: 1, stdout: 'Lab is not running\n' });
    expect(weir('stop', profile)).toMatchObject({ status: 0, stdout: 'Lab is not running\n' });
  });

  test('changes of the profile in mid-run lose no packet and double none', async () => {
    const data = path.join(folder, 'data');
    const listen = PORTS.flatMap((port) => ['--listen', `udp/127.0.0.1:${port}`]);
    const collector = startWeir(['collect', '--data', data, ...listen, '--no-http'], wire.a.prefix);
    await collector.said(/Ctrl-C ends/);
    const { interfaceName } = wire.a;
    const more = { ActiveTimeout: 1000, Interfaces: [interfaceName] };
    writeProfile([PORTS[0]], more);
    expect(weir('start', profile).status).toBe(0);

    const ping = startPing(700);
    for (const [port, changed] of [
      [PORTS[1], more],
      [PORTS[0], { ActiveTimeout: 1500, Interfaces: [interfaceName, 'lo'] }],
      [PORTS[0], { ActiveTimeout: 1000, Interfaces: [interfaceName] }],
      [PORTS[1], { Interval: 60_000, Interfaces: ['lo', interfaceName] }],
      [PORTS[1], { TcpPerformance: false, Names: { Dns: false, Tls: false }, Interfaces: [interfaceName] }],
      [PORTS[1], { FlowIdKey: 'another', Names: { Dns: true }, Interfaces: [interfaceName] }],
      [PORTS[0], { DropSources: [{ Pcapng: path.join(folder, 'drops') }], Interfaces: [interfaceName] }],
      [PORTS[0], { Direction: 'Both', Interfaces: [interfaceName] }],
    ] as const) {
      const since = (await ask())?.profileInForceSince;
      writeProfile([port], changed);
      const answer = await eventually(ask, (said) => said?.profileInForceSince !== since);
      expect(collectorsOf(answer)).toEqual([`Udp/127.0.0.1:${port}`]);
      expect(answer?.interfaces.map(({ name }) => name).sort()).toEqual([...changed.Interfaces].sort());
    }
    expect(await ping).toBe(0);
    expect(weir('stop', profile).status).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await collector.stop()).toBe(0);
    const query = ['query', 'protocol', 'icmp', '--by', 'direction', '--data', data, '--json'];
    const rows = runWeir(query).stdout.trim().split('\n');
    const packets = rows.map((row) => JSON.parse(row).packets);
    expect(packets, rows.join('\n')).toEqual([700, 700]);
  }, 120_000);

  /** So many echo requests, a hundred a second; resolves with the exit code. */
  function startPing(count: number): Promise<number> {
    const [program = '', ...rest] = [
      ...wire.a.prefix,
      'ping',
      '-q',
      '-i',
      '0.01',
      '-c',
      `${count}`,
      wire.b.ipv4,
    ];
    return new Promise((resolve) => {
      const child = spawn(program, rest, { stdio: 'ignore' });
      child.on('exit', (code) => resolve(code ?? -1));
    });
  }

  test('a bad profile is told and not put in force; SIGHUP reads the good one', async () => {
    writeProfile([PORTS[0]]);
    expect(start().status).toBe(0);
    writeFileSync(profile, '{"FlowMetadata": {"Direction": "Sideways"}}');
    const refused = await eventually(ask, (answer) => answer?.profileProblem !== undefined);
    expect(refused?.profileProblem).toMatch(/Lab\.profile:1:\d+: Direction: found "Sideways"/);
    expect(collectorsOf(refused)).toEqual([`Udp/127.0.0.1:${PORTS[0]}`]);
    expect(weir('restart', profile).status).toBe(2);
    expect((await ask())?.pid).toBe(refused?.pid);

    writeProfile([PORTS[1]]);
    process.kill(refused?.pid ?? 0, 'SIGHUP');
    const good = await eventually(ask, (answer) => answer?.profileProblem === undefined);
    expect(collectorsOf(good)).toEqual([`Udp/127.0.0.1:${PORTS[1]}`]);
    expect(good?.pid).toBe(refused?.pid);
  });

  test('without a collector it says so and waits for one', async () => {
    writeProfile([]);
    expect(start().stdout).toContain('Lab runs, but is effectively disabled: no collector');
    expect(await ask()).toMatchObject({ state: 'disabled', collectors: [], interfaces: [] });
    writeProfile([PORTS[0]]);
    await eventually(ask, (answer) => answer?.state === 'metering');
  });

  test('an exporter that crashes is started again with the options of before', async () => {
    writeProfile([PORTS[0]]);
    expect(start().status).toBe(0);
    const before = (await ask())?.pid ?? 0;
    process.kill(before, 'SIGKILL');
    await eventually(ask, (answer) => answer?.state === 'metering' && answer.pid !== before);
    const after = status();
    expect(after.restarts).toBe(1);
    expect(after.exporter?.interfaces.map(({ name }) => name)).toEqual([wire.a.interfaceName]);

    expect(weir('restart', profile)).toMatchObject({ status: 0 });
    const restarted = await ask();
    expect(restarted?.pid).not.toBe(after.exporter?.pid);
    expect(restarted?.interfaces.map(({ name }) => name)).toEqual([wire.a.interfaceName]);
  });

  test('a start that fails says why, and leaves nothing behind', () => {
    writeProfile([PORTS[0]]);
    const { status: exit, stderr } = weir('start', profile, '--interface', 'nowhere0');
    expect(exit).toBe(1);
    expect(stderr).toContain("Lab does not start: no interface 'nowhere0' (this machine has: lo, ");
    expect(status()).toMatchObject({ supervisor: 'none' });
  });

  test('SIGTERM, as systemctl stop sends it, flushes as well', async () => {
    writeProfile([PORTS[0]]);
    const args = ['export', '--profile', profile, '--interface', wire.a.interfaceName];
    const exporter = startWeir(args, wire.a.prefix);
    await exporter.said(/changed.*metering/);
    wire.a.run('ping', '-c', '2', '-i', '0.2', wire.b.ipv4);
    expect(await exporter.stop('SIGTERM')).toBe(0);
    expect(exporter.output()).toMatch(/[1-9]\d* open flows were ended and exported \(flowEndReason 4\)/);
  });

  test('needs the two capabilities that the unit grants, and no other', async (context) => {
    const granted = '-all,+net_raw,+net_admin';
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];
    const capabilities = ['inh-caps', 'ambient-caps', 'bounding-set'].map((set) => `--${set}=${granted}`);
    const prefix = [...wire.a.prefix, 'setpriv', ...nobody, ...capabilities];
    const [program = '', ...rest] = [...prefix, process.execPath, '--check', WEIR];
    if (spawnSync(program, rest).status !== 0) context.skip('another user cannot read this folder');
    chmodSync(folder, 0o755);
    const FlowMetadata = {
      IpFixCollectors: [`Udp/127.0.0.1:${PORTS[0]}`],
      DropSources: [{ Nflog: 4801, Reason: 'AccessControl' }],
    };
    writeFileSync(profile, JSON.stringify({ FlowMetadata }));
    const exporter = startWeir(['export', '--profile', profile], prefix);
    await exporter.said(/changed.*metering/);
    wire.a.run('ping', '-c', '2', '-i', '0.2', wire.b.ipv4);
    expect(await exporter.stop('SIGTERM')).toBe(0);
    expect(exporter.output()).toMatch(/[1-9]\d* open flows were ended and exported/);
  });

  test('a test record reaches who listens, and is said not to reach who does not', async () => {
    const data = path.join(folder, 'test-record');
    const listen = ['--listen', `udp/127.0.0.1:${PORTS[0]}`];
    const collector = startWeir(['collect', '--data', data, ...listen, '--no-http'], wire.a.prefix);
    await collector.said(/Ctrl-C ends/);
    writeProfile(PORTS);
    const {
      status: exit,
      stdout,
      stderr,
    } = runWeir(['export', '--profile', profile, '--test'], {
      prefix: wire.a.prefix,
    });
    expect(exit).toBe(1);
    expect(stdout).toContain(`Udp/127.0.0.1:${PORTS[0]}: sent 1 flow record`);
    expect(stdout).toContain(`Udp/127.0.0.1:${PORTS[1]}: refused`);
    expect(stdout).toContain('UDP 192.0.2.1:9 -> 192.0.2.2:9');
    expect(stderr).toContain(`did not reach Udp/127.0.0.1:${PORTS[1]}`);
    expect(await collector.stop()).toBe(0);
    const query = ['query', 'src', 'host', '192.0.2.1', '--by', 'srcAddr,dstAddr,dstPort', '--data', data];
    expect(JSON.parse(runWeir([...query, '--json']).stdout)).toMatchObject({
      srcAddr: '192.0.2.1',
      dstAddr: '192.0.2.2',
      dstPort: 9,
      packets: 1,
      flows: 1,
    });
  });
});

describe('weir service', () => {
  test('install --print shows the unit and installs nothing', () => {
    const { status, stdout } = runWeir(['service', 'install', '--print', '--interface', 'wg0']);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^ExecStart=.* export --profile \S+ --state \/run\/weir\/Universe --interface wg0$/m,
    );
  });
});

describe('weir doctor', () => {
  const folder = temporaryFolder();

  test('finds what a profile asks for and this machine has not', () => {
    const profile = path.join(folder, 'Lab.profile');
    const collectors = ['Udp/127.0.0.1:2055', 'Tls/127.0.0.1:4740'];
    const tls = { Ca: path.join(folder, 'none.pem') };
    const FlowMetadata = {
      IpFixCollectors: collectors,
      Interfaces: ['nowhere0'],
      Tls: tls,
      Peers: [`File:${path.join(folder, 'peers.json')}`],
    };
    writeFileSync(profile, JSON.stringify({ FlowMetadata }));
    const { status, stdout } = runWeir(['doctor', '--profile', profile]);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^BAD {2}Interfaces +there is no nowhere0; this machine has /m);
    expect(stdout).toMatch(/^BAD {2}files +.*none\.pem/m);
    expect(stdout).toMatch(/^note collector +Udp\/127\.0\.0\.1:2055: port 2055 is NetFlow's/m);
    expect(stdout).toMatch(/^note SpoolDirectory +without one, what Tls\/127\.0\.0\.1:4740 cannot take/m);
    expect(stdout).toMatch(/^note Peers +there is no .*peers\.json$/m);
    const findings = runWeir(['doctor', '--profile', profile, '--json']).stdout.trim().split('\n');
    expect(findings.map((line) => JSON.parse(line).subject)).toContain('socket buffers');
  });
});
