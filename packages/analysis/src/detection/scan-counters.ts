/** Port scan and host sweep by counting, as Zeek's scan.zeek does: many failed tries of one source within five minutes. */
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import { protocolName } from '../value-name.ts';
import { type Detection, excessScore, findingOf, HOUR_MS, MINUTE_MS, setting } from './detection.ts';
import { countText, destinationOf, numberOf, rangeOfStep, serviceText, sourceOf } from './flow-sql.ts';
import { hostsInVain, portsInVain } from './scan-tries.ts';

/** Zeek counts within five minutes; steps do not overlap, so a scan may be cut in two. */
const WINDOW_MS = 5 * MINUTE_MS;

const MISSES =
  'Scans slower than the threshold in five minutes (see scanStatistics), scans of open ports only, NULL ' +
  'and ACK scans to which nobody answers. Vulnerability scanners of your own look the same: suppress them.';
const IN_VAIN =
  'In vain is TCP that was not answered, refused or half open, UDP and ping that nobody answered, and what we dropped';

export const portScan: Detection = {
  id: 'portScan',
  title: 'Port scan',
  what: 'One source tried many ports of one host, and failed.',
  formula:
    'ports ≥ portsMin, counting different destination ports of one protocol that a source tried on a host in ' +
    `vain, in 5 minutes. ${IN_VAIN}`,
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
    const rows = await portsInVain(ask, context, { stepMs: WINDOW_MS, min: portsMin });
    return rows.map((row) => portScanFinding(row, portsMin));
  },
};

export const hostSweep: Detection = {
  id: 'hostSweep',
  title: 'Host sweep',
  what: 'One source tried the same port on many hosts, and failed.',
  formula:
    'hosts ≥ hostsMin and hosts ≥ failedShareMin × all hosts tried on the port, counting different hosts on which ' +
    `a source tried a port in vain, and did not talk by TCP on that port either, in 5 minutes. ${IN_VAIN}`,
  source:
    'Zeek scan.zeek: 25 unique hosts on one port within 5 minutes; share: half way between θ0 and θ1 of TRW',
  misses: `${MISSES} Sweeps of which most succeed, and programs that look for peers of which most are gone.`,
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
    {
      name: 'failedShareMin',
      default: 0.5,
      min: 0,
      max: 1,
      unit: '',
      meaning: 'Share of the hosts tried on the port that it tried in vain; busy hosts always have some',
      source: 'Jung, TRW: of first tries a benign source loses 0.2, a scanner 0.8',
    },
  ],
  async run(ask, context) {
    const hostsMin = setting(context.parameters, 'hostsMin');
    const share = setting(context.parameters, 'failedShareMin');
    const rows = await hostsInVain(ask, context, { stepMs: WINDOW_MS, min: hostsMin, share });
    return rows.map((row) => hostSweepFinding(row, hostsMin));
  },
};

function timesOf(row: AnswerRow) {
  const range = rangeOfStep(numberOf(row, 'step'), WINDOW_MS);
  return { range, firstMs: numberOf(row, 'firstMs'), lastMs: numberOf(row, 'lastMs') };
}

function droppedText(row: AnswerRow): string {
  const dropped = numberOf(row, 'dropped');
  if (dropped === 0) return 'None of it was dropped by a rule of ours.';
  return `${countText(dropped)} of ${countText(numberOf(row, 'tries'))} tries were dropped by our rules.`;
}

function portScanFinding(row: AnswerRow, portsMin: number): AlertFinding {
  const [source, target, ports] = [sourceOf(row), destinationOf(row), numberOf(row, 'different')];
  const protocol = protocolName(numberOf(row, 'protocol'));
  const isUdp = protocol === 'udp';
  return findingOf(portScan, {
    title: isUdp ? 'Port scan by UDP' : portScan.title,
    subject: { kind: 'pair', value: `${source} → ${target}` },
    score: excessScore(ports, portsMin, 0.45),
    ...timesOf(row),
    filter: `src host ${source} and dst host ${target}${isUdp ? ' and protocol udp' : ''}`,
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
      `${source} tried ${countText(ports)} ports of ${target}${isUdp ? ' by UDP' : ''} within five minutes and got ` +
      `${isUdp ? 'no answer' : 'no connection'}. ` +
      `That is how somebody looks for services that can be attacked. ${droppedText(row)} Find out who ` +
      `uses ${source}; if it is a scanner of your own, suppress it.`,
  });
}

function hostSweepFinding(row: AnswerRow, hostsMin: number): AlertFinding {
  const [source, hosts] = [sourceOf(row), numberOf(row, 'different')];
  const protocol = numberOf(row, 'protocol');
  const isPing = protocol === 1 || protocol === 58;
  const port = `dst port ${numberOf(row, 'dstPort')}`;
  const service = isPing ? 'ping' : serviceText(numberOf(row, 'dstPort'), protocol);
  return findingOf(hostSweep, {
    title: `Host sweep ${isPing ? 'by' : 'for'} ${service}`,
    subject: { kind: 'host', value: source },
    score: excessScore(hosts, hostsMin, 0.5),
    ...timesOf(row),
    filter: `src host ${source} and ${isPing ? `protocol ${protocolName(protocol)}` : port}`,
    numbers: [
      {
        name: 'hosts',
        value: hosts,
        unit: 'hosts',
        threshold: hostsMin,
        meaning: `different hosts that were tried ${isPing ? 'by' : 'on'} ${service} in vain`,
      },
      {
        name: 'allHosts',
        value: numberOf(row, 'hosts'),
        unit: 'hosts',
        meaning: `on which it tried ${service} at all`,
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
      `${source} tried ${service} on ${countText(hosts)} hosts within five minutes and got no answer or was refused. ` +
      `Worms and people who move on inside a network do that. ${droppedText(row)} If ${source} is one of ` +
      'yours and no scanner, look at it soon.',
  });
}
