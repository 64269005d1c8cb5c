/**
 * Ten thousand addresses flood a flow source with garbage while a well-behaved exporter sends: its records are all
 * stored, memory stays bounded, and the collector answers. Where strangers are kept out, they cost a counter each.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@weir/base';
import { createRecordMix } from '@weir/collecting';
import { openStore } from '@weir/storage';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { startWeir } from './weir-process.ts';

const ADDRESSES = 10_000;
/** Half of what a core can send: the test is not about a machine that is busy with something else. */
const GARBAGE_PER_SECOND = 25_000;
const MESSAGES_PER_SECOND = 150;
const FLOODED_MS = 5000;
/** README of collecting: what a collector with one source may need before its store seals. */
const RESIDENT_MIB_MAX = 1536;
const folder = temporaryFolder();

/** VmHWM: the most memory that the process ever had. */
function residentMiB(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}

function startFlood(port: number) {
  const program = fileURLToPath(new URL('./garbage-sender.ts', import.meta.url));
  const args = [program, String(port), String(ADDRESSES), '7', String(GARBAGE_PER_SECOND)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  return {
    started: once(child.stdout, 'data'),
    async stop(): Promise<number> {
      child.kill('SIGTERM');
      await once(child, 'exit');
      return Number(output.split('\n')[1]);
    },
  };
}

/** Sends records of an exporter beside the flood; the answer is what it sent. */
async function sendWellBehaved(port: number) {
  const mix = createRecordMix({ seed: 11, observationDomainId: 77 });
  const socket = createSocket('udp4');
  const bytes = new Uint8Array(1500);
  const startedMs = performance.now();
  for (let elapsedMs = 0; elapsedMs < FLOODED_MS; elapsedMs = performance.now() - startedMs) {
    while (mix.totals.messages < (elapsedMs / 1000) * MESSAGES_PER_SECOND) {
      const octets = mix.writeMessage(bytes, Date.now(), 20, mix.totals.messages % 100 === 0);
      await new Promise((resolve) => socket.send(bytes.slice(0, octets), port, '127.0.0.1', resolve));
    }
    await sleep(5);
  }
  socket.close();
  return mix.totals;
}

async function storedOf(dataDirectory: string) {
  const store = await openStore({ dataDirectory, logger: silentLogger });
  const { rows } = await store.sql(
    `SELECT count(*) AS records, sum(octets) AS octets, sum(packets) AS packets
     FROM flows JOIN exporters USING ("exporterId") WHERE address = '127.0.0.1' AND "observationDomainId" = 77`,
  );
  const [all] = (await store.sql('SELECT count(*) AS records FROM flows')).rows;
  await store.close();
  const [good] = rows;
  const [records, octets, packets] = [good?.['records'], good?.['octets'], good?.['packets']].map(Number);
  return { good: { records, octets, packets }, records: Number(all?.['records']) };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function flood(source: object) {
  const data = path.join(folder, `data-${Object.keys(source).length}`);
  const config = `${data}.json`;
  const settings = { name: 'flooded', type: 'IPFIX', monitoringAddress: '127.0.0.1' };
  const monitoringPort = await freePort();
  writeFileSync(config, JSON.stringify({ sources: [{ ...settings, monitoringPort, ...source }] }));
  const weir = startWeir(['collect', '--data', data, '--config', config, '--http', '127.0.0.1:0']);
  const port = Number(/listening on udp\/[\d.]+:(\d+)/.exec(await weir.said(/listening on udp/))?.[1]);
  const http = /http:\/\/[\d.]+:\d+/.exec(await weir.said(/http:\/\/[\d.]+:\d+/))?.[0];
  const garbage = startFlood(port);
  await garbage.started;
  const { messages, records, octets, packets } = await sendWellBehaved(port);
  const metrics = await (await fetch(`${http}/metrics`)).text();
  const garbageSent = await garbage.stop();
  await sleep(500);
  const memory = residentMiB(weir.pid);
  expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);
  process.stdout.write(`garbage: ${garbageSent} datagrams, ${Math.round(memory)} MiB resident\n`);
  expect(garbageSent).toBeGreaterThan(ADDRESSES);
  return { data, metrics, memory, messages, sent: { records, octets, packets } };
}

function metric(text: string, name: string): number {
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, 'm').exec(text)?.[1]);
}

describe.skipIf(process.platform !== 'linux')('a flood of garbage (needs /proc and 127.0.0.0/8)', () => {
  test('costs a well-behaved exporter nothing', async () => {
    const { data, metrics, memory, sent } = await flood({});
    expect((await storedOf(data)).good).toEqual(sent);
    expect(metric(metrics, 'weir_collector_datagrams_total')).toBeGreaterThan(ADDRESSES);
    expect(memory).toBeLessThan(RESIDENT_MIB_MAX);
  }, 120_000);

  test('is nothing but counted where its senders are not allowed', async () => {
    const { data, metrics, messages, sent } = await flood({ allow: ['127.0.0.1/32'] });
    const stored = await storedOf(data);
    expect(stored).toEqual({ good: sent, records: sent.records });
    expect(metric(metrics, 'weir_collector_strangers_total')).toBeGreaterThan(ADDRESSES);
    expect(metric(metrics, 'weir_collector_datagrams_total')).toBeLessThanOrEqual(messages);
  }, 120_000);
});
