/** Guessing of passwords (hydra, medusa, scripts), beacons with jitter, tunnels in DNS (iodine, dnscat2, dns2tcp) and uploads. */
import { inside, outside, server } from './actors.ts';
import { SILENT, UDP } from './flow-records.ts';
import { at, HOUR_MS, moments, type Random, type Scenario } from './scenario.ts';

const GUESSING = ['bruteForce'];

export const GUESSES: readonly Scenario[] = [
  {
    name: 'hydra against SSH: 4 at once, 6 passwords a connection',
    half: 'first',
    expected: GUESSING,
    actors: [outside(6), server(17)],
    startMs: at(7, 4, 5),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 360, gapMs: 4000, jitter: 0.6 }))
        flows.add({
          ...{
            startMs,
            seconds: 14 + random.below(4),
            client: outside(6),
            server: server(17),
            serverPort: 22,
          },
          ...{ out: [27 + random.below(6), 4300 + random.below(500)], back: [26, 5200] },
        });
    },
  },
  {
    name: 'guessing of RDP, a try each 6 s ± 10 %',
    half: 'second',
    expected: GUESSING,
    actors: [outside(7), server(18)],
    startMs: at(8, 22),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 900, gapMs: 6000, jitter: 0.1 }))
        flows.add({
          ...{ startMs, seconds: 2, client: outside(7), server: server(18), serverPort: 3389 },
          ...{ out: [12 + random.below(4), 1900 + random.below(200)], back: [10, 2600] },
        });
    },
  },
  {
    name: 'SSH by a script: a try each 45 s ± 40 %, eight hours',
    half: 'first',
    expected: GUESSING,
    actors: [outside(8), server(19)],
    startMs: at(9, 1),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 640, gapMs: 45_000, jitter: 0.4 }))
        flows.add({
          ...{ startMs, seconds: 4, client: outside(8), server: server(19), serverPort: 22 },
          ...{ out: [14 + random.below(4), 2500 + random.below(300)], back: [14, 2900] },
        });
    },
  },
  {
    name: 'password spraying: 60 sources, each a try at SSH each ten minutes',
    half: 'second',
    expected: GUESSING,
    actors: Array.from({ length: 60 }, (_, index) => `203.0.112.${index + 1}`),
    startMs: at(9, 3),
    play(flows, random) {
      for (const client of this.actors)
        for (const startMs of moments(random, {
          fromMs: this.startMs,
          count: 24,
          gapMs: 600_000,
          jitter: 0.5,
        }))
          flows.add({
            ...{ startMs, seconds: 4, client, server: server(20), serverPort: 22 },
            ...{ out: [14 + random.below(4), 2500 + random.below(300)], back: [14, 2900] },
          });
    },
  },
  {
    name: 'guessing at a log-in form over HTTPS, 10 a second',
    half: 'first',
    expected: GUESSING,
    actors: [outside(9), server(21)],
    startMs: at(10, 13),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 3000, gapMs: 100, jitter: 0.8 }))
        flows.add({
          ...{ startMs, seconds: 0.4, client: outside(9), server: server(21), serverPort: 443 },
          ...{ out: [11 + random.below(2), 1900 + random.below(60)], back: [11, 6200] },
        });
    },
  },
  {
    name: 'medusa against FTP: three passwords a connection',
    half: 'second',
    expected: GUESSING,
    actors: [inside(11), server(22)],
    startMs: at(7, 21, 30),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 250, gapMs: 5500, jitter: 0.3 }))
        flows.add({
          ...{ startMs, seconds: 9, client: inside(11), server: server(22), serverPort: 21 },
          ...{ out: [13 + random.below(3), 780 + random.below(80)], back: [13, 1050] },
        });
    },
  },
];

/** Calls of a program that asks its master for orders. */
function beacon(
  flows: Parameters<Scenario['play']>[0],
  random: Random,
  {
    fromMs,
    hours,
    gapMs,
    jitter,
    client,
    master,
    port = 443,
    spread = 0,
  }: {
    fromMs: number;
    hours: number;
    gapMs: number;
    jitter: number;
    client: string;
    master: string;
    port?: number;
    /** Octets by which calls differ. */
    spread?: number;
  },
): void {
  // Each wait is counted from the call before, as implants do it: places are not kept.
  let startMs = fromMs;
  while (startMs < fromMs + hours * HOUR_MS) {
    flows.add({
      ...{ startMs, seconds: 0.6, client, server: master, serverPort: port },
      ...{ out: [9, 1400 + random.below(spread + 1)], back: [8, 1900 + random.below(spread * 4 + 1)] },
    });
    startMs += gapMs * (1 + (random.unit() * 2 - 1) * jitter);
  }
}

export const BEACONS: readonly Scenario[] = [
  {
    name: 'beacon each 60 s ± 20 %, alike, four days',
    half: 'first',
    expected: ['beacon'],
    actors: [inside(12), outside(40)],
    startMs: at(7, 0, 7),
    play: (flows, random) =>
      beacon(flows, random, {
        fromMs: at(7, 0, 7),
        hours: 95,
        gapMs: 60_000,
        jitter: 0.2,
        client: inside(12),
        master: outside(40),
      }),
  },
  {
    name: 'beacon each 5 min ± 30 %, of different sizes, four days',
    half: 'second',
    expected: ['beacon'],
    actors: [inside(13), outside(41)],
    startMs: at(7, 0, 1),
    play: (flows, random) =>
      beacon(flows, random, {
        fromMs: at(7, 0, 1),
        hours: 95,
        gapMs: 300_000,
        jitter: 0.3,
        client: inside(13),
        master: outside(41),
        spread: 700,
      }),
  },
  {
    name: 'beacon each 10 min ± 10 %, while a laptop is on: 8 to 18 o’clock',
    half: 'first',
    expected: ['beacon'],
    actors: [inside(14), outside(42)],
    startMs: at(7, 8),
    play(flows, random) {
      for (let day = 7; day < 11; day++)
        beacon(flows, random, {
          fromMs: at(day, 8),
          hours: 10,
          gapMs: 600_000,
          jitter: 0.1,
          client: inside(14),
          master: outside(42),
        });
    },
  },
  {
    name: 'beacon each hour to the second, four days',
    half: 'second',
    expected: ['beacon'],
    actors: [inside(15), outside(43)],
    startMs: at(7, 0, 13),
    play: (flows, random) =>
      beacon(flows, random, {
        fromMs: at(7, 0, 13),
        hours: 95,
        gapMs: HOUR_MS,
        jitter: 0.001,
        client: inside(15),
        master: outside(43),
        spread: 20,
      }),
  },
  {
    name: 'beacon whose master is gone: three SYN each 30 s',
    half: 'first',
    expected: ['beacon'],
    actors: [inside(16), outside(44)],
    startMs: at(8, 0, 3),
    play(flows, random) {
      for (const startMs of moments(random, {
        fromMs: this.startMs,
        count: 2880,
        gapMs: 30_000,
        jitter: 0.05,
      }))
        flows.add({
          startMs,
          seconds: 7,
          client: inside(16),
          server: outside(44),
          serverPort: 8443,
          ...SILENT,
        });
    },
  },
  {
    name: 'beacon by UDP each 2 min ± 15 %',
    half: 'second',
    expected: ['beacon'],
    actors: [inside(17), outside(45)],
    startMs: at(8, 0, 9),
    play(flows, random) {
      for (const startMs of moments(random, {
        fromMs: this.startMs,
        count: 2100,
        gapMs: 120_000,
        jitter: 0.15,
      }))
        flows.add({
          ...{ startMs, seconds: 0.2, client: inside(17), server: outside(45), serverPort: 8443 },
          ...{ protocol: UDP, out: [2, 310], back: [2, 290] },
        });
    },
  },
];

export const SMUGGLING: readonly Scenario[] = [
  {
    name: 'iodine to its server: 12 queries a second of 190 octets, 40 min',
    half: 'first',
    expected: ['dnsTunnel'],
    actors: [inside(18), outside(50)],
    startMs: at(7, 13, 5),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(7, 13, 5), seconds: 2400, client: inside(18), server: outside(50), serverPort: 53 },
        ...{ protocol: UDP, out: [28_800, 5_500_000], back: [28_800, 6_000_000] },
      }),
  },
  {
    name: 'dnscat2: a query of 170 octets a second, a port each, five hours',
    half: 'second',
    expected: ['dnsTunnel'],
    actors: [inside(19), outside(51)],
    startMs: at(8, 12, 10),
    play(flows, random) {
      for (const startMs of moments(random, {
        fromMs: this.startMs,
        count: 18_000,
        gapMs: 1000,
        jitter: 0.3,
      }))
        flows.add({
          ...{ startMs, seconds: 0.05, client: inside(19), server: outside(51), serverPort: 53 },
          ...{ protocol: UDP, out: [1, 160 + random.below(30)], back: [1, 220] },
        });
    },
  },
  {
    name: 'download through DNS: queries of 95 octets, answers of 480, six a second, an hour',
    half: 'first',
    expected: ['dnsTunnel'],
    actors: [inside(20), outside(52)],
    startMs: at(9, 10, 0),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 21_600, gapMs: 167, jitter: 0.3 }))
        flows.add({
          ...{ startMs, seconds: 0.05, client: inside(20), server: outside(52), serverPort: 53 },
          ...{ protocol: UDP, out: [1, 90 + random.below(12)], back: [1, 440 + random.below(90)] },
        });
    },
  },
  {
    name: 'iodine through the resolver of the house: 5 queries a second of 200 octets, an hour',
    half: 'second',
    expected: ['dnsTunnel'],
    actors: [inside(21)],
    startMs: at(10, 9, 30),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(10, 9, 30), seconds: 3600, client: inside(21), server: server(5), serverPort: 53 },
        ...{ protocol: UDP, out: [18_000, 3_600_000], back: [18_000, 4_000_000] },
      }),
  },
  {
    name: '8 GB to a host outside over HTTPS in the night, of a client that sends 100 MB a day',
    half: 'first',
    expected: ['exfiltration'],
    actors: [inside(22), outside(53)],
    startMs: at(8, 2, 20),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(8, 2, 20), seconds: 3000, client: inside(22), server: outside(53), serverPort: 443 },
        ...{ out: [5_700_000, 8_000_000_000], back: [2_800_000, 150_000_000] },
      }),
  },
  {
    name: '1.8 GB to a host outside in twelve parts, an hour apart',
    half: 'second',
    expected: ['exfiltration'],
    actors: [inside(23), outside(54)],
    startMs: at(9, 6),
    play(flows) {
      for (let part = 0; part < 12; part++)
        flows.add({
          ...{
            startMs: this.startMs + part * HOUR_MS,
            seconds: 140,
            client: inside(23),
            server: outside(54),
          },
          ...{ serverPort: 443, out: [110_000, 150_000_000], back: [55_000, 3_000_000] },
        });
    },
  },
  {
    name: 'a server that sends nothing by itself sends 900 MB by SSH',
    half: 'first',
    expected: ['exfiltration'],
    actors: [server(23), outside(55)],
    startMs: at(10, 1),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(10, 1), seconds: 600, client: server(23), server: outside(55), serverPort: 22 },
        ...{ out: [640_000, 900_000_000], back: [300_000, 20_000_000] },
      }),
  },
  {
    name: '12 GB fetched by a server outside from a web server of ours that serves 200 MB a day',
    half: 'second',
    expected: ['exfiltration'],
    actors: [server(24), outside(56)],
    startMs: at(10, 3),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(10, 3), seconds: 2500, client: outside(56), server: server(24), serverPort: 443 },
        ...{ out: [4_100_000, 220_000_000], back: [8_500_000, 12_000_000_000] },
      }),
  },
];
