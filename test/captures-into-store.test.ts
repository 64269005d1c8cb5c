/**
 * All public captures, sent over loopback UDP into a running `weir collect` from an address for each of their
 * exporters, one datagram of each in turn: the store must hold, exporter by exporter, the values that the
 * captures' oracles give. The decoder's columns are checked against those oracles field by field in
 * `packages/ipfix`; here the store is compared with the decoder's columns, and directly with the sums of
 * NetGauze's golden files.
 */
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@weir/base';
import {
  clearFlowBatch,
  createFlowBatch,
  createFlowDecoder,
  FLOW_COLUMNS,
  type FlowBatch,
  type FlowColumnName,
  isPresent,
  u64AsBigInt,
} from '@weir/ipfix';
import { readPayloads } from '@weir/metering';
import { type FlowStore, openStore } from '@weir/storage';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { startWeir } from './weir-process.ts';

const fixtures = path.resolve(import.meta.dirname, '../../shared/fixtures');
const folder = temporaryFolder();
const VERSIONS = new Set([1, 5, 7, 9, 10]);
const UDP_PAYLOAD_OCTETS_MAX = 65_507;
const ROWS_AT_ONCE = 50_000;

/** What one exporter of one capture sent. */
interface ExporterTraffic {
  readonly capture: string;
  /** The loopback address that plays the exporter. */
  readonly address: string;
  readonly payloads: readonly Uint8Array[];
}

/** Columns that come from the wire as they are; the others are the receipt's, or filled in by the collector. */
const COMPARED = FLOW_COLUMNS.filter(
  ({ name, meaning }: { name: FlowColumnName; meaning?: string }) =>
    meaning !== 'exporterIndex' &&
    meaning !== 'layoutIndex' &&
    meaning !== 'labelIndex' &&
    meaning !== 'country' &&
    !['receivedAt', 'dropReason', 'sessionId', 'sessionSide', 'directionRule', 'duplicate'].includes(name),
);
/** What a collector may know where the record does not say it. */
const MAY_BE_ADDED = new Set<FlowColumnName>(['srcAs', 'dstAs', 'samplingRate']);

function capturesBelow(...folders: string[]): string[] {
  return folders.flatMap((name) => {
    const root = path.join(fixtures, name);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' });
    return files.filter((file) => /\.pcap(ng)?$/.test(file)).map((file) => path.join(name, file));
  });
}

async function trafficOf(capture: string, nextAddress: () => string): Promise<ExporterTraffic[]> {
  const bySource = new Map<string, Uint8Array[]>();
  await readPayloads(path.join(fixtures, capture), {
    datagram(bytes, { sourceAddress }) {
      if (bytes.length < 2 || !VERSIONS.has(bytes[0]! * 256 + bytes[1]!)) return;
      if (bytes.length > UDP_PAYLOAD_OCTETS_MAX) return;
      bySource.set(sourceAddress, [...(bySource.get(sourceAddress) ?? []), bytes.slice()]);
    },
    segment: () => undefined,
    userMessage: () => undefined,
  });
  return [...bySource.values()].map((payloads) => ({ capture, address: nextAddress(), payloads }));
}

/** A row as text, column by column in the order of COMPARED; '' where it has none. */
function rowsOfDecoder({ address, payloads }: ExporterTraffic): string[][] {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(8192);
  const rows: string[][] = [];
  const full = () => {
    for (let row = 0; row < batch.rowCount; row++)
      rows.push(COMPARED.map(({ name }) => cell(batch, name, row)));
    clearFlowBatch(batch);
    return batch;
  };
  const session = { exporterAddress: address, localSocket: 'x', transport: 'udp', source: 'x' } as const;
  for (const payload of payloads) decoder.decodeDatagram(payload, session, Date.now(), { batch, full });
  full();
  return rows;
}

function cell(batch: FlowBatch, name: FlowColumnName, row: number): string {
  if (!isPresent(batch, name, row)) return '';
  const column = batch.columns[name];
  const type = FLOW_COLUMNS.find((definition) => definition.name === name)?.type;
  return String(type === 'u64' ? u64AsBigInt(column as Uint32Array, row) : column[row]);
}

async function rowsOfStore(store: FlowStore, address: string): Promise<string[][]> {
  const cells = COMPARED.map((column) =>
    'meaning' in column && column.meaning === 'timeMs' ? `epoch_ms("${column.name}")` : `"${column.name}"`,
  );
  const text = cells.map((cell_) => `coalesce(${cell_}::VARCHAR, '')`).join(', ');
  const rows: string[][] = [];
  for (;;) {
    const answer = await store.sql(
      `SELECT ${text} FROM flows JOIN exporters USING ("exporterId") WHERE address = '${address}'
       ORDER BY ALL LIMIT ${ROWS_AT_ONCE} OFFSET ${rows.length}`,
    );
    rows.push(...answer.rows.map((row) => Object.values(row).map(String)));
    if (answer.rows.length < ROWS_AT_ONCE) return rows;
  }
}

/** Sent and stored rows without what the collector may add; sorted, because a store has no order. */
function comparable(rows: readonly (readonly string[])[]): string[] {
  const kept = COMPARED.map(({ name }, index) => ({ name, index })).filter(
    ({ name }) => !MAY_BE_ADDED.has(name),
  );
  return rows.map((row) => kept.map(({ index }) => row[index]).join(' ')).toSorted();
}

async function boundSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
}

/** One datagram of each exporter in turn, as fast as a collector without privileges takes them. */
async function sendInTurn(traffic: readonly ExporterTraffic[], port: number): Promise<number> {
  let sent = 0;
  const sockets = await Promise.all(traffic.map(({ address }) => boundSocket(address)));
  const longest = Math.max(...traffic.map(({ payloads }) => payloads.length));
  for (let index = 0; index < longest; index++) {
    for (const [exporter, { payloads }] of traffic.entries()) {
      const payload = payloads[index];
      if (payload === undefined) continue;
      await new Promise<void>((resolve, reject) => {
        sockets[exporter]?.send(payload, port, '127.0.0.1', (error) =>
          error === null ? resolve() : reject(error),
        );
      });
      sent += 1;
      if (sent % 50 === 0) await sleep(2);
    }
  }
  for (const socket of sockets) socket.close();
  return sent;
}

interface GoldenMessage {
  readonly sets: readonly {
    readonly Data?: {
      readonly records: readonly { scope_fields?: unknown[]; fields: Record<string, unknown>[] }[];
    };
  }[];
}

/** octetDeltaCount and packetDeltaCount over the flow records of a golden file, and how many records. */
function goldenSums(capture: string): { records: number; octets: number; packets: number } | undefined {
  const golden = path.join(fixtures, capture.replace(/\.pcap$/, '-flow.json'));
  if (!existsSync(golden)) return undefined;
  const sums = { records: 0, octets: 0, packets: 0 };
  for (const line of readFileSync(golden, 'utf8').trim().split('\n')) {
    for (const message of Object.values(JSON.parse(line) as Record<string, GoldenMessage>)) {
      for (const { scope_fields: scope, fields } of message.sets.flatMap((set) => set.Data?.records ?? [])) {
        if (scope !== undefined && scope.length > 0) continue;
        const all = Object.assign({}, ...fields) as Record<string, number>;
        sums.records += 1;
        sums.octets += all['octetDeltaCount'] ?? 0;
        sums.packets += all['packetDeltaCount'] ?? 0;
      }
    }
  }
  return sums;
}

describe.skipIf(!existsSync(fixtures))('public captures (skipped: no shared fixtures)', () => {
  test('end in the store with the values of their oracles', async () => {
    let count = 0;
    const nextAddress = () => `127.3.${count >> 7}.${(count++ & 127) + 1}`;
    const captures = capturesBelow('exporters', 'generated/softflowd', 'generated/pmacctd', 'generated/yaf');
    const traffic: ExporterTraffic[] = [];
    for (const capture of captures) traffic.push(...(await trafficOf(capture, nextAddress)));
    expect(traffic.length).toBeGreaterThan(100);

    const data = path.join(folder, 'data');
    const weir = startWeir(['collect', '--data', data, '--listen', 'udp/127.0.0.1:0', '--no-http']);
    const line = await weir.said(/listening on udp/);
    const port = Number(/listening on udp\/[\d.]+:(\d+)/.exec(line)?.[1]);
    await sendInTurn(traffic, port);
    expect(await weir.stop('SIGTERM')).toBe(0);

    const store = await openStore({ dataDirectory: data, logger: silentLogger });
    try {
      let rowCount = 0;
      for (const exporter of traffic) {
        const expected = rowsOfDecoder(exporter);
        const stored = await rowsOfStore(store, exporter.address);
        expect(comparable(stored), exporter.capture).toEqual(comparable(expected));
        rowCount += expected.length;
      }
      expect(rowCount).toBeGreaterThan(10_000);
      let goldenCount = 0;
      for (const capture of captures) {
        const golden = goldenSums(capture);
        if (golden === undefined) continue;
        const addresses = traffic
          .filter((exporter) => exporter.capture === capture)
          .map(({ address }) => `'${address}'`);
        const { rows } = await store.sql(
          `SELECT count(*) AS records, coalesce(sum(octets), 0) AS octets, coalesce(sum(packets), 0) AS packets
           FROM flows JOIN exporters USING ("exporterId") WHERE address IN (${addresses.join(', ')})`,
        );
        const stored = Object.fromEntries(
          Object.entries(rows[0] ?? {}).map(([key, value]) => [key, Number(value)]),
        );
        expect(stored, capture).toEqual(golden);
        goldenCount += golden.records;
      }
      expect(goldenCount).toBeGreaterThan(250);
    } finally {
      await store.close();
    }
  }, 120_000);
});
