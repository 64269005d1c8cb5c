import { createSocket } from 'node:dgram';
import { createStderrLogger, type Logger } from '@weir/base';
import {
  defaultFlowSources,
  type FlowSource,
  flowSourceOfListen,
  generateRecords,
  parseListen,
} from '@weir/collecting';
import { type CaptureSource, captureCapability, chooseInterfaces, listInterfaces } from '@weir/host';
import { type CollectorDevice, createCollectorDevice } from '../collector-device.ts';
import { parseEndpoint } from '../endpoint.ts';
import { parseLogLevel } from '../quantity.ts';
import type { MeteringPlan } from '../status-reader.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';

interface UpOptions {
  data: string;
  http: string;
  interface: readonly string[];
  capture: CaptureSource;
  listen: readonly string[];
  meter: boolean;
  demo?: true;
  logLevel: string;
}

/** Name of the source of made-up flows. */
const DEMO_SOURCE = 'demo';
/** Records a second of the demonstration: a small office. */
const DEMO_RECORDS_PER_SECOND = 60;

/** `weir up`: meters this machine, collects, stores and serves the console until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  const http = parseEndpoint(options.http, '--http');
  const logger = createStderrLogger('up', parseLogLevel(options.logLevel));
  const stop = stopSignal();
  const metering = planMetering(options, logger);
  const demo = options.demo === true;
  const sources = await chooseSources(options.listen, demo, logger);
  const device = createCollectorDevice({
    dataDirectory: options.data,
    sources,
    http,
    metering,
    demoSource: demo ? DEMO_SOURCE : undefined,
    logger,
  });
  await device.start();
  process.stderr.write(`\n  Weir is at ${device.url()}\n  Ctrl-C ends it.\n\n`);
  const demonstration = demo ? demonstrate(device, stop) : undefined;
  await untilAborted(stop);
  await demonstration;
  await device.stop();
}

/** What to meter; where nothing can be metered, that is said in one line and the rest goes on. */
function planMetering(options: UpOptions, logger: Logger): MeteringPlan {
  const { capture } = options;
  if (!options.meter)
    return { state: 'off', reason: 'metering was switched off with --no-meter', interfaces: [] };
  const capability = captureCapability(capture);
  if (!capability.allowed) {
    const { missing, howToGrant } = capability;
    logger.warn(`this machine is not metered: ${missing}; ${howToGrant}`);
    return { state: 'off', reason: missing, howToGrant, interfaces: [] };
  }
  if (options.interface.length > 0) return { state: 'on', interfaces: options.interface, capture };
  const { chosen, skipped } = chooseInterfaces(listInterfaces());
  for (const { name, reason } of skipped) logger.debug(`interface ${name} is not metered: ${reason}`);
  const interfaces = chosen.map(({ name }) => name);
  if (interfaces.length === 0) return { state: 'off', reason: 'no interface is up', interfaces: [] };
  logger.info(`metering ${interfaces.join(', ')}`);
  return { state: 'on', interfaces, capture };
}

/**
 * The sources asked for, or those that exist from the start. Of the latter one whose port is taken is left
 * out: another collector on this machine must not keep somebody from seeing their traffic.
 */
async function chooseSources(
  listen: readonly string[],
  demo: boolean,
  logger: Logger,
): Promise<FlowSource[]> {
  const asked = listen.map((text) => flowSourceOfListen(parseListen(text)));
  const sources: FlowSource[] = demo ? [demoSource()] : [];
  if (asked.length > 0) return [...sources, ...asked];
  for (const source of defaultFlowSources()) {
    if (await portIsFree(source)) sources.push(source);
    else logger.warn(`UDP port ${source.monitoringPort} is taken: ${source.name} does not collect`);
  }
  return sources;
}

function portIsFree({ monitoringAddress, monitoringPort }: FlowSource): Promise<boolean> {
  const socket = createSocket(monitoringAddress.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(monitoringPort, monitoringAddress, () => socket.close(() => resolve(true)));
  });
}

/** A socket of its own on loopback, so that made-up flows come in the way that real ones do. */
function demoSource(): FlowSource {
  return { ...flowSourceOfListen(parseListen('udp/127.0.0.1:0')), name: DEMO_SOURCE };
}

async function demonstrate(device: CollectorDevice, signal: AbortSignal): Promise<void> {
  const to = device.collector().address(DEMO_SOURCE);
  if (to === undefined) return;
  await generateRecords(to, { records: Number.POSITIVE_INFINITY, rate: DEMO_RECORDS_PER_SECOND, signal });
}
