import { createStderrLogger, type Logger, UserError } from '@weir/base';
import {
  createExporter,
  defaultProfilePath,
  describeProfile,
  type Exporter,
  loadProfile,
  type Profile,
  printableProfile,
  reasonDisabled,
} from '@weir/exporting';
import { captureCapability, chooseInterfaces, listInterfaces } from '@weir/host';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { createLiveMeter, type ExcludedSocket, meterFile } from '@weir/metering';
import { parseLogLevel } from '../quantity.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';

interface ExportOptions {
  profile?: string;
  interface: readonly string[];
  read?: string;
  check?: true;
  printConfig?: true;
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
  const disabled = reasonDisabled(profile);
  if (disabled !== undefined) {
    logger.warn(`${profile.fileName}: ${disabled}; nothing is exported`);
    return;
  }
  const exporter = createExporter(profile, { logger });
  if (options.read === undefined) await exportLive(profile, exporter, options.interface, logger);
  else await exportCapture(profile, exporter, options.read);
  for (const { name, counters } of exporter.collectors())
    logger.info({ collector: name, ...counters }, 'exported');
}

async function exportLive(
  profile: Profile,
  exporter: Exporter,
  asked: readonly string[],
  logger: Logger,
): Promise<void> {
  const capability = captureCapability();
  if (!capability.allowed) {
    throw new UserError('capture_denied', `cannot meter: ${capability.missing}; ${capability.howToGrant}`);
  }
  const interfaces = interfacesToMeter(profile, asked);
  const stop = stopSignal();
  await exporter.start();
  const meter = createLiveMeter(
    { ...timeoutsOf(profile), interfaces, excludedSockets: ownSockets(exporter) },
    { port: exporter.connectWriter(), logger },
  );
  try {
    await meter.start();
    logger.info(`metering ${interfaces.join(', ')}; Ctrl-C ends`);
    await untilAborted(stop);
  } finally {
    await meter.stop();
    await exporter.stop();
  }
}

async function exportCapture(profile: Profile, exporter: Exporter, capture: string): Promise<void> {
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
    const options = { ...timeoutsOf(profile), afterChunk: () => exporter.whenRoom() };
    const { problem } = await meterFile(capture, options, sink);
    exporter.export(batch);
    if (problem !== undefined) {
      throw new UserError(problem.code, `${capture}: at octet ${problem.offset}: ${problem.message}`);
    }
  } finally {
    await exporter.stop();
  }
}

function timeoutsOf({ idleTimeoutMs, activeTimeoutMs }: Profile) {
  return { idleTimeoutMs, activeTimeoutMs };
}

function interfacesToMeter(profile: Profile, asked: readonly string[]): readonly string[] {
  if (asked.length > 0) return asked;
  if (profile.interfaces.length > 0) return profile.interfaces;
  return chooseInterfaces(listInterfaces()).chosen.map(({ name }) => name);
}

/** Export traffic that were metered would make more export traffic. */
function ownSockets(exporter: Exporter): ExcludedSocket[] {
  return exporter
    .localSockets()
    .map(({ protocol, localPort, remotePort }) => ({ protocol, localPort, remotePort }));
}
