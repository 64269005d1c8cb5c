/** The state of a background service for people. */
import type { CollectorState } from '@weir/exporting';
import type { ServiceStatus } from './background-service.ts';
import type { ExporterDeviceStatus } from './exporter-status.ts';

/** Some lines; the first one says all that matters. */
export function describeStatus(status: ServiceStatus): string {
  const { name, exporter, lastExit, restarts } = status;
  const supervised = describeSupervision(status);
  if (exporter === undefined) {
    const crashed = lastExit === undefined ? '' : `: the exporter ended with ${lastExit}`;
    return status.supervisor === 'weir'
      ? `${name} is between two starts${crashed} (${restarts} restarts)`
      : `${name} is not running`;
  }
  const { pid, uptimeMs } = exporter;
  return [
    `${name} ${describeState(exporter)}, process ${pid}, up ${durationText(uptimeMs)}${supervised}`,
    `  profile     ${exporter.profile}`,
    ...(exporter.profileProblem === undefined ? [] : [`  REFUSED     ${exporter.profileProblem}`]),
    ...describeMeter(exporter),
    ...exporter.interfaces.map(
      ({ name: interfaceName, state, packets, kernelDrops }) =>
        `  interface   ${interfaceName}: ${state}, ${packets} packets, ${kernelDrops} dropped by the kernel`,
    ),
    ...describeDrops(exporter),
    ...exporter.collectors.map(describeCollector),
    ...exporter.peerSources.map(
      ({ name: source, peers, problem }) =>
        `  peers       ${source}: ${peers} ${peers === 1 ? 'peer' : 'peers'}${problem === undefined ? '' : `, cannot be asked: ${problem}`}`,
    ),
  ].join('\n');
}

function describeState({ state, reason }: ExporterDeviceStatus): string {
  if (state === 'waiting') return `is waiting: ${reason}`;
  return state === 'disabled' ? `is ${reason}` : `is ${state}`;
}

function describeSupervision({ supervisor, restarts = 0, lastExit }: ServiceStatus): string {
  if (restarts === 0) return supervisor === 'none' ? '' : `, kept running by ${supervisor}`;
  return `, kept running by ${supervisor}: ${restarts} restarts, the last after ${lastExit}`;
}

function describeMeter({ meter, outlet, rates, recordsTaken }: ExporterDeviceStatus): string[] {
  if (meter === undefined) return [];
  const { flowsHeld, malformed, truncated, recordsLackOfResources } = meter;
  const bits = Math.round(rates.octets * 8);
  const notMetered = malformed + truncated;
  return [
    `  flows       ${flowsHeld} in the cache, ${recordsTaken} records exported`,
    `  rates       ${round(rates.packets)} packets/s, ${bits} bit/s, ${round(rates.records)} records/s`,
    `  losses      ${outlet?.recordsLost ?? 0} records lost, ${notMetered} frames could not be read, ` +
      `${recordsLackOfResources} flows ended early because the cache was full`,
  ];
}

function describeDrops({ drops }: ExporterDeviceStatus): string[] {
  if (drops === undefined) return [];
  const { frames, framesAccessControl, framesTrust, framesOther, framesOverflow, flowsHeld } = drops.ledger;
  const reasons = `${framesAccessControl} by access control, ${framesTrust} by trust, ${framesOther} other`;
  const held = `${flowsHeld} flows held, ${framesOverflow} frames counted in aggregates`;
  return [
    `  drops       ${frames} frames: ${reasons}; ${held}`,
    ...drops.nflog.map(
      ({ group, frames: read, framesLost }) =>
        `  nflog       group ${group}: ${read} frames, ${framesLost} lost`,
    ),
    ...drops.pcapng.map(({ path, writers, framesDropped, problem }) => {
      const wrong = problem === undefined ? '' : `, last problem: ${problem}`;
      return `  pcapng      ${path}: ${writers} writers, ${framesDropped} frames dropped${wrong}`;
    }),
  ];
}

function describeCollector(collector: CollectorState): string {
  const { name, state, counters, queuedMessages, spoolOctets, lastError } = collector;
  const { flowsSent, messagesSent, flowsNotSent, refused } = counters;
  const told = [
    state,
    `${flowsSent} records in ${messagesSent} messages sent`,
    `${flowsNotSent} records not sent`,
    ...(queuedMessages === 0 ? [] : [`${queuedMessages} messages wait`]),
    ...(spoolOctets === 0 ? [] : [`${spoolOctets} octets in the spool`]),
    ...(refused === 0 ? [] : [`refused ${refused} times`]),
    ...(lastError === undefined ? [] : [`last error: ${lastError}`]),
  ];
  return `  collector   ${name}: ${told.join(', ')}`;
}

function round(value: number): string {
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

const DAY_S = 86_400;

/** `2 d 03:04:05`. */
export function durationText(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000);
  const clock = [Math.floor((seconds % DAY_S) / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
    .map((value) => String(value).padStart(2, '0'))
    .join(':');
  const days = Math.floor(seconds / DAY_S);
  return days === 0 ? clock : `${days} d ${clock}`;
}
