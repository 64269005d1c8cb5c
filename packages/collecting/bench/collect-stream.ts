/**
 * From a loopback TCP connection to batches that nobody keeps: what receiving, cutting and decoding cost
 * without a store. `node packages/collecting/bench/collect-stream.ts [million records] [connections]`.
 *
 * The sender is a process of its own that sends the messages of a RecordMix, made beforehand, again and again
 * as fast as the collector takes them. CPU is that of the collector's process, all threads.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { cpus } from 'node:os';
import { silentLogger, systemClock } from '@weir/base';
import { createCollector, createCountingStore, createFlowSource, createRecordMix } from '../src/index.ts';

const MESSAGES = 4096;

/** Sends so many times what a RecordMix writes; templates are only in the first message. */
async function send(port: number, rounds: number): Promise<void> {
  const mix = createRecordMix({ seed: 3, observationDomainId: process.pid });
  const bytes = new Uint8Array(1500);
  const messages = Array.from({ length: MESSAGES }, (_, index) =>
    Buffer.from(bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 64, index === 0))),
  );
  const stream = Buffer.concat(messages);
  const socket = connect({ port, host: '127.0.0.1' });
  socket.resume();
  for (let round = 0; round < rounds; round += 1) {
    if (!socket.write(stream)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
  process.stdout.write(`${mix.totals.records * rounds} ${stream.length * rounds}\n`);
}

async function measure(millions: number, connections: number): Promise<void> {
  const store = createCountingStore({ addUp: false });
  const source = createFlowSource({
    name: 'bench',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    transport: 'tcp',
  });
  const collector = createCollector(
    { sources: [{ ...source, monitoringPort: 0 }] },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  const port = String(collector.address('bench')?.port);
  const rounds = String(Math.ceil((millions * 1e6) / connections / (MESSAGES * 18)));
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const told = Array.from({ length: connections }, async () => {
    const child = spawn(process.execPath, [import.meta.filename, 'send', port, rounds], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(child, 'exit');
    return text.trim().split(' ').map(Number);
  });
  const sent = await Promise.all(told);
  await collector.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  store.close();
  const records = sent.reduce((sum, [count = 0]) => sum + count, 0);
  const octets = sent.reduce((sum, [, count = 0]) => sum + count, 0);
  const cpuPerMillion = (cpu.user + cpu.system) / records;
  console.log(
    `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}; ${connections} connections`,
  );
  console.log(
    `${records} records of ${(octets / records).toFixed(1)} octets sent, ${store.sums.records} received`,
  );
  console.log(`${Math.round(records / seconds)} records/s, ${cpuPerMillion.toFixed(3)} CPU s per million`);
}

const [first, second, third] = process.argv.slice(2);
if (first === 'send') await send(Number(second), Number(third));
else await measure(Number(first ?? 5), Number(second ?? 1));
