import { createStderrLogger, type Logger, UserError } from '@weir/base';
import {
  type CollectorState,
  createExporter,
  defaultProfilePath,
  describeProfile,
  loadProfile,
  type Profile,
  printableProfile,
  reasonDisabled,
} from '@weir/exporting';
import type { CaptureSource } from '@weir/host';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { meterFile } from '@weir/metering';
import { readEnrolment } from '../agent/enrolment.ts';
import { parseLocalEndpoint } from '../endpoint.ts';
import { createExporterDevice, type ExporterDevice } from '../exporter-device.ts';
import { followHangUp } from '../hang-up.ts';
import { meterOptionsOf } from '../metering-plan.ts';
import { parseLogLevel } from '../quantity.ts';
import { controlPathOf } from '../service-state.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';
import { sendTestRecord } from '../test-record.ts';

interface ExportOptions {
  profile?: string;
  interface: readonly string[];
  capture: CaptureSource;
  read?: string;
  check?: true;
  printConfig?: true;
  test?: true;
  metrics?: string;
  state?: string;
  logLevel: string;
}

/** `weir export`: meters and exports as the profile says, until it is told to stop or the capture ends. */
export async function exportFlows(options: ExportOptions): Promise<void> {
  const profile = await loadProfile(options.profile ?? defaultProfilePath());
  if (options.printConfig) {
    process.stdout.write(`${JSON.stringify(printableProfile(profile), null, 2)}\n`);
    return;
  }
  if (options.check) {
    process.stdout.write(`${describeProfile(profile)}\n`);
    return;
  }
  const logger = createStderrLogger('export', parseLogLevel(options.logLevel));
  if (options.test) await sendTestRecord(profile, logger);
  else if (options.read === undefined) await exportLive(profile, options, logger);
  else await exportCapture(profile, options.read, logger);
}

/** Until it is told to stop, by a signal or over the control socket; SIGHUP reads the profile again. */
async function exportLive(profile: Profile, options: ExportOptions, logger: Logger): Promise<void> {
  const device = createExporterDevice({
    profile,
    interfaces: options.interface,
    capture: options.capture,
    metrics: options.metrics === undefined ? undefined : parseLocalEndpoint(options.metrics, '--metrics'),
    controlPath: options.state === undefined ? undefined : controlPathOf(options.state),
    enrolment: readEnrolment(profile.fileName),
    logger,
  });
  const hungUp = followHangUp(() => void device.reload());
  const stop = AbortSignal.any([stopSignal(), device.ended, hungUp]);
  await device.start();
  await untilAborted(stop);
  try {
    await device.stop();
  } finally {
    logReport(device, logger);
  }
  const failure = device.failure();
  if (failure !== undefined) throw failure;
}

function logReport(device: ExporterDevice, logger: Logger): void {
  const report = device.report();
  if (report === undefined) return;
  const { recordsFlushed, records, collectors } = report;
  logger.info({ records }, `${recordsFlushed} open flows were ended and exported (flowEndReason 4)`);
  logCollectors(collectors, logger);
}

function logCollectors(collectors: readonly CollectorState[], logger: Logger): void {
  for (const { name, counters } of collectors) logger.info({ collector: name, ...counters }, 'exported');
}

async function exportCapture(profile: Profile, capture: string, logger: Logger): Promise<void> {
  const disabled = reasonDisabled(profile);
  if (disabled !== undefined) {
    logger.warn(`${profile.fileName}: ${disabled}; nothing is exported`);
    return;
  }
  const exporter = createExporter(profile, { logger });
  const batch = createFlowBatch();
  const sink = {
    batch,
    full() {
      exporter.export(batch);
      clearFlowBatch(batch);
      return batch;
    },
  };
  await exporter.start();
  try {
    const options = { ...meterOptionsOf(profile), afterChunk: () => exporter.whenRoom() };
    const { problem } = await meterFile(capture, options, sink);
    exporter.export(batch);
    if (problem !== undefined) {
      throw new UserError(problem.code, `${capture}: at octet ${problem.offset}: ${problem.message}`);
    }
  } finally {
    await exporter.stop();
    logCollectors(exporter.collectors(), logger);
  }
}
