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
    ...exporter.collectors.map(describeCollector),
  ].join('\n');
}

function describeState({ state, reason }: ExporterDeviceStatus): string {
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

function describeCollector({ name, counters }: CollectorState): string {
  const { flowsSent, messagesSent, flowsNotSent, refused } = counters;
  const refusals = refused === 0 ? '' : `, refused ${refused} times`;
  const sent = `${flowsSent} records in ${messagesSent} messages sent`;
  return `  collector   ${name}: ${sent}, ${flowsNotSent} records not sent${refusals}`;
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
