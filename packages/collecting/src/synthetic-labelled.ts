/** Traffic by which detections are judged: attacks of every kind on quiet days, and beside them what only looks like one. */
import type { SyntheticAttack, SyntheticAttackKind } from './synthetic-attack.ts';
import type { SyntheticNetwork } from './synthetic-network.ts';

/** An event with the detections that may speak of it; the first of them must. None: all have to stay silent. */
export interface LabelledEvent extends SyntheticAttack {
  readonly expected: readonly string[];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Days on which nothing happens but what always does, so that detections can learn what is usual. */
export const QUIET_DAYS = 3;
export const LABELLED_DAYS = 5;

const dotted = (text: string): number =>
  text.split('.').reduce((value, part) => value * 256 + Number(part), 0) >>> 0;

/** Listed by the feed that goes with it. */
export const LISTED_ADDRESSES = ['198.51.100.23', '198.51.100.77'] as const;

interface Sketch {
  readonly kind: SyntheticAttackKind;
  readonly from: string | number;
  readonly to: string | number;
  readonly port: number;
  readonly protocol?: 6 | 17;
  /** Hours since the beginning of the traffic. */
  readonly atHour: number;
  readonly hours: number;
  readonly flows: number;
  readonly expected?: readonly string[];
}

/** Everything of the five days that begin at `fromMs`, by beginnings. `isClean` leaves the attacks out. */
export function planLabelledTraffic(
  network: SyntheticNetwork,
  fromMs: number,
  isClean: boolean,
): LabelledEvent[] {
  const sketches = isClean ? benign(network) : [...benign(network), ...attacks(network)];
  return sketches.map((sketch) => eventOf(sketch, fromMs)).sort((one, other) => one.startMs - other.startMs);
}

function eventOf(sketch: Sketch, fromMs: number): LabelledEvent {
  const { kind, from, to, port, protocol = 6, atHour, hours, flows, expected = [] } = sketch;
  const startMs = fromMs + Math.round(atHour * HOUR_MS);
  const address = (value: string | number) => (typeof value === 'number' ? value : dotted(value));
  const times = { startMs, endMs: startMs + Math.round(hours * HOUR_MS) };
  // Who attacks for the first time may be new as well.
  const further = expected.length === 0 ? [] : ['newHost', 'newPeer'];
  return {
    kind,
    attacker: address(from),
    victim: address(to),
    port,
    protocol,
    flows,
    ...times,
    expected: [...expected, ...further],
  };
}

function attacks({ hostIp, serverIp }: SyntheticNetwork): Sketch[] {
  const inside = (index: number) => hostIp[index] ?? 0;
  const outside = (index: number) => serverIp[index] ?? 0;
  const day = QUIET_DAYS * 24;
  return [
    {
      kind: 'portScan',
      from: outside(150_001),
      to: inside(700),
      port: 0,
      atHour: day + 2,
      hours: 1 / 6,
      flows: 2000,
      expected: ['portScan', 'scanStatistics'],
    },
    {
      kind: 'portScan',
      from: outside(150_002),
      to: inside(701),
      port: 0,
      atHour: day + 9.5,
      hours: 1 / 12,
      flows: 45,
      expected: ['portScan', 'scanStatistics'],
    },
    {
      kind: 'hostSweep',
      from: inside(3801),
      to: '203.0.113.0',
      port: 445,
      atHour: day + 4,
      hours: 1 / 3,
      flows: 250,
      expected: ['hostSweep', 'scanStatistics'],
    },
    {
      kind: 'hostSweep',
      from: outside(150_003),
      to: '10.3.0.1',
      port: 22,
      atHour: day + 11,
      hours: 1 / 12,
      flows: 60,
      expected: ['hostSweep', 'scanStatistics'],
    },
    {
      kind: 'slowScan',
      from: '10.9.9.9',
      to: '10.4.0.1',
      port: 3389,
      atHour: day + 1,
      hours: 12,
      flows: 480,
      expected: ['scanStatistics', 'newHost'],
    },
    {
      kind: 'slowScan',
      from: outside(150_004),
      to: '10.5.0.1',
      port: 23,
      atHour: day + 14,
      hours: 8,
      flows: 240,
      expected: ['scanStatistics'],
    },
    {
      kind: 'bruteForce',
      from: outside(150_005),
      to: inside(702),
      port: 22,
      atHour: day + 3,
      hours: 3,
      flows: 1500,
      expected: ['bruteForce', 'newService'],
    },
    {
      kind: 'bruteForce',
      from: inside(3802),
      to: inside(703),
      port: 3389,
      atHour: day + 15,
      hours: 0.5,
      flows: 200,
      expected: ['bruteForce', 'newService'],
    },
    {
      kind: 'beacon',
      from: inside(3803),
      to: outside(150_006),
      port: 443,
      atHour: day,
      hours: 30,
      flows: 360,
      expected: ['beacon'],
    },
    {
      kind: 'beacon',
      from: inside(3804),
      to: outside(150_007),
      port: 8443,
      atHour: day + 1,
      hours: 40,
      flows: 160,
      expected: ['beacon'],
    },
    {
      kind: 'blockedBeacon',
      from: inside(3805),
      to: outside(150_008),
      port: 443,
      atHour: day,
      hours: 36,
      flows: 216,
      expected: ['beacon'],
    },
    {
      kind: 'dnsTunnel',
      from: inside(3806),
      to: outside(150_009),
      port: 53,
      protocol: 17,
      atHour: day + 6,
      hours: 3,
      flows: 9000,
      expected: ['dnsTunnel'],
    },
    {
      kind: 'dnsTunnel',
      from: inside(3807),
      to: outside(150_010),
      port: 53,
      protocol: 17,
      atHour: day + 20,
      hours: 1,
      flows: 1200,
      expected: ['dnsTunnel'],
    },
    {
      kind: 'exfiltration',
      from: inside(100),
      to: outside(150_011),
      port: 443,
      atHour: day + 5,
      hours: 2,
      flows: 120,
      expected: ['exfiltration'],
    },
    {
      kind: 'exfiltration',
      from: inside(200),
      to: outside(150_012),
      port: 22,
      atHour: day + 26,
      hours: 1,
      flows: 60,
      expected: ['exfiltration'],
    },
    {
      kind: 'flood',
      from: outside(150_013),
      to: inside(704),
      port: 123,
      protocol: 17,
      atHour: day + 8,
      hours: 0.15,
      flows: 4000,
      expected: ['ddos'],
    },
    {
      kind: 'flood',
      from: outside(150_014),
      to: inside(705),
      port: 53,
      protocol: 17,
      atHour: day + 30,
      hours: 0.1,
      flows: 2000,
      expected: ['ddos'],
    },
    {
      kind: 'listed',
      from: inside(3808),
      to: LISTED_ADDRESSES[0],
      port: 443,
      atHour: day + 7,
      hours: 2,
      flows: 24,
      expected: ['listedAddress'],
    },
    {
      kind: 'listed',
      from: inside(3809),
      to: LISTED_ADDRESSES[1],
      port: 8080,
      atHour: day + 29,
      hours: 0.2,
      flows: 3,
      expected: ['listedAddress'],
    },
    {
      kind: 'longConnection',
      from: inside(3810),
      to: outside(150_015),
      port: 4444,
      atHour: day + 2,
      hours: 11,
      flows: 132,
      expected: ['longConnection'],
    },
    {
      kind: 'longConnection',
      from: inside(3811),
      to: outside(150_016),
      port: 443,
      atHour: day + 20,
      hours: 9,
      flows: 108,
      expected: ['longConnection'],
    },
  ];
}

function benign({ hostIp, serverIp }: SyntheticNetwork): Sketch[] {
  const hours = LABELLED_DAYS * 24;
  const inside = (index: number) => hostIp[index] ?? 0;
  const outside = (index: number) => serverIp[index] ?? 0;
  const each = (count: number, sketch: (index: number) => Sketch) =>
    Array.from({ length: count }, (_, index) => sketch(index));
  return [
    ...each(10, (index) => ({
      kind: 'monitoring',
      from: '10.1.0.250',
      to: inside(1000 + index),
      port: 22,
      atHour: 0,
      hours,
      flows: hours * 60,
    })),
    ...each(5, (index) => ({
      kind: 'timePolling',
      from: inside(1100 + index),
      to: outside(44),
      port: 123,
      protocol: 17,
      atHour: 0,
      hours,
      flows: Math.round((hours * 3600) / 64),
    })),
    ...each(4, (index) => ({
      kind: 'timePolling',
      from: inside(1200 + index),
      to: '10.1.0.53',
      port: 53,
      protocol: 17,
      atHour: 0,
      hours,
      flows: hours * 20,
    })),
    ...each(LABELLED_DAYS, (index) => ({
      kind: 'backup',
      from: inside(1300),
      to: outside(50),
      port: 443,
      atHour: index * 24 + 2,
      hours: 1,
      flows: 100,
    })),
    ...each(LABELLED_DAYS, (index) => ({
      kind: 'download',
      from: inside(1400),
      to: outside(51),
      port: 443,
      atHour: index * 24 + 10,
      hours: 1 / 6,
      flows: 300,
    })),
    {
      kind: 'resolver',
      from: '10.1.0.53',
      to: outside(60),
      port: 53,
      protocol: 17,
      atHour: 0,
      hours,
      flows: hours * 600,
    },
  ];
}
