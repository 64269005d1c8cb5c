/** A collector that is stopped and started while softflowd streams to it, which repeats its templates every 16 packets. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { createWire, type Host, namespacesMissing } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const hasSoftflowd = spawnSync('which', ['softflowd']).status === 0;
const missing = namespacesMissing() ?? (hasSoftflowd ? undefined : 'softflowd is not installed');
const HTTP = '127.0.0.1:8080';
const RUNS = 3;
const stops: RunningWeir['stop'][] = [];
/** Flows that go on all the time. */
const STREAMS = 8;
/** Enough octets that softflowd's capture hands its small blocks over at once. */
const TRAFFIC = `const { createSocket } = require('node:dgram');
  const sockets = Array.from({ length: ${STREAMS} }, () => createSocket('udp4'));
  const octets = Buffer.alloc(1400);
  setInterval(() => { for (const socket of sockets) socket.send(octets, 9999, '127.0.0.1'); }, 20);`;

interface Seen {
  records: number;
  undecodedSets: number;
}

/** What the collector, started now, has of the one exporter so far; undefined before it answers. */
function seenBy(host: Host): Seen | undefined {
  const [command = '', ...rest] = [...host.prefix, 'curl', '-s', `http://${HTTP}/api/v1/exporters`];
  const { stdout } = spawnSync(command, rest, { encoding: 'utf8' });
  if (stdout === '') return undefined;
  return (JSON.parse(stdout) as { exporters: { totals: Seen }[] }).exporters[0]?.totals;
}

async function collect(host: Host, data: string): Promise<{ weir: RunningWeir; seen: Seen | undefined }> {
  const args = ['collect', '--data', data, '--http', HTTP, '--listen', 'udp/127.0.0.1:4739'];
  const weir = startWeir(args, host.prefix);
  stops.push(weir.stop);
  await weir.said(/listening on/);
  const seen = await eventually(
    async () => seenBy(host),
    (found) => (found?.records ?? 0) >= STREAMS,
  );
  return { weir, seen };
}

function startIn(host: Host, command: string, ...args: string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', host.namespace, command, ...args], { stdio: 'ignore' });
}

test.skipIf(missing !== undefined).each(['9', '10'])(
  'NetFlow version %s: every record after a restart decodes at once',
  async (version) => {
    const wire = createWire(`v5r${version}`);
    const children: ChildProcess[] = [];
    try {
      children.push(startIn(wire.a, process.execPath, '-e', TRAFFIC));
      const place = path.join(folder, version);
      const files = ['-p', `${place}.pid`, '-c', `${place}.ctl`];
      const often = ['maxlife=1', 'expint=1', 'general=1', 'udp=1'].flatMap((timeout) => ['-t', timeout]);
      const to = ['-B', '65536', '-v', version, '-n', '127.0.0.1:4739'];
      children.push(startIn(wire.a, 'softflowd', '-d', '-i', 'lo', ...files, ...often, ...to));
      for (let run = 0; run < RUNS; run += 1) {
        const { weir, seen } = await collect(wire.a, path.join(folder, `data${version}`));
        if (run > 0) expect(seen?.undecodedSets).toBe(0);
        expect(await weir.stop()).toBe(0);
      }
    } finally {
      await Promise.all(stops.splice(0).map((stop) => stop('SIGKILL')));
      for (const child of children) child.kill('SIGKILL');
      wire.remove();
    }
  },
  120_000,
);
