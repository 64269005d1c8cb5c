/** Weir's own exporter, fed with flows that are numbered (`flowId`), to every collector of a profile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger, systemClock } from '@weir/base';
import { createExporter, parseProfile } from '@weir/exporting';
import {
  createFlowBatch,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';

const ROWS = 192;
const PAUSE_MS = 10;
/** Longer than the exporter's longest pause between two attempts to connect. */
const SENT_MS_MAX = 60_000;
const IPV4_MAPPED = 0xffff_0000_0000;

export interface NumberedFlows {
  /** Flows given to the exporter: numbers 0 … flows - 1. */
  readonly flows: number;
  /** Connections that it has opened to the collector that has the fewest. */
  readonly connectionsOpened: number;
  /** Flows that the exporter counts as sent, for each collector; and those that it gave up, in all. */
  readonly sent: readonly number[];
  readonly notSent: number;
  /** Gives no more, and resolves when the exporter has sent what it has, or a minute passed. */
  stop(): Promise<void>;
}

export interface NumberedFlowsOptions {
  /** Entries of a profile's IpFixCollectors. */
  readonly collectors: readonly unknown[];
  readonly observationDomainId: number;
  /** Where messages wait while a collector is away. */
  readonly spoolDirectory: string;
}

export async function startNumberedFlows(options: NumberedFlowsOptions): Promise<NumberedFlows> {
  const metadata = {
    Enabled: true,
    IpFixCollectors: options.collectors,
    ObservationDomainId: options.observationDomainId,
    SpoolDirectory: options.spoolDirectory,
  };
  const profile = parseProfile(JSON.stringify({ FlowMetadata: metadata }), 'numbered.profile');
  const exporter = createExporter(profile, { logger: silentLogger, clock: systemClock });
  const batch = createFlowBatch(ROWS);
  let flows = 0;
  let isStopping = false;
  await exporter.start();
  const running = run();

  async function run(): Promise<void> {
    while (!isStopping) {
      fill(batch, flows);
      await exporter.whenRoom();
      exporter.export(batch);
      flows += ROWS;
      await sleep(PAUSE_MS);
    }
  }

  const waiting = () =>
    exporter
      .collectors()
      .reduce((sum, { queuedMessages, spoolOctets }) => sum + queuedMessages + spoolOctets, 0);

  return {
    get connectionsOpened() {
      return Math.min(...exporter.collectors().map(({ counters }) => counters.connectionsOpened));
    },
    get sent() {
      return exporter.collectors().map(({ counters }) => counters.flowsSent);
    },
    get notSent() {
      return exporter.collectors().reduce((sum, { counters }) => sum + counters.flowsNotSent, 0);
    },
    get flows() {
      return flows;
    },
    async stop() {
      isStopping = true;
      await running;
      exporter.flush();
      for (let waitedMs = 0; waiting() > 0 && waitedMs < SENT_MS_MAX; waitedMs += PAUSE_MS)
        await sleep(PAUSE_MS);
      await exporter.stop();
    },
  };
}

function fill(batch: FlowBatch, first: number): void {
  const nowMs = Date.now();
  batch.rowCount = ROWS;
  for (let row = 0; row < ROWS; row += 1) {
    const values: Partial<Record<FlowColumnName, number>> = {
      srcAddrHi: 0,
      srcAddrLo: IPV4_MAPPED + 0x0a000001,
      dstAddrHi: 0,
      dstAddrLo: IPV4_MAPPED + 0x0a000002,
      srcPort: 1024,
      dstPort: 443,
      protocol: 6,
      octets: 100,
      packets: 1,
      flowStart: nowMs,
      flowEnd: nowMs,
      direction: 1,
      flowId: first + row,
    };
    for (const [name, value] of Object.entries(values)) set(batch, row, name as FlowColumnName, value);
    batch.extraEnd[row] = 0;
  }
}

function set(batch: FlowBatch, row: number, name: FlowColumnName, value: number): void {
  const column = batch.columns[name];
  if (column.length === batch.capacity * 2) setU64FromNumber(column as Uint32Array, row, value);
  else column[row] = value;
  setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}
