/** Other people's exporters over TCP: what came over UDP, or stands in a file, must come over a stream. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { silentLogger, systemClock } from '@weir/base';
import {
  clearFlowBatch,
  createFlowBatch,
  createFlowDecoder,
  createMessageSplitter,
  type FlowBatch,
} from '@weir/ipfix';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource } from './flow-source.ts';
import type { Transport } from './socket-address.ts';

const fixtures = fileURLToPath(new URL('../../../../shared/fixtures/generated/', import.meta.url));
const hasFixtures = existsSync(fixtures);
const run = promisify(execFile);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-stream-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What an exporter decides of a row, as one line. */
function rowText({ columns: c }: FlowBatch, row: number): string {
  const twoWords = [
    c.flowStart,
    c.flowEnd,
    c.srcAddrHi,
    c.srcAddrLo,
    c.dstAddrHi,
    c.dstAddrLo,
    c.octets,
    c.packets,
  ];
  const words = twoWords.flatMap((column) => [column[row * 2], column[row * 2 + 1]]);
  return [...words, c.srcPort[row], c.dstPort[row], c.protocol[row], c.tcpFlags[row]].join(' ');
}

/** Starts a collector, lets somebody export to its port, stops it: the rows and the listener's last status. */
async function collectFrom(transport: Transport, exportTo: (port: number) => Promise<unknown>) {
  const rows: string[] = [];
  const store = createCountingStore({
    onBatch: (batch) => {
      for (let row = 0; row < batch.rowCount; row += 1) rows.push(rowText(batch, row));
    },
  });
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    transport,
  });
  const collector = createCollector(
    { sources: [{ ...source, monitoringPort: 0 }] },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  await exportTo(collector.address('test')?.port ?? 0);
  await collector.stop();
  const [only] = (await collector.status()).sources;
  store.close();
  return { rows: rows.sort(), listener: only?.listener };
}

/** Without a network: the rows of an IPFIX file. */
function rowsOfFile(octets: Uint8Array): string[] {
  const rows: string[] = [];
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(8192);
  const full = () => {
    for (let row = 0; row < batch.rowCount; row += 1) rows.push(rowText(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  const session = {
    exporterAddress: '127.0.0.1',
    localSocket: 'x',
    transport: 'tcp',
    source: 'test',
  } as const;
  const splitter = createMessageSplitter({
    message: (bytes) => decoder.decodeDatagram(bytes, session, Date.now(), { batch, full }),
    problem: (problem) => {
      throw new Error(problem.message);
    },
  });
  splitter.push(octets);
  splitter.end();
  full();
  return rows.sort();
}

/** Sends octets in pieces whose lengths have nothing to do with those of messages. */
async function sendInPieces(port: number, octets: Uint8Array): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.resume();
  for (let at = 0, piece = 1; at < octets.length; at += piece, piece = (piece * 7 + 13) % 4099) {
    if (!socket.write(octets.subarray(at, at + piece))) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'close');
}

const softflowdMissing =
  (hasFixtures ? undefined : 'no shared fixtures') ??
  (spawnSync('which', ['softflowd']).status === 0 ? undefined : 'softflowd is not installed');

describe.skipIf(softflowdMissing !== undefined)(`softflowd over TCP ${softflowdMissing ?? ''}`, () => {
  test.each(['wiki', 'mp', 'v6', 'kx'])('%s.pcap gives the flows that it gives over UDP', async (capture) => {
    const exportOver = (transport: Transport) => (port: number) =>
      run('softflowd', [
        ...['-r', join(fixtures, 'src', `${capture}.pcap`), '-v', '10', '-A', 'milli', '-P', transport],
        ...['-d', '-c', 'none', '-p', join(folder, 'softflowd.pid'), '-n', `127.0.0.1:${port}`],
      ]);
    const udp = await collectFrom('udp', exportOver('udp'));
    const tcp = await collectFrom('tcp', exportOver('tcp'));
    expect(udp.rows.length).toBeGreaterThan(10);
    expect(tcp.rows).toEqual(udp.rows);
    expect(tcp.listener?.unattributedProblems).toEqual([]);
    expect(tcp.listener?.stream?.counters).toMatchObject({ accepted: 1, closed: { ended: 1 } });
  });
});

const files = hasFixtures ? readdirSync(join(fixtures, 'yaf')).filter((name) => name.endsWith('.ipfix')) : [];
describe.skipIf(files.length === 0)('files of YAF over TCP', () => {
  test.each(files)('%s: every row of the file', async (name) => {
    const octets = readFileSync(join(fixtures, 'yaf', name));
    const expected = rowsOfFile(octets);
    const { rows, listener } = await collectFrom('tcp', (port) => sendInPieces(port, octets));
    expect(rows).toEqual(expected);
    expect(listener?.counters.octets).toBe(octets.length);
    expect(listener?.stream?.counters.closed).toMatchObject({ ended: 1, damaged: 0 });
  });
});
