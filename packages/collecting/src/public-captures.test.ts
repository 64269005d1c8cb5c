/**
 * What some 35 vendors' exporters, and other projects' tests, put into datagrams, sent through a real socket
 * from an address for each exporter, beside a well-behaved one: what the decoder makes of the same octets
 * without a network must come out of the batches, and the well-behaved one must not notice.
 */
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLogger, systemClock } from '@weir/base';
import { clearFlowBatch, createFlowBatch, createFlowDecoder } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource } from './flow-source.ts';
import { createRecordMix } from './record-mix.ts';

const folder = fileURLToPath(new URL('../../../../shared/fixtures/exporters/', import.meta.url));
const UDP_PAYLOAD_OCTETS_MAX = 65_507;

/** Payloads by exporter: files whose names differ only behind the kind of what they hold belong together. */
function payloadsByExporter(): Map<string, Uint8Array[]> {
  const exporters = new Map<string, Uint8Array[]>();
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(dat|bin|dump)$/.test(name))
    .sort((one, other) => Number(other.includes('tpl')) - Number(one.includes('tpl')));
  for (const name of names) {
    const payload = readFileSync(join(folder, name));
    if (payload.length > UDP_PAYLOAD_OCTETS_MAX) continue;
    const exporter = basename(name).replace(/_(tpl|opttpl|data).*$/, '');
    exporters.set(exporter, [...(exporters.get(exporter) ?? []), payload]);
  }
  return exporters;
}

/** The records that the decoder makes of the payloads of one exporter. */
function decodeWithoutNetwork(exporterAddress: string, payloads: readonly Uint8Array[]): number {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(8192);
  let records = 0;
  const full = () => {
    records += batch.rowCount;
    clearFlowBatch(batch);
    return batch;
  };
  const session = { exporterAddress, localSocket: '127.0.0.1:1', transport: 'udp', source: 'test' } as const;
  for (const payload of payloads) decoder.decodeDatagram(payload, session, Date.now(), { batch, full });
  full();
  return records;
}

function boundSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, address, () => resolve(socket));
  });
}

function send(socket: Socket, bytes: Uint8Array, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
  });
}

describe.skipIf(!existsSync(folder))('public captures (no shared fixtures)', () => {
  test('come out of the socket as the decoder reads them', async () => {
    const store = createCountingStore();
    const source = createFlowSource({ name: 'test', monitoringAddress: '127.0.0.1', monitoringPort: 1 });
    const collector = createCollector(
      { sources: [{ ...source, monitoringPort: 0 }] },
      { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
    );
    await collector.start();
    const port = collector.address('test')?.port ?? 0;
    const mix = createRecordMix({ seed: 4 });
    const good = await boundSocket('127.0.0.1');
    const expected = new Map<string, number>();
    for (const [index, payloads] of [...payloadsByExporter().values()].entries()) {
      const address = `127.2.${index >> 7}.${(index & 127) + 1}`;
      const socket = await boundSocket(address);
      for (const payload of payloads) await send(socket, payload, port);
      socket.close();
      expected.set(address, decodeWithoutNetwork(address, payloads));
      const bytes = new Uint8Array(1500);
      await send(good, bytes.subarray(0, mix.writeMessage(bytes, Date.now(), 20, index === 0)), port);
    }
    good.close();
    await collector.stop();
    store.close();
    const received = new Map<string, number>();
    for (const [key, { records }] of store.sumsByExporter) {
      const address = key.slice(0, key.indexOf('/'));
      received.set(address, (received.get(address) ?? 0) + records);
    }
    const { records, octets, packets } = mix.totals;
    expect(store.sumsByExporter.get('127.0.0.1/1')).toEqual({ records, octets, packets });
    received.delete('127.0.0.1');
    expect(Object.fromEntries(received)).toEqual(
      Object.fromEntries([...expected].filter(([, count]) => count > 0)),
    );
    expect(received.size).toBeGreaterThan(40);
    expect(store.failures).toEqual([]);
  });
});
