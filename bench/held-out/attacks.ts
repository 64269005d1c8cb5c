/** All attacks; here floods, what stays or is new, and what is on a list. */
import { inside, outside, server } from './actors.ts';
import { TCP, UDP } from './flow-records.ts';
import { BEACONS, GUESSES, SMUGGLING } from './intrusions.ts';
import { SCANS } from './scans.ts';
import { at, moments, type Scenario } from './scenario.ts';

const FLOODING: readonly Scenario[] = [
  {
    name: 'ICMP flood, 40,000 packets a second, from one address',
    half: 'first',
    expected: ['ddos'],
    actors: [server(25), outside(60)],
    startMs: at(7, 19, 10),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(7, 19, 10), seconds: 300, client: outside(60), clientPort: 0, server: server(25) },
        ...{ serverPort: 8 << 8, protocol: 1, out: [12_000_000, 1_008_000_000] },
      }),
  },
  {
    name: 'SYN flood from spoofed addresses, 5,800 a second',
    half: 'second',
    expected: ['ddos'],
    actors: [server(26)],
    startMs: at(8, 19, 20),
    play(flows, random) {
      for (let index = 0; index < 5800 * 90; index++)
        flows.add({
          ...{ startMs: this.startMs + index / 5.8, seconds: 0, server: server(26), serverPort: 443 },
          ...{ client: `198.19.${random.below(64)}.${random.below(256)}`, out: [1, 40], outFlags: 2 },
          clientPort: 1024 + random.below(60_000),
        });
    },
  },
  {
    name: 'DNS amplification: 300 resolvers, 400 Mbps, three minutes',
    half: 'first',
    expected: ['ddos'],
    actors: [inside(24)],
    startMs: at(9, 19, 30),
    play(flows) {
      for (let index = 0; index < 300; index++)
        flows.add({
          ...{ startMs: this.startMs, seconds: 180, client: `198.19.80.${index % 256}`, clientPort: 53 },
          ...{ server: inside(24), serverPort: 1024 + index, protocol: UDP, out: [21_000, 30_000_000] },
        });
    },
  },
  {
    name: 'NTP amplification in bursts of 20 s: 150 servers, 350 Mbps while it lasts',
    half: 'second',
    expected: ['ddos'],
    actors: [inside(25)],
    startMs: at(10, 19, 40),
    play(flows) {
      for (let burst = 0; burst < 6; burst++)
        for (let index = 0; index < 150; index++)
          flows.add({
            ...{
              startMs: this.startMs + burst * 90_000,
              seconds: 20,
              client: `198.19.81.${index}`,
              clientPort: 123,
            },
            ...{ server: inside(25), serverPort: 80, protocol: UDP, out: [12_100, 5_833_000] },
          });
    },
  },
  {
    name: 'our NTP server made a reflector: 250 Mbps to one victim',
    half: 'first',
    expected: ['ddos', 'exfiltration'],
    actors: [server(27), outside(61)],
    startMs: at(7, 20),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(7, 20), seconds: 600, client: outside(61), clientPort: 80, server: server(27) },
        ...{ serverPort: 123, protocol: UDP, out: [900_000, 32_000_000], back: [40_000_000, 18_750_000_000] },
      }),
  },
  {
    name: 'slowloris: 900 connections of one address held open for minutes',
    half: 'second',
    expected: ['ddos'],
    actors: [server(28), outside(62)],
    startMs: at(7, 20, 40),
    play(flows, random) {
      for (let index = 0; index < 900; index++)
        flows.add({
          ...{ startMs: this.startMs + index * 30, seconds: 300 + random.below(60), client: outside(62) },
          ...{ server: server(28), serverPort: 80, out: [35, 2300], back: [33, 1400] },
        });
    },
  },
];

const STAYING: readonly Scenario[] = [
  {
    name: 'Tor-like connection of ten hours',
    half: 'first',
    expected: ['longConnection'],
    actors: [inside(26), outside(70)],
    startMs: at(8, 6),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(8, 6), seconds: 36_000, client: inside(26), server: outside(70), serverPort: 9001 },
        ...{ out: [90_000, 60_000_000], back: [120_000, 110_000_000] },
      }),
  },
  {
    name: 'mining: a stratum connection of 26 hours that says little',
    half: 'second',
    expected: ['longConnection'],
    actors: [inside(27), outside(71)],
    startMs: at(8, 4),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(8, 4), seconds: 93_600, client: inside(27), server: outside(71), serverPort: 3333 },
        ...{ out: [7_000, 700_000], back: [7_000, 900_000] },
      }),
  },
  {
    name: 'back door on port 4444 of a server, used twice',
    half: 'first',
    expected: ['newService'],
    actors: [server(29)],
    startMs: at(8, 16),
    play(flows) {
      for (const startMs of [this.startMs, this.startMs + 90_000])
        flows.add({
          ...{ startMs, seconds: 30, client: outside(72), server: server(29), serverPort: 4444 },
          ...{ out: [40, 3200], back: [60, 44_000] },
        });
    },
  },
  {
    name: 'a proxy on a client: port 3128, for others inside, by IPv6',
    half: 'second',
    expected: ['newService'],
    actors: ['fd30::3:27', ...Array.from({ length: 6 }, (_, index) => `fd30::1:${10 + index}`)],
    startMs: at(9, 14),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 60, gapMs: 20_000, jitter: 0.7 }))
        flows.add({
          ...{ startMs, seconds: 5, client: `fd30::1:${10 + random.below(6)}`, server: 'fd30::3:27' },
          ...{ serverPort: 3128, out: [20, 3000], back: [40, 50_000] },
        });
    },
  },
  {
    name: 'a device that nobody knows looks for names and pages',
    half: 'first',
    expected: ['newHost'],
    actors: ['10.30.3.200'],
    startMs: at(7, 9, 10),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 80, gapMs: 30_000, jitter: 0.9 }))
        flows.add({
          ...{
            startMs,
            seconds: 3,
            client: '10.30.3.200',
            server: `198.18.7.${random.below(9)}`,
            serverPort: 443,
          },
          ...{ out: [14, 3000], back: [20, 19_000] },
        });
    },
  },
  {
    name: 'a device that nobody knows only asks the directory, each ten minutes',
    half: 'second',
    expected: ['newHost'],
    actors: ['10.30.3.201'],
    startMs: at(10, 2),
    play(flows, random) {
      for (const startMs of moments(random, {
        fromMs: this.startMs,
        count: 100,
        gapMs: 600_000,
        jitter: 0.1,
      }))
        flows.add({
          ...{ startMs, seconds: 1, client: '10.30.3.201', server: server(6), serverPort: 389 },
          ...{ out: [8, 900], back: [7, 1500] },
        });
    },
  },
  {
    name: 'an address of the list answers a client, 40 MB',
    half: 'first',
    expected: ['listedAddress'],
    actors: [inside(28), '203.0.113.99'],
    startMs: at(7, 11, 11),
    play: (flows) =>
      flows.add({
        ...{
          startMs: at(7, 11, 11),
          seconds: 90,
          client: inside(28),
          server: '203.0.113.99',
          serverPort: 443,
        },
        ...{ out: [9_000, 900_000], back: [29_000, 40_000_000] },
      }),
  },
  {
    name: 'a client tries an address of the list, dropped by the firewall',
    half: 'second',
    expected: ['listedAddress'],
    actors: [inside(29), '203.0.113.98'],
    startMs: at(9, 11, 40),
    play: (flows) =>
      flows.add({
        ...{ startMs: at(9, 11, 40), seconds: 3, client: inside(29), server: '203.0.113.98', serverPort: 80 },
        ...{ out: [3, 180], outFlags: 2, isDropped: true },
      }),
  },
  {
    name: 'a bot with nine resolvers of its own',
    half: 'first',
    expected: ['oddResolver'],
    actors: [inside(30)],
    startMs: at(8, 8, 8),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 90, gapMs: 20_000, jitter: 0.8 }))
        flows.add({
          ...{ startMs, seconds: 0.1, client: inside(30), server: `198.18.53.${1 + random.below(9)}` },
          ...{ serverPort: 53, protocol: UDP, out: [1, 66], back: [1, 120] },
        });
    },
  },
  {
    name: 'a bot with eight resolvers of its own, over TCP and UDP, slowly',
    half: 'second',
    expected: ['oddResolver'],
    actors: [inside(31)],
    startMs: at(10, 7, 2),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 60, gapMs: 100_000, jitter: 0.8 }))
        flows.add({
          ...{ startMs, seconds: 0.1, client: inside(31), server: `198.18.54.${1 + random.below(8)}` },
          ...{ serverPort: 53, protocol: random.unit() < 0.5 ? TCP : UDP, out: [5, 400], back: [5, 800] },
        });
    },
  },
];

/** Listed by the feed that goes with the traffic. */
export const LISTED = ['203.0.113.98/31'];

export const ATTACKS: readonly Scenario[] = [
  ...SCANS,
  ...GUESSES,
  ...BEACONS,
  ...SMUGGLING,
  ...FLOODING,
  ...STAYING,
];
