/** What only looks like an attack: backups, probes, queues, swarms, time servers, calls, releases, and a scanner that is allowed. */
import { type FlowRecords, REFUSED, SILENT, UDP } from './flow-records.ts';
import {
  at,
  DAY_MS,
  days,
  HELD_OUT_DAYS,
  HOUR_MS,
  MINUTE_MS,
  moments,
  QUIET_DAYS,
  type Random,
  type Scenario,
} from './scenario.ts';

const server = (number: number): string => `10.30.2.${number}`;
const client = (number: number): string => `10.30.1.${number}`;
const special = (number: number): string => `10.30.4.${number}`;
const FROM_MS = at(0, 0);
const PAGE = { out: [14, 2600], back: [24, 26_000] } as const;
const PROBE = { out: [6, 420], back: [5, 700] } as const;

/** An innocent that does the same from the first day on, unless `startMs` says otherwise. */
const innocent = (
  half: Scenario['half'],
  name: string,
  actors: readonly string[],
  play: Scenario['play'],
): Scenario => ({ name, half, expected: [], actors, startMs: FROM_MS, play });

/** `count` calls over the time from `fromMs`, at exponential distances. */
function* calls(random: Random, fromMs: number, toMs: number, perHour: number): Generator<number> {
  let startMs = fromMs;
  for (;;) {
    startMs += random.exponential(HOUR_MS / perHour);
    if (startMs >= toMs) return;
    yield startMs;
  }
}

export const INNOCENTS: readonly Scenario[] = [
  innocent(
    'first',
    'rsync to a backup outside each night, 5 to 7 GB',
    [special(1), '198.18.90.1'],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS)) {
        const octets = 5e9 + random.unit() * 2e9;
        flows.add({
          ...{ startMs: day + 2 * HOUR_MS + random.below(600_000), seconds: 1500, client: special(1) },
          ...{ server: '198.18.90.1', serverPort: 22, out: [octets / 1400, octets], back: [1_500_000, 90e6] },
        });
      }
    },
  ),
  innocent(
    'second',
    'backup outside that is full on Sundays: 40 GB then, 2 GB on other days',
    [special(2), '198.18.90.2'],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS)) {
        const octets = (new Date(day).getUTCDay() === 0 ? 40e9 : 2e9) * (0.9 + random.unit() * 0.2);
        flows.add({
          ...{
            startMs: day + HOUR_MS,
            seconds: 7200,
            client: special(2),
            server: '198.18.90.2',
            serverPort: 443,
          },
          ...{ out: [Math.round(octets / 1400), Math.round(octets)], back: [2_500_000, 150e6] },
        });
      }
    },
  ),
  innocent(
    'first',
    'nagios: SSH, HTTP and an agent of 30 hosts each five minutes, two hosts are down',
    [special(3)],
    (flows, random) => {
      for (const startMs of moments(random, { fromMs: FROM_MS, count: 11 * 288, gapMs: 300_000 }))
        for (let host = 0; host < 30; host++)
          for (const port of [22, 80, 5666])
            flows.add({
              ...{
                startMs: startMs + host * 9_500 + port,
                seconds: 0.1,
                client: special(3),
                server: server(60 + host),
              },
              ...{ serverPort: port, ...(host < 2 ? SILENT : PROBE) },
            });
    },
  ),
  innocent(
    'second',
    'prometheus: 40 exporters each 30 s; a release takes 30 of them away for a quarter of an hour',
    [special(4)],
    (flows, random) => {
      for (const startMs of moments(random, { fromMs: FROM_MS, count: 11 * 2880, gapMs: 30_000 })) {
        const isRelease = [8, 10].some((day) => startMs >= at(day, 15) && startMs < at(day, 15, 15));
        // One connection is kept for ten minutes, as the client library does; a refused one is tried each time.
        if (!isRelease && Math.round(startMs / 30_000) % 20 !== 0) continue;
        for (let host = 0; host < 40; host++) {
          const isGone = isRelease && host < 30;
          flows.add({
            ...{ startMs: startMs + host * 200, seconds: isGone ? 0 : 600, client: special(4) },
            ...{ server: server(100 + host), serverPort: 9100 },
            ...(isGone ? REFUSED : ({ out: [100, 14_000], back: [220, 260_000] } as const)),
          });
        }
      }
    },
  ),
  innocent(
    'first',
    'clients of a time server outside, each 64 to 1,024 s',
    [special(5), '198.18.12.3'],
    (flows, random) => {
      for (const startMs of moments(random, {
        fromMs: FROM_MS,
        count: 11 * 337,
        gapMs: 256_000,
        jitter: 0.02,
      }))
        flows.add({
          ...{
            startMs,
            seconds: 0,
            client: special(5),
            clientPort: 123,
            server: '198.18.12.3',
            serverPort: 123,
          },
          ...{ protocol: UDP, out: [1, 76], back: [1, 76] },
        });
    },
  ),
  innocent(
    'second',
    'mail server with a queue: 40 % of the servers it tries are not there',
    [special(6)],
    (flows, random) => {
      for (const startMs of calls(random, FROM_MS, at(HELD_OUT_DAYS, 0), 110)) {
        const far = `198.18.${100 + random.below(20)}.${random.below(60)}`;
        const isDead = Number(far.split('.')[3]) < 24;
        flows.add({
          ...{ startMs, seconds: isDead ? 20 : 3, client: special(6), server: far, serverPort: 25 },
          ...(isDead ? SILENT : ({ out: [22, 14_000], back: [20, 1800] } as const)),
        });
      }
    },
  ),
  innocent(
    'first',
    'resolver of the house asks 600 servers, a query a second',
    [server(5)],
    (flows, random) => {
      for (const startMs of calls(random, at(6, 0), at(HELD_OUT_DAYS, 0), 3600)) {
        const far = `198.18.${60 + random.below(3)}.${1 + Math.floor(200 * random.unit() ** 2)}`;
        flows.add({
          ...{ startMs, seconds: 0.03, client: server(5), server: far, serverPort: 53, protocol: UDP },
          ...{ out: [1, 62 + random.below(30)], back: [1, 90 + random.below(500)] },
        });
      }
    },
  ),
  innocent(
    'second',
    'mail filter that asks block lists through a resolver outside; long names, 3,000 an hour',
    [special(7)],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        for (const startMs of calls(random, day + 7 * HOUR_MS, day + 19 * HOUR_MS, 3000))
          flows.add({
            ...{ startMs, seconds: 0.03, client: special(7), server: '198.18.53.200', serverPort: 53 },
            ...{ protocol: UDP, out: [1, 78 + random.below(40)], back: [1, 150] },
          });
    },
  ),
  innocent(
    'first',
    'load balancer asks six servers for their health each 5 s, one refuses',
    [special(8)],
    (flows, random) => {
      for (const startMs of moments(random, { fromMs: at(6, 0), count: 5 * 17_280, gapMs: 5000 }))
        for (let host = 0; host < 6; host++)
          if (host === 0 || Math.round(startMs / 5000) % 5 === host - 1)
            flows.add({
              ...{ startMs: startMs + host, seconds: 0, client: special(8), server: server(30 + host) },
              ...{ serverPort: 8080, ...(host === 0 ? REFUSED : PROBE) },
            });
    },
  ),
  innocent(
    'second',
    'browsers: 40 connections a page to 25 hosts; IPv6 of half of the hosts is broken',
    ['10.30.4.9', 'fd30::4:9'],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        for (const startMs of calls(random, day + 8 * HOUR_MS, day + 17 * HOUR_MS, 25))
          for (let index = 0; index < 40; index++) {
            const far = random.below(25) + random.below(40) * 25;
            const talk = { startMs: startMs + random.below(4000), serverPort: 443 };
            const isBroken = far % 2 === 0;
            if (isBroken)
              flows.add({
                ...talk,
                seconds: 1,
                client: 'fd30::4:9',
                server: `2001:db8:cd::${far.toString(16)}`,
                ...SILENT,
              });
            flows.add({
              ...talk,
              seconds: 5,
              client: '10.30.4.9',
              server: `198.18.70.${far % 256}`,
              ...PAGE,
            });
          }
    },
  ),
  innocent('first', 'a swarm: 12,000 peers, four of five gone', [special(10)], (flows, random) => {
    for (let day = 5; day < HELD_OUT_DAYS; day++)
      for (const startMs of calls(random, at(day, 18), at(day, 23), 1400)) {
        const far = `198.18.${130 + random.below(46)}.${random.below(256)}`;
        const isGone = random.unit() < 0.8;
        const protocol = random.unit() < 0.5 ? UDP : 6;
        flows.add({
          ...{ startMs, seconds: isGone ? 7 : 40, client: special(10), server: far, protocol },
          ...{ serverPort: 1025 + random.below(64_000) },
          ...(isGone ? SILENT : ({ out: [300, 250_000], back: [280, 220_000] } as const)),
        });
      }
  }),
  innocent(
    'second',
    'a gateway that translates 200 clients: a call a second, 4 % fail',
    [special(11)],
    (flows, random) => {
      for (let day = 7; day < HELD_OUT_DAYS; day++)
        for (const startMs of calls(random, at(day, 8), at(day, 18), 4000)) {
          const far = `198.18.${200 + Math.floor(20 * random.unit() ** 3)}.${Math.floor(200 * random.unit() ** 2)}`;
          const luck = random.unit();
          flows.add({
            ...{ startMs, seconds: luck < 0.04 ? 6 : 8, client: special(11), server: far, serverPort: 443 },
            ...(luck < 0.03 ? SILENT : luck < 0.04 ? REFUSED : PAGE),
          });
        }
    },
  ),
  innocent(
    'first',
    'video calls by UDP, 4 Mbps each way, two hours',
    [special(12), '198.18.91.1'],
    (flows) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        flows.add({
          ...{ startMs: day + 9 * HOUR_MS, seconds: 7200, client: special(12), server: '198.18.91.1' },
          ...{
            serverPort: 3478,
            protocol: UDP,
            out: [3_000_000, 3_600_000_000],
            back: [3_000_000, 3_600_000_000],
          },
        });
    },
  ),
  innocent(
    'second',
    'a download over QUIC at 450 Mbps for three minutes, and one from 30 edges',
    [special(13)],
    (flows) => {
      for (const day of [4, 7, 9]) {
        flows.add({
          ...{
            startMs: at(day, 12, 20),
            seconds: 180,
            client: special(13),
            server: '198.18.92.1',
            serverPort: 443,
          },
          ...{ protocol: UDP, out: [700_000, 40e6], back: [8_400_000, 10_100_000_000] },
        });
        for (let edge = 0; edge < 30; edge++)
          flows.add({
            ...{ startMs: at(day, 13, 20), seconds: 200, client: special(13), server: `198.18.93.${edge}` },
            ...{ serverPort: 443, out: [12_000, 700_000], back: [130_000, 180_000_000] },
          });
      }
    },
  ),
  innocent(
    'first',
    'a thing that keeps one MQTT connection for days',
    [special(14), '198.18.94.1'],
    (flows) =>
      flows.add({
        ...{ startMs: at(0, 1), seconds: 10.9 * 86_400, client: special(14), server: '198.18.94.1' },
        ...{ serverPort: 8883, out: [31_400, 2_500_000], back: [31_400, 1_700_000] },
      }),
  ),
  innocent(
    'second',
    'a meter of electricity that reports each five minutes',
    [special(15), '198.18.94.2'],
    (flows, random) => {
      for (const startMs of moments(random, {
        fromMs: FROM_MS,
        count: 11 * 288,
        gapMs: 300_000,
        jitter: 0.01,
      }))
        flows.add({
          ...{ startMs, seconds: 0.8, client: special(15), server: '198.18.94.2', serverPort: 443 },
          ...{ out: [11, 2100 + random.below(40)], back: [9, 4200] },
        });
    },
  ),
  innocent(
    'first',
    'a deployment tool logs in to 25 servers by SSH, 12 tasks each, twice a day',
    [special(16)],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        for (const hour of [10, 16])
          for (let task = 0; task < 12; task++)
            for (let host = 0; host < 25; host++)
              flows.add({
                ...{
                  startMs: day + hour * HOUR_MS + task * 20_000 + host * 300 + random.below(200),
                  seconds: 4,
                },
                ...{ client: special(16), server: server(140 + host), serverPort: 22 },
                ...{ out: [40 + random.below(90), 12_000 + random.below(60_000)], back: [45, 14_000] },
              });
    },
  ),
  innocent(
    'second',
    'a build server fetches from a repository by SSH, some short fetches a minute',
    [special(17)],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        for (const startMs of calls(random, day + 7 * HOUR_MS, day + 19 * HOUR_MS, 150))
          flows.add({
            ...{ startMs, seconds: 1.4, client: special(17), server: server(170), serverPort: 22 },
            ...{
              out: [24 + random.below(10), 4800 + random.below(900)],
              back: [26, 5200 + random.below(9000)],
            },
          });
    },
  ),
  innocent(
    'first',
    'inventory of printers and switches by SNMP each night, three of four addresses are empty',
    [special(18)],
    (flows, random) => {
      for (let day = 0; day < HELD_OUT_DAYS; day++)
        for (let host = 1; host < 255; host++)
          flows.add({
            ...{
              startMs: at(day, 4) + host * 2500,
              seconds: 5,
              client: special(18),
              server: `10.30.6.${host}`,
            },
            ...{ serverPort: 161, protocol: UDP, out: [3, 240] },
            ...(random.unit() < 0.25 ? { back: [3, 900] as const } : {}),
          });
    },
  ),
  innocent(
    'second',
    'a server that was switched off: 60 clients try it again each minute for a morning',
    [server(190), ...Array.from({ length: 60 }, (_, index) => `10.30.7.${index + 1}`)],
    (flows, random) => {
      for (let host = 1; host <= 60; host++)
        for (const startMs of moments(random, {
          fromMs: at(9, 8),
          count: 240,
          gapMs: MINUTE_MS,
          jitter: 0.3,
        }))
          flows.add({
            startMs,
            seconds: 7,
            client: `10.30.7.${host}`,
            server: server(190),
            serverPort: 443,
            ...SILENT,
          });
      // They are not new: each has called others from the first day on.
      for (let host = 1; host <= 60; host++)
        for (const startMs of calls(random, FROM_MS, at(HELD_OUT_DAYS, 0), 1))
          flows.add({
            startMs,
            seconds: 5,
            client: `10.30.7.${host}`,
            server: server(191),
            serverPort: 443,
            ...PAGE,
          });
    },
  ),
  innocent(
    'first',
    'an SSH session that somebody leaves open from nine to six',
    [special(19), '198.18.95.1'],
    (flows) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        flows.add({
          ...{ startMs: day + 9 * HOUR_MS, seconds: 9 * 3600, client: special(19), server: '198.18.95.1' },
          ...{ serverPort: 22, out: [20_000, 1_400_000], back: [24_000, 3_600_000] },
        });
    },
  ),
  innocent(
    'second',
    'a VPN to a branch office, by UDP 4500, for days',
    [special(20), '198.18.95.2'],
    (flows) =>
      flows.add({
        ...{
          startMs: at(0, 2),
          seconds: 10.8 * 86_400,
          client: special(20),
          clientPort: 4500,
          server: '198.18.95.2',
        },
        ...{ serverPort: 4500, protocol: UDP, out: [30e6, 12e9], back: [30e6, 15e9] },
      }),
  ),
  innocent('first', 'a restore inside at 1.6 Gbps, 20 minutes', [special(21), server(192)], (flows) =>
    flows.add({
      ...{ startMs: at(8, 13), seconds: 1200, client: special(21), server: server(192), serverPort: 873 },
      ...{ out: [40e6, 2.4e9], back: [165e6, 240e9] },
    }),
  ),
  innocent(
    'second',
    'guests: 40 telephones a day with addresses that nobody saw before',
    Array.from({ length: 250 }, (_, index) => `10.30.9.${index + 1}`),
    (flows, random) => {
      for (let day = 0; day < HELD_OUT_DAYS; day++)
        for (let guest = 0; guest < 22; guest++)
          for (const startMs of calls(random, at(day, 10), at(day, 15), 8))
            flows.add({
              ...{ startMs, seconds: 4, client: `10.30.9.${1 + day * 22 + guest}`, serverPort: 443 },
              ...{ server: `198.18.71.${random.below(90)}`, ...PAGE },
            });
    },
  ),
  innocent(
    'first',
    'updates of the operating system: 40 clients, 600 MB each, on Tuesdays',
    Array.from({ length: 40 }, (_, index) => client(100 + index)),
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS))
        for (let host = 0; host < 40; host++) {
          const isTuesday = new Date(day).getUTCDay() === 2;
          flows.add({
            ...{
              startMs: day + 6 * HOUR_MS + random.below(3_000_000),
              seconds: 40,
              client: client(100 + host),
            },
            ...{ server: '198.18.96.1', serverPort: 443 },
            ...(isTuesday ? { out: [200_000, 12e6] as const, back: [430_000, 600e6] as const } : PAGE),
          });
        }
    },
  ),
  innocent(
    'second',
    'somebody sends a film of 700 MB to a customer',
    [special(22), '198.18.97.1'],
    (flows, random) => {
      flows.add({
        ...{ startMs: at(10, 11), seconds: 400, client: special(22), server: '198.18.97.1', serverPort: 443 },
        ...{ out: [510_000, 700e6], back: [240_000, 15e6] },
      });
      for (const startMs of calls(random, FROM_MS, at(HELD_OUT_DAYS, 0), 20))
        flows.add({
          startMs,
          seconds: 5,
          client: special(22),
          server: `198.18.71.${random.below(99)}`,
          serverPort: 443,
          ...PAGE,
        });
    },
  ),
  innocent(
    'first',
    'a program asks a server outside for news each five minutes while people work',
    [special(23), '198.18.98.1'],
    (flows, random) => {
      for (const day of days(0, HELD_OUT_DAYS, true))
        for (const startMs of moments(random, {
          fromMs: day + 8 * HOUR_MS,
          count: 110,
          gapMs: 300_000,
          jitter: 0.15,
        }))
          flows.add({
            ...{ startMs, seconds: 1, client: special(23), server: '198.18.98.1', serverPort: 443 },
            ...{
              out: [10 + random.below(8), 1800 + random.below(900)],
              back: [9, 2200 + random.below(12_000)],
            },
          });
    },
  ),
  innocent(
    'second',
    'a telephone that registers at its provider each 30 s by UDP',
    [special(24), '198.18.99.1'],
    (flows, random) => {
      for (const startMs of moments(random, {
        fromMs: at(5, 0),
        count: 6 * 2880,
        gapMs: 30_000,
        jitter: 0.03,
      }))
        flows.add({
          ...{
            startMs,
            seconds: 0.1,
            client: special(24),
            clientPort: 5060,
            server: '198.18.99.1',
            serverPort: 5060,
          },
          ...{ protocol: UDP, out: [1, 420], back: [1, 380] },
        });
    },
  ),
];

/** The house itself: people who load pages, ask the resolver, read mail and files, from eight to six. */
export function playOffice(flows: FlowRecords, random: Random): void {
  for (const address of officeHosts())
    for (const day of days(0, HELD_OUT_DAYS, true)) playDay(flows, random, address, day);
  for (let host = 5; host < 30; host++) playServer(flows, random, server(host));
}

function officeHosts(): string[] {
  const hosts = (prefix: string, first: number, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${first + index}`);
  return [...hosts('10.30.1.', 10, 60), ...hosts('10.30.3.', 1, 31)];
}

function playDay(flows: FlowRecords, random: Random, address: string, day: number): void {
  for (const startMs of calls(random, day + 8 * HOUR_MS, day + 18 * HOUR_MS, 25)) {
    const luck = random.unit();
    const far = `198.18.${Math.floor(30 * random.unit() ** 3)}.${Math.floor(256 * random.unit() ** 2)}`;
    flows.add({
      ...{ startMs, seconds: 0.1, client: address, server: server(5), serverPort: 53, protocol: UDP },
      ...{ out: [1, 60 + random.below(20)], back: [1, 140] },
    });
    if (luck < 0.02)
      flows.add({ startMs, seconds: 3, client: address, server: far, serverPort: 443, ...SILENT });
    else if (luck < 0.75) {
      const octets = 1500 + random.exponential(4000);
      flows.add({
        ...{ startMs: startMs + 100, seconds: 1 + random.exponential(20), client: address, server: far },
        ...{ serverPort: luck < 0.1 ? 80 : 443, out: [10 + Math.round(octets / 300), Math.round(octets)] },
        back: [12 + Math.round(octets / 100), Math.round(octets * 12)],
      });
    } else
      flows.add({
        ...{ startMs, seconds: 20, client: address, server: server(luck < 0.85 ? 6 : 7) },
        ...{ serverPort: luck < 0.85 ? 389 : 445, out: [40, 9000], back: [60, 50_000] },
      });
  }
}

/** A server answers people inside and outside, each day a little. */
function playServer(flows: FlowRecords, random: Random, address: string): void {
  const port = [22, 443, 80, 3389, 21][Number(address.split('.')[3]) % 5] ?? 443;
  for (const startMs of calls(random, FROM_MS, FROM_MS + HELD_OUT_DAYS * DAY_MS, 12)) {
    const from =
      random.unit() < 0.5 ? client(10 + random.below(60)) : `198.18.${random.below(30)}.${random.below(256)}`;
    flows.add({ startMs, seconds: 4, client: from, server: address, serverPort: port, ...PAGE });
  }
}

/** Alerts of these days count: before, the detections learn. */
export const JUDGED_FROM_MS = FROM_MS + QUIET_DAYS * DAY_MS;
