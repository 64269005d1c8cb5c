/** Port scan and host sweep by counting, as Zeek's scan.zeek does: many failed tries of one source within five minutes. */
import type { AlertFinding } from '../alert.ts';
import {
  type AskFlows,
  type Detection,
  type DetectionContext,
  excessScore,
  findingOf,
  HOUR_MS,
  MINUTE_MS,
  setting,
} from './detection.ts';
import {
  countText,
  DESTINATION,
  DROPPED,
  destinationOf,
  END_MS,
  FAILED,
  numberOf,
  rangeOfStep,
  SOURCE,
  START_MS,
  serviceText,
  sourceOf,
  stepOf,
} from './flow-sql.ts';

/** Zeek counts within five minutes; steps do not overlap, so a scan may be cut in two. */
const WINDOW_MS = 5 * MINUTE_MS;
const ROWS_MAX = 1000;

const MISSES =
  'Scans slower than the threshold in five minutes (see scanStatistics), scans of open ports only, NULL ' +
  'scans, and UDP scans that we did not drop. Vulnerability scanners of your own look the same: ' +
  'suppress them.';

export const portScan: Detection = {
  id: 'portScan',
  title: 'Port scan',
  what: 'One source tried many ports of one host, and failed.',
  formula:
    'ports ≥ portsMin, counting different destination ports of failed tries (source, host) in 5 minutes',
  source: 'Zeek scan.zeek: 15 unique ports on one host within 5 minutes',
  misses: MISSES,
  stepMs: WINDOW_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'portsMin',
      default: 15,
      min: 3,
      max: 65_535,
      unit: 'ports',
      meaning: 'Different ports of one host in five minutes',
      source: 'Zeek scan.zeek, port_scan_threshold',
    },
  ],
  async run(ask, context) {
    const portsMin = setting(context.parameters, 'portsMin');
    const rows = await countFailures(ask, context, {
      keys: `${SOURCE}, ${DESTINATION}`,
      counted: '"dstPort"',
      min: portsMin,
    });
    return rows.map((row) => portScanFinding(row, portsMin));
  },
};

export const hostSweep: Detection = {
  id: 'hostSweep',
  title: 'Host sweep',
  what: 'One source tried the same port on many hosts, and failed.',
  formula: 'hosts ≥ hostsMin, counting different destinations of failed tries (source, port) in 5 minutes',
  source: 'Zeek scan.zeek: 25 unique hosts on one port within 5 minutes',
  misses: MISSES,
  stepMs: WINDOW_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'hostsMin',
      default: 25,
      min: 3,
      max: 1_000_000,
      unit: 'hosts',
      meaning: 'Different hosts on one port in five minutes',
      source: 'Zeek scan.zeek, addr_scan_threshold',
    },
  ],
  async run(ask, context) {
    const hostsMin = setting(context.parameters, 'hostsMin');
    const rows = await countFailures(ask, context, {
      keys: `${SOURCE}, "dstPort", "protocol"`,
      counted: `hash(${DESTINATION})`,
      min: hostsMin,
    });
    return rows.map((row) => hostSweepFinding(row, hostsMin));
  },
};

type Row = Awaited<ReturnType<AskFlows>>[number];

function countFailures(
  ask: AskFlows,
  { range, counted: counts }: DetectionContext,
  { keys, counted, min }: { keys: string; counted: string; min: number },
): Promise<readonly Row[]> {
  const sql = `SELECT ${keys}, ${stepOf(WINDOW_MS)} AS step, count(DISTINCT ${counted}) AS different,
  count(*) AS tries, count(*) FILTER (WHERE ${DROPPED}) AS dropped,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${counts} AND ${FAILED}
GROUP BY ${keys}, step HAVING different >= ${min}
ORDER BY step, different DESC LIMIT ${ROWS_MAX}`;
  return ask(sql, range);
}

function timesOf(row: Row) {
  const range = rangeOfStep(numberOf(row, 'step'), WINDOW_MS);
  return { range, firstMs: numberOf(row, 'firstMs'), lastMs: numberOf(row, 'lastMs') };
}

function droppedText(row: Row): string {
  const dropped = numberOf(row, 'dropped');
  if (dropped === 0) return 'None of it was dropped by a rule of ours.';
  return `${countText(dropped)} of ${countText(numberOf(row, 'tries'))} tries were dropped by our rules.`;
}

function portScanFinding(row: Row, portsMin: number): AlertFinding {
  const [source, target, ports] = [sourceOf(row), destinationOf(row), numberOf(row, 'different')];
  return findingOf(portScan, {
    subject: { kind: 'pair', value: `${source} → ${target}` },
    score: excessScore(ports, portsMin, 0.45),
    ...timesOf(row),
    filter: `src host ${source} and dst host ${target}`,
    numbers: [
      {
        name: 'ports',
        value: ports,
        unit: 'ports',
        threshold: portsMin,
        meaning: 'different ports that were tried in vain',
      },
      {
        name: 'tries',
        value: numberOf(row, 'tries'),
        unit: 'flows',
        meaning: 'failed tries in the five minutes',
      },
      {
        name: 'dropped',
        value: numberOf(row, 'dropped'),
        unit: 'flows',
        meaning: 'of these dropped by our rules',
      },
    ],
    explanation:
      `${source} tried ${countText(ports)} ports of ${target} within five minutes and got no connection. ` +
      `That is how somebody looks for services that can be attacked. ${droppedText(row)} Find out who ` +
      `uses ${source}; if it is a scanner of your own, suppress it.`,
  });
}

function hostSweepFinding(row: Row, hostsMin: number): AlertFinding {
  const [source, hosts] = [sourceOf(row), numberOf(row, 'different')];
  const service = serviceText(numberOf(row, 'dstPort'), numberOf(row, 'protocol'));
  return findingOf(hostSweep, {
    title: `Host sweep for ${service}`,
    subject: { kind: 'host', value: source },
    score: excessScore(hosts, hostsMin, 0.5),
    ...timesOf(row),
    filter: `src host ${source} and dst port ${numberOf(row, 'dstPort')}`,
    numbers: [
      {
        name: 'hosts',
        value: hosts,
        unit: 'hosts',
        threshold: hostsMin,
        meaning: `different hosts that were tried on ${service} in vain`,
      },
      {
        name: 'tries',
        value: numberOf(row, 'tries'),
        unit: 'flows',
        meaning: 'failed tries in the five minutes',
      },
      {
        name: 'dropped',
        value: numberOf(row, 'dropped'),
        unit: 'flows',
        meaning: 'of these dropped by our rules',
      },
    ],
    explanation:
      `${source} tried ${service} on ${countText(hosts)} hosts within five minutes and got no connection. ` +
      `Worms and people who move on inside a network do that. ${droppedText(row)} If ${source} is one of ` +
      'yours and no scanner, look at it soon.',
  });
}
