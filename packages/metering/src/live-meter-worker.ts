/**
 * The metering thread: reads `workerData`, captures until it is told to stop. The other end is live-meter.ts.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createBufferSender, ensure, systemClock, UserError } from '@weir/base';
import { listInterfaces, openNflog, openPacketSource } from '@weir/host';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { BatchOutlet } from './batch-outlet.ts';
import { DropIntake, type DropSourceChange } from './drop-intake.ts';
import { DROP_EXTRA_OCTETS_MAX } from './drop-row.ts';
import { EXTRA_OCTETS_MAX } from './flow-details.ts';
import { randomFlowIdKey } from './flow-id.ts';
import { InterfaceDirectory } from './interface-directory.ts';
import { LiveCapture, type LiveCaptureOptions } from './live-capture.ts';
import type { LiveMeterChange, LiveMeterOptions, LiveMeterReport, LiveMeterRequest } from './live-meter.ts';
import { NAMES_SNAP_LENGTH } from './name-watch.ts';

/** Batches on their way or being stored: 8 × 1.5 MiB, some 65,000 records. */
const BATCHES = 8;
const STATUS_INTERVAL_MS = 1_000;
/** How long the thread sleeps when only pcapng streams could bring something, which then wake it. */
const IDLE_MS = 10;

export interface LiveMeterWorkerData {
  readonly options: LiveMeterOptions;
  readonly batchPort: MessagePort;
}

const { options, batchPort } = workerData as LiveMeterWorkerData;
const control = ensure(parentPort, 'this file runs as a worker');

function report(message: LiveMeterReport): void {
  control.postMessage(message);
}

/** What is kept of each flow, as options or a change say it. */
type FlowKeeping = Pick<LiveMeterOptions, 'tcpPerformance' | 'names' | 'flowIdKey' | 'dropSources'>;

/** Of flows without a key from the profile, as long as this thread lives. */
const ownFlowIdKey = randomFlowIdKey();
const directory = new InterfaceDirectory(listInterfaces, () => systemClock.monotonicMs());
const outlet = new BatchOutlet(
  createBufferSender<FlowBatchNote>(batchPort, BATCHES, flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT)),
  FLOW_BATCH_ROWS_DEFAULT,
  extraOctetsMaxOf(options),
);

function onStateChange(interfaceName: string, state: 'up' | 'down' | 'gone'): void {
  report({ kind: 'interface', interfaceName, state });
}

function hasNames({ names = {} }: FlowKeeping): boolean {
  return names.dns === true || names.tls === true;
}

function extraOctetsMaxOf(keeping: FlowKeeping): number {
  const { tcpPerformance = false, dropSources = [] } = keeping;
  return Math.max(
    tcpPerformance || hasNames(keeping) ? EXTRA_OCTETS_MAX : 0,
    dropSources.length > 0 ? DROP_EXTRA_OCTETS_MAX : 0,
  );
}

/** What a meter of flows that are kept so is told. */
function meterOptionsOf(keeping: FlowKeeping): LiveCaptureOptions {
  const { tcpPerformance = false, names = {}, flowIdKey = ownFlowIdKey } = keeping;
  const snapLength = options.snapLength ?? (hasNames(keeping) ? NAMES_SNAP_LENGTH : undefined);
  return { tcpPerformance, names, flowIdKey, ...(snapLength === undefined ? {} : { snapLength }) };
}

async function openCapture(): Promise<LiveCapture> {
  const { interfaces, excludedSockets = [], ringOctets, promiscuous, capture: source = 'auto' } = options;
  const { dropSources = [], ...rest } = options;
  const capture = new LiveCapture(
    interfaces,
    { ...rest, ...meterOptionsOf(options) },
    {
      openRing: (interfaceName, snapLength) =>
        openPacketSource(source, {
          interfaceName,
          snapLength,
          onStateChange: (state) => onStateChange(interfaceName, state),
          ...(ringOctets === undefined ? {} : { ringOctets }),
          ...(promiscuous === undefined ? {} : { promiscuous }),
        }),
      outlet,
      clock: systemClock,
      awaitsInterfaces: options.awaitsInterfaces === true,
      onStateChange,
      interfaceName: (interfaceIndex) => directory.nameOf(interfaceIndex),
    },
  );
  capture.exclude(excludedSockets);
  if (dropSources.length === 0) return capture;
  try {
    capture.drops = createDrops(capture, options);
    await capture.drops.open(dropSources);
  } catch (error) {
    capture.close();
    throw error;
  }
  return capture;
}

function createDrops(capture: LiveCapture, { flowIdKey = ownFlowIdKey }: FlowKeeping): DropIntake {
  return new DropIntake(outlet, {
    ledger: { exporterOf: capture.exporterOf, flowIdKey },
    passed: (bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType) =>
      capture.meter.packet(bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType),
    interfaceIndexOf: (name) => directory.indexOf(name),
    openNflog: (group) => openNflog({ groups: [group] }),
    nowMs: () => systemClock.nowMs(),
  });
}

/** Between two turns of `capture`; `kept` is what the flows are kept by until then. */
async function adapt(
  capture: LiveCapture,
  kept: FlowKeeping,
  change: LiveMeterChange,
): Promise<LiveMeterReport> {
  const { interfaces, idleTimeoutMs, activeTimeoutMs, dropSources = [] } = change;
  const needsDrops = capture.drops === undefined && dropSources.length > 0;
  const drops = needsDrops ? createDrops(capture, change) : capture.drops;
  let sources: DropSourceChange | undefined;
  try {
    sources = await drops?.prepare(dropSources);
    capture.setInterfaces(interfaces);
  } catch (error) {
    sources?.cancel();
    if (!(error instanceof UserError)) throw error;
    const { code, message, exitCode } = error;
    return { kind: 'adaptRefused', code, message, exitCode };
  }
  capture.meter.setTimeouts(idleTimeoutMs, activeTimeoutMs);
  await sources?.commit();
  capture.drops = drops;
  outlet.setExtraOctetsMax(Math.max(extraOctetsMaxOf(kept), extraOctetsMaxOf(change)));
  if (!areKeptAlike(kept, change)) {
    const { interfaces: _, ...meterOptions } = options;
    await capture.renew({ ...meterOptions, idleTimeoutMs, activeTimeoutMs, ...meterOptionsOf(change) });
    drops?.setFlowIdKey(change.flowIdKey ?? ownFlowIdKey);
  }
  outlet.setExtraOctetsMax(extraOctetsMaxOf(change));
  return { kind: 'adapted', status: capture.status() };
}

function areKeptAlike(one: FlowKeeping, other: FlowKeeping): boolean {
  return JSON.stringify(meterOptionsOf(one)) === JSON.stringify(meterOptionsOf(other));
}

/** Turns of capture with the event loop between them, where requests arrive. */
async function run(capture: LiveCapture): Promise<void> {
  const changes: LiveMeterChange[] = [];
  let kept: FlowKeeping = options;
  let isStopping = false;
  let statusAtMs = 0;
  control.on('message', (request: LiveMeterRequest) => {
    if (request.kind === 'stop') isStopping = true;
    else if (request.kind === 'adapt') changes.push(request.change);
    else capture.exclude(request.sockets);
  });
  report({ kind: 'started', status: capture.status() });
  while (!isStopping) {
    const change = changes.shift();
    if (change !== undefined) {
      const answer = await adapt(capture, kept, change);
      if (answer.kind === 'adapted') kept = change;
      report(answer);
    }
    const isAwake = capture.turn();
    const nowMs = systemClock.monotonicMs();
    if (nowMs >= statusAtMs) {
      report({ kind: 'status', status: capture.status() });
      statusAtMs = nowMs + STATUS_INTERVAL_MS;
    }
    await new Promise((resolve) => (isAwake ? setImmediate(resolve) : setTimeout(resolve, IDLE_MS)));
  }
  await capture.finish();
  report({ kind: 'stopped', status: capture.status() });
  capture.close();
  batchPort.close();
  control.close();
}

async function main(): Promise<void> {
  try {
    await run(await openCapture());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    report({ kind: 'refused', code: error.code, message: error.message, exitCode: error.exitCode });
    batchPort.close();
    control.close();
  }
}

void main();
