/**
 * The metering thread: reads `workerData`, captures until it is told to stop. The other end is live-meter.ts.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { createBufferSender, ensure, systemClock, UserError } from '@weir/base';
import { openPacketSource } from '@weir/host';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { BatchOutlet } from './batch-outlet.ts';
import type { ExcludedSocket } from './excluded-traffic.ts';
import { EXTRA_OCTETS_MAX } from './flow-details.ts';
import { LiveCapture } from './live-capture.ts';
import type { LiveMeterOptions, LiveMeterReport, LiveMeterRequest } from './live-meter.ts';
import { NAMES_SNAP_LENGTH } from './name-watch.ts';

/** Batches on their way or being stored: 8 × 1.5 MiB, some 65,000 records. */
const BATCHES = 8;
const STATUS_INTERVAL_MS = 1_000;

export interface LiveMeterWorkerData {
  readonly options: LiveMeterOptions;
  readonly batchPort: MessagePort;
}

const { options, batchPort } = workerData as LiveMeterWorkerData;
const control = ensure(parentPort, 'this file runs as a worker');

function report(message: LiveMeterReport): void {
  control.postMessage(message);
}

function openCapture(): LiveCapture {
  const {
    interfaces,
    excludedSockets = [],
    ringOctets,
    promiscuous,
    capture: captureSource = 'auto',
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
  const capture = new LiveCapture(interfaces, meterOptions, {
    openRing: (interfaceName) =>
      openPacketSource(captureSource, {
        interfaceName,
        onStateChange: (state) => onStateChange(interfaceName, state),
        ...(snapLength === undefined ? {} : { snapLength }),
        ...(ringOctets === undefined ? {} : { ringOctets }),
        ...(promiscuous === undefined ? {} : { promiscuous }),
      }),
    outlet: new BatchOutlet(sender, FLOW_BATCH_ROWS_DEFAULT, hasDetails ? EXTRA_OCTETS_MAX : 0),
    clock: systemClock,
    onStateChange,
  });
  capture.meter.excludedTraffic.replace(excludedSockets);
  return capture;
}

/** Turns of capture with the event loop between them, where requests arrive. */
async function run(capture: LiveCapture): Promise<void> {
  let isStopping = false;
  let statusAtMs = 0;
  control.on('message', (request: LiveMeterRequest) => {
    if (request.kind === 'stop') isStopping = true;
    else capture.meter.excludedTraffic.replace(request.sockets satisfies readonly ExcludedSocket[]);
  });
  report({ kind: 'started', status: capture.status() });
  while (!isStopping) {
    capture.turn();
    const nowMs = systemClock.monotonicMs();
    if (nowMs >= statusAtMs) {
      report({ kind: 'status', status: capture.status() });
      statusAtMs = nowMs + STATUS_INTERVAL_MS;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await capture.finish();
  report({ kind: 'stopped', status: capture.status() });
  capture.close();
  batchPort.close();
  control.close();
}

try {
  await run(openCapture());
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  report({ kind: 'refused', code: error.code, message: error.message, exitCode: error.exitCode });
  batchPort.close();
  control.close();
}
