/**
 * What each stage costs: node packages/collecting/bench/stages.ts [RECORDS]. CPU seconds per million records, with
 * 100,000 and 1,000,000 sessions going on, and nanoseconds an address for origins. Addresses are drawn as in
 * traffic, few of them in most records.
 */
import process from 'node:process';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  setPresent,
} from '@weir/ipfix';
import { createOriginTable } from '../src/addresses/origin-table.ts';
import { readEmbeddedOrigins } from '../src/enrichment/embedded-origins.ts';
import type { BatchStage } from '../src/stages/batch-stage.ts';
import { createOriginStage } from '../src/stages/origin-stage.ts';
import { createSessionStage } from '../src/stages/session-stage.ts';

const RECORDS = Number(process.argv[2] ?? 8_000_000);
const BATCHES = 64;
const PRESENT = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'srcPort',
  'dstPort',
  'protocol',
  'tcpFlags',
  'octets',
  'packets',
  'inIf',
  'outIf',
  'endReason',
] as const;

/** Numbers from 0 to 2^32 - 1, the same in every run (xorshift). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

interface Conversation {
  client: number;
  server: number;
  port: number;
}

/** A batch of records of random conversations, in a random direction each. */
function makeBatch(conversations: readonly Conversation[], random: () => number): FlowBatch {
  const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT);
  const { columns, capacity } = batch;
  batch.exporters.push({ address: '192.0.2.1', observationDomainId: 0, source: 'bench', version: 10 });
  for (const name of PRESENT) setPresent(batch, FLOW_COLUMN_INDEX[name], 0, capacity);
  const nowMs = Date.now();
  for (let row = 0; row < capacity; row += 1) {
    const { client, server, port } = conversations[random() % conversations.length] as Conversation;
    const isForward = random() % 2 === 0;
    for (const [column, ms] of [
      [columns.receivedAt, nowMs],
      [columns.flowStart, nowMs - 900],
      [columns.flowEnd, nowMs - 20],
    ] as const) {
      column[row * 2] = ms >>> 0;
      column[row * 2 + 1] = Math.floor(ms / 4294967296);
    }
    columns.srcAddrLo[row * 2] = isForward ? client : server;
    columns.dstAddrLo[row * 2] = isForward ? server : client;
    columns.srcAddrLo[row * 2 + 1] = 0xffff;
    columns.dstAddrLo[row * 2 + 1] = 0xffff;
    columns.srcPort[row] = isForward ? port : 443;
    columns.dstPort[row] = isForward ? 443 : port;
    columns.protocol[row] = 6;
    columns.tcpFlags[row] = 0x1b;
    columns.inIf[row] = isForward ? 1 : 2;
    columns.outIf[row] = isForward ? 2 : 1;
    columns.endReason[row] = 2;
  }
  batch.rowCount = capacity;
  return batch;
}

/** Servers by Zipf's law among 50,000 public addresses, clients in 10.0.0.0/8. */
function makeConversations(count: number, random: () => number): Conversation[] {
  const servers = Array.from(
    { length: 50_000 },
    () => (((1 + (random() % 222)) << 24) | (random() & 0xffffff)) >>> 0,
  );
  return Array.from({ length: count }, () => ({
    client: (0x0a000000 | (random() % 200_000)) >>> 0,
    server: servers[Math.floor(servers.length ** (random() / 4294967296)) - 1] as number,
    port: 32_768 + (random() % 28_000),
  }));
}

/** CPU seconds per million records of `stage`, after one round that warms it up. */
function measure(stage: BatchStage, batches: readonly FlowBatch[]): number {
  for (const batch of batches) stage.apply(batch, 0, batch.rowCount);
  const rounds = Math.ceil(RECORDS / (batches.length * FLOW_BATCH_ROWS_DEFAULT));
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    for (const batch of batches) stage.apply(batch, 0, batch.rowCount);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (rounds * batches.length * FLOW_BATCH_ROWS_DEFAULT);
}

const random = createRandom(42);
for (const sessions of [1_000, 100_000, 1_000_000]) {
  const conversations = makeConversations(sessions, random);
  const batches = Array.from({ length: sessions > 100_000 ? BATCHES * 4 : BATCHES }, () =>
    makeBatch(conversations, random),
  );
  const settings = {
    pairing: true,
    deduplication: true,
    windowSeconds: 6,
    sessionsMax: 1_000_000,
    acrossExporters: true,
  };
  const stage = createSessionStage(settings);
  console.log(
    `${sessions} sessions: ${measure(stage, batches).toFixed(3)} CPU s per million records`,
    stage.counters(),
  );
  if (sessions !== 100_000) continue;
  const data = readEmbeddedOrigins();
  const origins = createOriginStage(createOriginTable(data.countries, data.systems));
  const cost = measure(origins, batches);
  console.log(
    `origins: ${cost.toFixed(3)} CPU s per million records, ${(cost * 500).toFixed(1)} ns an address`,
    origins.counters,
  );
}
