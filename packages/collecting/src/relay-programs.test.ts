/** nfcapd behind our relay must have the flows that our own store has. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@weir/base';
import { expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource } from './flow-source.ts';
import { generateRecords } from './generate-records.ts';

const HOST = '127.0.0.1';
const missing = ['nfcapd', 'nfdump'].find((program) => spawnSync('which', [program]).status !== 0);

function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, HOST, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** Octets that wait in the socket that is bound to this port (proc(5)); undefined when there is none. */
function socketQueue(port: number): number | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((entry) => entry.includes(local));
  return line === undefined ? undefined : Number.parseInt(line.trim().split(/[\s:]+/)[7] ?? '', 16);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Sums of what nfcapd wrote, by nfdump. */
function sumsOf(folder: string): Record<string, number> {
  const text = execFileSync('nfdump', ['-R', folder, '-I'], { encoding: 'utf8' });
  const sums = [...text.matchAll(/^(Flows|Packets|Bytes): (\d+)$/gm)];
  return Object.fromEntries(sums.map(([, name, value]) => [name, Number(value)]));
}

test.skipIf(missing !== undefined)(
  `nfcapd behind a relay has the same flows (${missing === undefined ? 'nfdump' : `${missing} is not installed`})`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-relay-'));
    const [front, behind] = [await freePort(), await freePort()];
    const nfcapd = spawn(
      'nfcapd',
      ['-b', HOST, '-p', String(behind), '-l', folder, '-t', '3600', '-B', '8000000'],
      {
        stdio: 'ignore',
      },
    );
    const store = createCountingStore();
    const source = createFlowSource({
      name: 'front',
      monitoringPort: front,
      monitoringAddress: HOST,
      forwarding: { enabled: true, destinations: [`Udp/${HOST}:${behind}`] },
    });
    const collector = createCollector(
      { sources: [source] },
      { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
    );
    try {
      await until(() => socketQueue(behind) !== undefined);
      await collector.start();
      await generateRecords({ address: HOST, port: front }, { records: 20_000, rate: 20_000 });
      await collector.stop();
      await until(() => socketQueue(behind) === 0);
      await stop(nfcapd);
      const { records, packets, octets } = store.sums;
      expect(records).toBe(20_000);
      expect(sumsOf(folder)).toEqual({ Flows: records, Packets: packets, Bytes: octets });
    } finally {
      nfcapd.kill('SIGKILL');
      store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  60_000,
);
