import { createStderrLogger, type Logger } from '@weir/base';
import {
  type FlowSource,
  type FlowSourceOrigin,
  flowSourceOfListen,
  generateRecords,
  parseListen,
} from '@weir/collecting';
import { type CaptureSource, captureCapability, chooseInterfaces, listInterfaces } from '@weir/host';
import { type CollectorDevice, createCollectorDevice } from '../collector-device.ts';
import { parseEndpoint } from '../endpoint.ts';
import { flowSourcesInData, flowSourcesOfListen } from '../flow-source-places.ts';
import { parseLogLevel } from '../quantity.ts';
import { type RetentionOptions, readRetention } from '../retention-options.ts';
import type { MeteringPlan } from '../status-reader.ts';
import { stopSignal, untilAborted } from '../stop-signal.ts';

interface UpOptions extends RetentionOptions {
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
  const device = createCollectorDevice({
    dataDirectory: options.data,
    origin: originOf(options.listen, options.data),
    pinned: demo ? [demoSource()] : [],
    tolerant: options.listen.length === 0,
    http,
    metering,
    demoSource: demo ? DEMO_SOURCE : undefined,
    store: readRetention(options),
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
  if (options.interface.length > 0) {
    return { state: 'on', interfaces: options.interface, followsInterfaces: false, capture };
  }
  const { chosen, skipped } = chooseInterfaces(listInterfaces());
  for (const { name, reason } of skipped) logger.debug(`interface ${name} is not metered: ${reason}`);
  const interfaces = chosen.map(({ name }) => name);
  if (interfaces.length > 0) logger.info(`metering ${interfaces.join(', ')}`);
  return { state: 'on', interfaces, followsInterfaces: true, capture };
}

/** The sources asked for, or those of the data folder, where the console edits them. */
function originOf(listen: readonly string[], dataDirectory: string): FlowSourceOrigin {
  if (listen.length === 0) return flowSourcesInData(dataDirectory);
  return flowSourcesOfListen(listen.map((text) => flowSourceOfListen(parseListen(text))));
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
