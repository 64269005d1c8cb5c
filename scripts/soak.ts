/**
 * `npm run soak [-- KILLS]`: records arrive over TCP (100,000/s) and UDP (20,000/s), all of them numbered, while the
 * collector is killed (SIGKILL) at random moments. After each kill the store must open and have at least what a flush
 * had acknowledged; at the end no number may be there twice, and what is missing is told for each kill.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@weir/base';
import { openStore } from '@weir/storage';
import { startNumberedExporter } from '../test/numbered-exporter.ts';
import { dataMessage, templateMessage } from '../test/numbered-record.ts';

const KILLS = Number(process.argv[2] ?? 50);
const TCP_RECORDS_PER_SECOND = 100_000;
const UDP_RECORDS_PER_SECOND = 20_000;
const TCP_RECORDS_PER_MESSAGE = 1000;
/** 1,332 octets: below an Ethernet's MTU. */
const UDP_RECORDS_PER_DATAGRAM = 30;
const TCP_DOMAIN = 1;
/** Each run of the collector has a domain of its own from here on. */
const UDP_DOMAIN_FIRST = 1000;
/** A kill comes between these after the collector listens: some before its first flush, some after a segment is full. */
const LIFE_MS = { min: 50, max: 4_000 };
const OPENING_MS_MAX = 60_000;
/** Sent after the collector listens, so that nothing is lost before anybody is killed. */
const UDP_TICK_MS = 10;

interface Run {
  readonly lifeMs: number;
  /** Number of the first record over TCP that was not given to a connection before this run listened. */
  readonly tcpFirst: number;
  readonly tcpLast: number;
  readonly udpSent: number;
  /** What the store had when it was opened, and what was last acknowledged before the kill. */
  readonly opened: number;
  readonly acknowledged: number;
}

/** What the collector says, of which the latest counts. */
interface Said {
  opened: number | undefined;
  listening: boolean;
  acknowledged: number;
}

const data = mkdtempSync(path.join(os.tmpdir(), 'weir-soak-'));
/** Of our own, unlikely to be in use, and the same for each run of the collector. */
const [tcpPort, udpPort] = [21_000 + (process.pid % 10_000), 32_000 + (process.pid % 10_000)];
const exporter = startNumberedExporter({
  connect: () => connect({ port: tcpPort, host: '127.0.0.1', allowHalfOpen: true }),
  observationDomainId: TCP_DOMAIN,
  recordsPerMessage: TCP_RECORDS_PER_MESSAGE,
  pauseMs: pace((1000 * TCP_RECORDS_PER_MESSAGE) / TCP_RECORDS_PER_SECOND),
});
const datagrams = createSocket('udp4').on('error', () => {});
const runs: Run[] = [];
const startedMs = performance.now();
try {
  for (let index = 0; index < KILLS; index += 1) runs.push(await runAndKill(index));
  const last = startCollector();
  await until(() => last.said.listening, 'the last collector to listen');
  checkAcknowledged(last.said, runs.at(-1));
  const seconds = (performance.now() - startedMs) / 1000;
  await exporter.stop();
  last.child.kill('SIGTERM');
  await last.ended;
  await report(seconds);
} finally {
  datagrams.close();
  rmSync(data, { recursive: true, force: true });
}
process.exit(0);

async function runAndKill(index: number): Promise<Run> {
  const { child, said, ended } = startCollector();
  await until(() => said.listening, `collector ${index} to listen`);
  checkAcknowledged(said, runs.at(-1));
  const lifeMs = Math.round(LIFE_MS.min + Math.random() * (LIFE_MS.max - LIFE_MS.min));
  const tcpFirst = exporter.records;
  const udpSent = await sendDatagrams(UDP_DOMAIN_FIRST + index, lifeMs);
  child.kill('SIGKILL');
  const tcpLast = exporter.records;
  await ended;
  return { lifeMs, tcpFirst, tcpLast, udpSent, opened: said.opened ?? 0, acknowledged: said.acknowledged };
}

function startCollector(): { child: ChildProcess; said: Said; ended: Promise<unknown> } {
  const script = path.join(import.meta.dirname, 'soak-collector.ts');
  const args = [script, data, `${tcpPort}`, `${udpPort}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Said = { opened: undefined, listening: false, acknowledged: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => Object.assign(said, JSON.parse(line)));
  // Everything that it had written is read then.
  return { child, said, ended: once(child, 'close') };
}

function checkAcknowledged({ opened = 0 }: Said, before: Run | undefined): void {
  if (before === undefined || opened >= before.acknowledged) return;
  throw new Error(`opened with ${opened} records; ${before.acknowledged} were acknowledged by a flush`);
}

/** Numbered records for so long; how many there were. */
async function sendDatagrams(domain: number, durationMs: number): Promise<number> {
  const beganMs = performance.now();
  const send = (message: Buffer) => datagrams.send(message, udpPort, '127.0.0.1');
  send(templateMessage(domain));
  let sent = 0;
  for (let nowMs = beganMs; nowMs < beganMs + durationMs; nowMs = performance.now()) {
    const due = ((nowMs - beganMs) * UDP_RECORDS_PER_SECOND) / 1000;
    for (; sent + UDP_RECORDS_PER_DATAGRAM <= due; sent += UDP_RECORDS_PER_DATAGRAM) {
      send(dataMessage(domain, sent, sent, UDP_RECORDS_PER_DATAGRAM));
    }
    await sleep(UDP_TICK_MS);
  }
  return sent;
}

/** The next pause of something that happens so often; what was missed is not made up for beyond a tenth of a second. */
function pace(everyMs: number): () => number {
  let dueMs = performance.now();
  return () => {
    const nowMs = performance.now();
    dueMs = Math.max(dueMs + everyMs, nowMs - 100);
    return Math.max(0, dueMs - nowMs);
  };
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + OPENING_MS_MAX;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`waited for ${what} in vain`);
    await sleep(5);
  }
}

/** Prints what is stored and what is missing; throws where a number is there twice. */
async function report(seconds: number): Promise<void> {
  const store = await openStore({ dataDirectory: data, logger: silentLogger });
  const bounds = runs.map(({ tcpFirst }, index) => `(${index}, ${tcpFirst})`).join(', ');
  const tcp = await store.sql(
    `SELECT run, count(*) AS count, count(DISTINCT flowId) AS different
     FROM (SELECT CAST(flowId AS BIGINT) AS flowId FROM flows JOIN exporters USING (exporterId) WHERE observationDomainId = ${TCP_DOMAIN})
     ASOF JOIN (VALUES ${bounds}) AS bound(run, first) ON flowId >= first
     GROUP BY run ORDER BY run`,
  );
  const udp = await store.sql(
    `SELECT observationDomainId - ${UDP_DOMAIN_FIRST} AS run, count(*) AS count, count(DISTINCT flowId) AS different
     FROM flows JOIN exporters USING (exporterId) WHERE observationDomainId >= ${UDP_DOMAIN_FIRST} GROUP BY run ORDER BY run`,
  );
  const { rowCount } = await store.status();
  await store.close();
  const lostTcp = missing(
    tcp.rows,
    (index) => (runs[index + 1]?.tcpFirst ?? exporter.records) - (runs[index]?.tcpFirst ?? 0),
  );
  const lostUdp = missing(udp.rows, (index) => runs[index]?.udpSent ?? 0);
  print(
    'kills',
    `${runs.length} in ${seconds.toFixed(0)} s, ${LIFE_MS.min} to ${LIFE_MS.max} ms after the collector listened`,
  );
  print(
    'records in the store',
    `${rowCount}, every number once; opened each time with what a flush had acknowledged`,
  );
  const tcpSeconds = runs.reduce((sum, { lifeMs }) => sum + lifeMs, 0) / 1000;
  const tcpAlive = runs.reduce((sum, { tcpFirst, tcpLast }) => sum + tcpLast - tcpFirst, 0);
  print('over TCP', `${exporter.records} sent, ${Math.round(tcpAlive / tcpSeconds)}/s while one listened`);
  print('over TCP, lost by a kill', spread(lostTcp, tcpAlive / tcpSeconds));
  print(
    'over UDP',
    `${runs.reduce((sum, { udpSent }) => sum + udpSent, 0)} sent, ${UDP_RECORDS_PER_SECOND}/s`,
  );
  print('over UDP, lost by a kill', spread(lostUdp, UDP_RECORDS_PER_SECOND));
}

/** Of each run, how many of its numbers are not there. */
function missing(rows: readonly Record<string, unknown>[], sentOf: (run: number) => number): number[] {
  return runs.map((_, index) => {
    const row = rows.find(({ run }) => Number(run) === index);
    const [count, different] = [Number(row?.['count'] ?? 0), Number(row?.['different'] ?? 0)];
    if (count !== different) throw new Error(`run ${index}: ${count} records with ${different} numbers`);
    return sentOf(index) - count;
  });
}

function spread(counts: readonly number[], perSecond: number): string {
  const sorted = counts.toSorted((one, other) => one - other);
  const [median = 0, most = 0] = [sorted[sorted.length >> 1], sorted.at(-1)];
  const ms = (count: number) => `${Math.round((1000 * count) / perSecond)} ms`;
  return `median ${median} (${ms(median)}), at most ${most} (${ms(most)})`;
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(34)} ${value}\n`);
}
