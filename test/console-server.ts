/** The real server over the real store, with flows of a test's choice; for tests of the console. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type BufferSender, createBufferSender, silentLogger, systemClock } from '@weir/base';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowBatchNote,
  type FlowColumnName,
  flowBatchOctets,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';
import {
  type ApiTopic,
  createServer,
  createViews,
  describeStore,
  type Server,
  type SystemStatus,
} from '@weir/server';
import { type FlowStore, openStore } from '@weir/storage';

const ROOT = path.resolve(import.meta.dirname, '..');
const CONSOLE_DIRECTORY = path.join(ROOT, 'packages/console/dist');

/** IPv4 addresses as text; a flow lasts one second and ends `agoMs` before now. */
export interface TestFlow {
  agoMs: number;
  srcAddr: string;
  dstAddr: string;
  protocol: number;
  srcPort: number;
  dstPort: number;
  octets: number;
  exporter?: string;
  dropped?: boolean;
  /** Two letters each. */
  countries?: readonly [source: string, destination: string];
  /** Name of the rule that decided. */
  rule?: string;
}

export interface ConsoleServer {
  readonly url: string;
  readonly server: Server;
  /** Resolves when a query would see the flows. */
  write(flows: readonly TestFlow[]): Promise<void>;
  stop(): Promise<void>;
}

/** A name that comes from the wire and would do harm as markup. */
export const HOSTILE = '<img src=x onerror="window.broken=1">';

/** Fourteen minutes of web, name service, ping and what a policy refused. */
export function mixedFlows(): TestFlow[] {
  const flows: TestFlow[] = [];
  for (let index = 0; index < 400; index++) {
    const common = { agoMs: 4000 + index * 2000, srcAddr: `10.0.0.${index % 9}`, srcPort: 40_000 + index };
    const web = {
      ...common,
      dstAddr: '198.51.100.7',
      protocol: 6,
      dstPort: 443,
      octets: 90_000 + 1000 * (index % 60),
    };
    const countries = [index % 3 === 0 ? 'US' : 'DE', index % 7 === 0 ? 'JP' : 'BR'] as const;
    if (index % 40 === 7)
      flows.push({ ...web, dropped: true, rule: index % 80 === 7 ? 'block-guests' : 'default-deny' });
    else flows.push({ ...web, countries });
    if (index % 2 === 0)
      flows.push({ ...common, dstAddr: '192.0.2.53', protocol: 17, dstPort: 53, octets: 30_000 });
    if (index % 5 === 0)
      flows.push({ ...common, dstAddr: '192.0.2.9', protocol: 1, srcPort: 0, dstPort: 0, octets: 8400 });
  }
  flows.push({
    agoMs: 3000,
    srcAddr: '10.9.9.9',
    dstAddr: '198.51.100.7',
    protocol: 6,
    srcPort: 1,
    dstPort: 2,
    octets: 5,
    exporter: HOSTILE,
  });
  return flows;
}

/** Builds the console when it is not built. */
export function buildConsole(): void {
  if (existsSync(path.join(CONSOLE_DIRECTORY, 'index.html'))) return;
  const vite = path.join(ROOT, 'node_modules/vite/bin/vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', 'packages/console'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the console does not build: ${stderr}`);
}

/** The overview asks for alerts; here nothing looks for any. */
const NO_ALERTS: ApiTopic = {
  addRoutes: (api) =>
    void api.get('/alerts', () => ({ alerts: [], total: 0, counts: { states: {}, active: {} } })),
};

export async function startConsoleServer(
  dataDirectory: string,
  status: Partial<SystemStatus> = {},
  moreTopics: (store: FlowStore) => readonly ApiTopic[] = () => [],
): Promise<ConsoleServer> {
  const store = await openStore({ dataDirectory, logger: silentLogger });
  const sender = createBufferSender<FlowBatchNote>(
    store.connectWriter(),
    2,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  const server = createServer({
    port: 0,
    store,
    consoleDirectory: CONSOLE_DIRECTORY,
    logger: silentLogger,
    topics: [
      NO_ALERTS,
      createViews({ dataDirectory, clock: systemClock, logger: silentLogger }),
      ...moreTopics(store),
    ],
    status: () => statusOf(store, status),
    exporters: { exporters: async () => [], status: async () => ({ sources: [] }) },
  });
  await server.start();
  return {
    url: server.address().url,
    server,
    write: (flows) => writeFlows(sender, flows),
    async stop() {
      await server.stop();
      sender.close();
      await store.close();
    },
  };
}

async function statusOf(store: FlowStore, status: Partial<SystemStatus>): Promise<SystemStatus> {
  return {
    version: '0.1.0',
    startedAt: Date.now(),
    demo: false,
    metering: {
      state: 'off',
      reason: 'This user may not capture packets.',
      howToGrant: 'sudo setcap cap_net_raw+ep node',
    },
    listeners: [
      {
        source: 'default_IPFIX',
        transport: 'udp',
        address: '0.0.0.0',
        port: 4739,
        state: 'listening',
        datagrams: 0,
        kernelDrops: 0,
      },
    ],
    exporters: [],
    ...status,
    store: describeStore(await store.status()),
  };
}

async function writeFlows(sender: BufferSender<FlowBatchNote>, flows: readonly TestFlow[]): Promise<void> {
  const buffer = sender.acquire();
  if (buffer === undefined) throw new Error('the store has not given a buffer back');
  const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
  const exporters = [...new Set(flows.map((flow) => flow.exporter ?? '192.0.2.1'))];
  for (const address of exporters) {
    batch.exporters.push({ address, observationDomainId: 0, source: 'test', version: 10 });
  }
  for (const [row, flow] of flows.entries())
    fillRow(batch, row, flow, exporters.indexOf(flow.exporter ?? '192.0.2.1'));
  batch.rowCount = flows.length;
  sender.send(buffer, noteOfFlowBatch(batch));
  await sender.drained();
}

function fillRow(batch: FlowBatch, row: number, flow: TestFlow, exporterIndex: number): void {
  const { columns } = batch;
  const endMs = Date.now() - flow.agoMs;
  const wide = {
    receivedAt: Date.now(),
    flowStart: endMs - 1000,
    flowEnd: endMs,
    octets: flow.octets,
    packets: 10,
  } as const;
  for (const [name, value] of Object.entries(wide))
    setU64FromNumber(columns[name as keyof typeof wide], row, value);
  columns.exporter[row] = exporterIndex;
  setIPv4(columns.srcAddrHi, columns.srcAddrLo, row, flow.srcAddr);
  setIPv4(columns.dstAddrHi, columns.dstAddrLo, row, flow.dstAddr);
  columns.srcPort[row] = flow.srcPort;
  columns.dstPort[row] = flow.dstPort;
  columns.protocol[row] = flow.protocol;
  columns.tcpFlags[row] = 0x1b;
  columns.direction[row] = row % 2;
  columns.forwardingStatus[row] = flow.dropped === true ? 0x80 : 0x40;
  batch.extraEnd[row] = 0;
  if (flow.countries !== undefined) {
    const [source, destination] = flow.countries;
    fill(batch, 'srcCountry', row, countryNumber(source));
    fill(batch, 'dstCountry', row, countryNumber(destination));
  }
  if (flow.rule !== undefined) {
    if (!batch.labels.includes(flow.rule)) batch.labels.push(flow.rule);
    fill(batch, 'rule', row, batch.labels.indexOf(flow.rule));
  }
  for (const name of FILLED) setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}

function fill(
  batch: FlowBatch,
  name: 'srcCountry' | 'dstCountry' | 'rule',
  row: number,
  value: number,
): void {
  batch.columns[name][row] = value;
  setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}

const countryNumber = (letters: string): number => letters.charCodeAt(0) * 256 + letters.charCodeAt(1);

const FILLED: readonly FlowColumnName[] = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'octets',
  'packets',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'srcPort',
  'dstPort',
  'protocol',
  'tcpFlags',
  'direction',
  'forwardingStatus',
];

function setIPv4(hi: Uint32Array, lo: Uint32Array, row: number, text: string): void {
  setU64FromNumber(hi, row, 0);
  lo[row * 2] = text.split('.').reduce((word, octet) => word * 256 + Number(octet), 0);
  lo[row * 2 + 1] = 0xffff;
}
