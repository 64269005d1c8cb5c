/**
 * The metering thread: reads `workerData`, captures until it is told to stop. The other end is live-meter.ts.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createBufferSender, ensure, systemClock, UserError } from '@weir/base';
import { listInterfaces, openNflog, openPacketSource } from '@weir/host';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { BatchOutlet } from './batch-outlet.ts';
import { DropIntake } from './drop-intake.ts';
import { DROP_EXTRA_OCTETS_MAX } from './drop-row.ts';
import type { ExcludedSocket } from './excluded-traffic.ts';
import { EXTRA_OCTETS_MAX } from './flow-details.ts';
import { type FlowIdKey, randomFlowIdKey } from './flow-id.ts';
import { InterfaceDirectory } from './interface-directory.ts';
import { LiveCapture } from './live-capture.ts';
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

async function openCapture(): Promise<LiveCapture> {
  const {
    interfaces,
    excludedSockets = [],
    ringOctets,
    promiscuous,
    capture: captureSource = 'auto',
    dropSources = [],
    flowIdKey = randomFlowIdKey(),
    ...meterOptions
  } = options;
  const { tcpPerformance = false, names = {} } = options;
  const hasNames = names.dns === true || names.tls === true;
  const hasDetails = tcpPerformance || hasNames;
  const snapLength = options.snapLength ?? (hasNames ? NAMES_SNAP_LENGTH : undefined);
  const sender = createBufferSender<FlowBatchNote>(
    batchPort,
    BATCHES,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  const onStateChange = (interfaceName: string, state: 'up' | 'down' | 'gone') =>
    report({ kind: 'interface', interfaceName, state });
  const extraOctetsMax = Math.max(
    hasDetails ? EXTRA_OCTETS_MAX : 0,
    dropSources.length > 0 ? DROP_EXTRA_OCTETS_MAX : 0,
  );
  const outlet = new BatchOutlet(sender, FLOW_BATCH_ROWS_DEFAULT, extraOctetsMax);
  const directory = new InterfaceDirectory(listInterfaces, () => systemClock.monotonicMs());
  const capture = new LiveCapture(
    interfaces,
    { ...meterOptions, flowIdKey },
    {
      openRing: (interfaceName) =>
        openPacketSource(captureSource, {
          interfaceName,
          onStateChange: (state) => onStateChange(interfaceName, state),
          ...(snapLength === undefined ? {} : { snapLength }),
          ...(ringOctets === undefined ? {} : { ringOctets }),
          ...(promiscuous === undefined ? {} : { promiscuous }),
        }),
      outlet,
      clock: systemClock,
      onStateChange,
      interfaceName: (interfaceIndex) => directory.nameOf(interfaceIndex),
    },
  );
  capture.meter.excludedTraffic.replace(excludedSockets);
  if (dropSources.length > 0) await openDropSources(capture, outlet, directory, flowIdKey);
  return capture;
}

async function openDropSources(
  capture: LiveCapture,
  outlet: BatchOutlet,
  directory: InterfaceDirectory,
  flowIdKey: FlowIdKey,
): Promise<void> {
  const { meter, exporterOf } = capture;
  const drops = new DropIntake(outlet, {
    ledger: { exporterOf, flowIdKey },
    passed: meter.packet.bind(meter),
    interfaceIndexOf: (name) => directory.indexOf(name),
    openNflog: (group) => openNflog({ groups: [group] }),
    nowMs: () => systemClock.nowMs(),
  });
  try {
    await drops.open(options.dropSources ?? []);
  } catch (error) {
    capture.close();
    throw error;
  }
  capture.drops = drops;
}

function adapt(
  capture: LiveCapture,
  { interfaces, idleTimeoutMs, activeTimeoutMs }: LiveMeterChange,
): LiveMeterReport {
  try {
    capture.setInterfaces(interfaces);
    capture.meter.setTimeouts(idleTimeoutMs, activeTimeoutMs);
    return { kind: 'adapted', status: capture.status() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { code, message, exitCode } = error;
    return { kind: 'adaptRefused', code, message, exitCode };
  }
}

/** Turns of capture with the event loop between them, where requests arrive. */
async function run(capture: LiveCapture): Promise<void> {
  let isStopping = false;
  let statusAtMs = 0;
  control.on('message', (request: LiveMeterRequest) => {
    if (request.kind === 'stop') isStopping = true;
    else if (request.kind === 'adapt') report(adapt(capture, request.change));
    else capture.meter.excludedTraffic.replace(request.sockets satisfies readonly ExcludedSocket[]);
  });
  report({ kind: 'started', status: capture.status() });
  while (!isStopping) {
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
