/** Scans as nmap, masscan and worms make them. The first of each kind is in the first half, the second in the second. */
import { inside, outside, server } from './actors.ts';
import { HALF_OPEN, REFUSED, SCAN_FLAGS, SILENT, UDP } from './flow-records.ts';
import { at, moments, type Scenario } from './scenario.ts';

const SCANNING = ['portScan', 'hostSweep', 'scanStatistics'];

export const SCANS: readonly Scenario[] = [
  {
    name: 'nmap -sS, 1,000 ports, closed ones refuse',
    half: 'first',
    expected: SCANNING,
    actors: [outside(1)],
    startMs: at(7, 3, 12),
    play(flows) {
      for (let port = 1; port <= 1000; port++)
        flows.add({
          startMs: this.startMs + port * 20,
          seconds: 0,
          client: outside(1),
          server: server(10),
          serverPort: port,
          ...([22, 80, 443].includes(port) ? HALF_OPEN : REFUSED),
        });
    },
  },
  {
    name: 'nmap -sT of 300 ports, most of them filtered',
    half: 'second',
    expected: SCANNING,
    actors: [inside(1)],
    startMs: at(8, 14, 3),
    play(flows, random) {
      for (let port = 1; port <= 300; port++)
        flows.add({
          startMs: this.startMs + port * 900,
          seconds: 2,
          client: inside(1),
          server: server(11),
          serverPort: port,
          ...(random.unit() < 0.1 ? REFUSED : SILENT),
        });
    },
  },
  {
    name: 'sweep of port 445 of a /24 inside, a fifth is there',
    half: 'first',
    expected: SCANNING,
    actors: [inside(2)],
    startMs: at(7, 10, 41),
    play(flows, random) {
      for (let host = 1; host < 255; host++)
        flows.add({
          startMs: this.startMs + host * 150,
          seconds: 1,
          client: inside(2),
          server: `10.30.1.${host}`,
          serverPort: 445,
          ...(random.unit() < 0.8 ? SILENT : HALF_OPEN),
        });
    },
  },
  {
    name: 'masscan of telnet over a /22, dropped by the firewall',
    half: 'second',
    expected: SCANNING,
    actors: [outside(2)],
    startMs: at(9, 1, 7),
    play(flows, random) {
      for (let host = 0; host < 1024; host++)
        flows.add({
          startMs: this.startMs + random.below(120_000),
          seconds: 0,
          client: outside(2),
          server: `10.30.${host >> 8}.${host & 255}`,
          serverPort: 23,
          out: [1, 40],
          outFlags: 2,
          isDropped: true,
        });
    },
  },
  {
    name: 'nmap -T1: a port of one host each 15 s, 400 ports',
    half: 'first',
    expected: SCANNING,
    actors: [inside(3)],
    startMs: at(8, 1),
    play(flows, random) {
      for (const startMs of moments(random, {
        fromMs: this.startMs,
        count: 400,
        gapMs: 15_500,
        jitter: 0.05,
      }))
        flows.add({
          ...{ startMs, seconds: 0, client: inside(3), server: server(12) },
          ...{ serverPort: 1 + random.below(9000), ...REFUSED },
        });
    },
  },
  {
    name: 'a port of one host each 40 s at random, over six hours',
    half: 'second',
    expected: SCANNING,
    actors: [outside(3)],
    startMs: at(8, 2),
    play(flows, random) {
      for (const startMs of moments(random, { fromMs: this.startMs, count: 540, gapMs: 40_000, jitter: 0.5 }))
        flows.add({
          ...{ startMs, seconds: 0, client: outside(3), server: server(13) },
          ...{ serverPort: 1 + random.below(65_000), ...REFUSED },
        });
    },
  },
  {
    name: 'port 3389 of a host each 30 s, 200 hosts, half of them answer',
    half: 'first',
    expected: SCANNING,
    actors: [inside(4)],
    startMs: at(9, 12),
    play(flows, random) {
      let host = 10;
      for (const startMs of moments(random, { fromMs: this.startMs, count: 200, gapMs: 30_000, jitter: 0.1 }))
        flows.add({
          ...{ startMs, seconds: 0, client: inside(4), server: `10.30.1.${host++}`, serverPort: 3389 },
          ...(random.unit() < 0.5 ? REFUSED : SILENT),
        });
    },
  },
  {
    name: 'nmap -T0: port 22 of a host each five minutes, for a day',
    half: 'second',
    expected: SCANNING,
    actors: [inside(5)],
    startMs: at(8, 0, 2),
    play(flows, random) {
      let host = 1;
      for (const startMs of moments(random, { fromMs: this.startMs, count: 250, gapMs: 300_000 }))
        flows.add({
          ...{ startMs, seconds: 0, client: inside(5), server: `10.30.1.${host++}`, serverPort: 22 },
          ...(random.unit() < 0.5 ? REFUSED : SILENT),
        });
    },
  },
  {
    name: 'nmap -sU, 200 ports, closed ones say so by ICMP',
    half: 'first',
    expected: SCANNING,
    actors: [inside(6)],
    startMs: at(7, 15, 30),
    play(flows) {
      for (let port = 1; port <= 200; port++) {
        const startMs = this.startMs + port * 1000;
        flows.add({
          ...{ startMs, seconds: 0, client: inside(6), server: server(14), serverPort: port },
          ...{ protocol: UDP, out: [1, 28] },
        });
      }
      flows.add({
        ...{ startMs: this.startMs, seconds: 200, client: server(14), server: inside(6) },
        ...{ clientPort: 0, serverPort: 3 * 256 + 3, protocol: 1, out: [190, 10_640] },
      });
    },
  },
  {
    name: 'masscan -pU:161 of a /24, few answer',
    half: 'second',
    expected: SCANNING,
    actors: [inside(7)],
    startMs: at(9, 9, 20),
    play(flows, random) {
      for (let host = 1; host < 255; host++)
        flows.add({
          ...{ startMs: this.startMs + host * 100, seconds: 0, client: inside(7), server: `10.30.5.${host}` },
          ...{ serverPort: 161, protocol: UDP, out: [1, 71] },
          ...(random.unit() < 0.05 ? { back: [1, 140] as const } : {}),
        });
    },
  },
  {
    name: 'ping of a /24, a tenth answers',
    half: 'first',
    expected: SCANNING,
    actors: [inside(8)],
    startMs: at(9, 16, 2),
    play(flows, random) {
      for (let host = 1; host < 255; host++)
        flows.ping(this.startMs + host * 50, inside(8), `10.30.5.${host}`, 1, random.unit() < 0.1 ? 1 : 0);
    },
  },
  {
    name: 'port 22 of 90 addresses of an IPv6 network',
    half: 'second',
    expected: SCANNING,
    actors: ['2001:db8:bad::5'],
    startMs: at(10, 5, 15),
    play(flows) {
      for (let host = 1; host <= 90; host++)
        flows.add({
          ...{ startMs: this.startMs + host * 400, seconds: 1, client: '2001:db8:bad::5' },
          ...{ server: `fd30::2:${host.toString(16)}`, serverPort: 22, out: [3, 240], outFlags: 2 },
        });
    },
  },
  {
    name: 'nmap -sX and -sF, 400 ports, closed ones refuse',
    half: 'first',
    expected: SCANNING,
    actors: [outside(4)],
    startMs: at(10, 2, 33),
    play(flows) {
      for (let port = 1; port <= 400; port++)
        flows.add({
          ...{ startMs: this.startMs + port * 30, seconds: 0, client: outside(4), server: server(15) },
          ...{ serverPort: port, out: [1, 40], outFlags: port < 200 ? SCAN_FLAGS.xmas : SCAN_FLAGS.fin },
          ...{ back: [1, 40], backFlags: 20 },
        });
    },
  },
  {
    name: 'nmap -sN, 400 ports, nobody answers',
    half: 'second',
    expected: SCANNING,
    actors: [outside(5)],
    startMs: at(10, 4, 44),
    play(flows) {
      for (let port = 1; port <= 400; port++)
        flows.add({
          ...{ startMs: this.startMs + port * 30, seconds: 0, client: outside(5), server: server(16) },
          ...{ serverPort: port, out: [2, 80], outFlags: SCAN_FLAGS.null },
        });
    },
  },
  {
    name: 'worm: SMB, RDP and WinRM of 60 hosts inside, a third refuses, a third is not there',
    half: 'first',
    expected: [...SCANNING, 'newPeer'],
    actors: [inside(9)],
    startMs: at(8, 11, 9),
    play(flows, random) {
      for (let host = 10; host < 70; host++)
        for (const port of [445, 3389, 5985]) {
          const luck = random.unit();
          const talk =
            luck < 0.33 ? REFUSED : luck < 0.66 ? SILENT : ({ out: [9, 1900], back: [8, 2100] } as const);
          flows.add({
            ...{ startMs: this.startMs + host * 5000, seconds: 1, client: inside(9) },
            ...{ server: `10.30.1.${host}`, serverPort: port, ...talk },
          });
        }
    },
  },
  {
    name: 'lateral movement with a stolen password: SMB of 25 hosts in an hour, all succeed',
    half: 'second',
    expected: ['newPeer', 'hostSweep', 'scanStatistics'],
    actors: [inside(10)],
    startMs: at(9, 20, 15),
    play(flows, random) {
      for (let host = 10; host < 35; host++)
        flows.add({
          startMs: this.startMs + (host - 10) * 110_000,
          seconds: 8,
          ...{ client: inside(10), server: `10.30.1.${host}`, serverPort: 445 },
          out: [60 + random.below(40), 40_000],
          back: [50, 20_000],
        });
    },
  },
];
