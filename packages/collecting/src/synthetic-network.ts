/**
 * A made-up network for synthetic traffic: sites with hosts and users inside, servers of many countries
 * outside, services, exporters. All of it follows from a seed.
 */

/** Small and fast (xorshift32): its quality is enough for traffic, its speed is what counts. */
export interface Random {
  /** 0 … 2^32 - 1. */
  next(): number;
  /** 0 … below - 1. */
  below(below: number): number;
  /** 0 ≤ x < 1. */
  unit(): number;
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0 || 0x9e3779b9;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  return {
    next,
    below: (below) => Math.floor((next() / 4294967296) * below),
    unit: () => next() / 4294967296,
  };
}

export interface SyntheticService {
  readonly port: number;
  readonly protocol: 6 | 17;
  readonly application: string;
  readonly weight: number;
  /** Packets to the server: at least, and the scale of the heavy tail. */
  readonly packetsMin: number;
  readonly packetsScale: number;
  /** Octets a packet to the server and back. */
  readonly octetsUp: number;
  readonly octetsDown: number;
}

const service = (
  application: string,
  port: number,
  protocol: 6 | 17,
  weight: number,
  sizes: readonly [packetsMin: number, packetsScale: number, octetsUp: number, octetsDown: number],
): SyntheticService => {
  const [packetsMin, packetsScale, octetsUp, octetsDown] = sizes;
  return { application, port, protocol, weight, packetsMin, packetsScale, octetsUp, octetsDown };
};

export const SYNTHETIC_SERVICES: readonly SyntheticService[] = [
  service('https', 443, 6, 40, [6, 24, 110, 1180]),
  service('quic', 443, 17, 15, [5, 40, 130, 1150]),
  service('dns', 53, 17, 22, [1, 0, 70, 140]),
  service('http', 80, 6, 5, [5, 12, 120, 1000]),
  service('ssh', 22, 6, 2, [12, 60, 120, 220]),
  service('ntp', 123, 17, 3, [1, 0, 76, 76]),
  service('imaps', 993, 6, 3, [8, 20, 100, 500]),
  service('smtp', 25, 6, 2, [10, 15, 700, 90]),
  service('smb', 445, 6, 3, [12, 120, 300, 900]),
  service('postgres', 5432, 6, 2, [4, 40, 150, 400]),
  service('rdp', 3389, 6, 1, [30, 200, 90, 300]),
  service('sip', 5060, 17, 2, [2, 4, 480, 480]),
];

export const SYNTHETIC_SITES = [
  'Vienna',
  'Berlin',
  'Zurich',
  'Paris',
  'Madrid',
  'Oslo',
  'Dublin',
  'Porto',
] as const;
export const SYNTHETIC_RULES = [
  'default-deny',
  'ssh-inbound-deny',
  'smb-outbound-deny',
  'guest-isolation',
  'block-telnet',
  'geo-block',
  'iot-quarantine',
  'rdp-from-outside',
] as const;
const COUNTRIES =
  'US DE FR GB NL IE SE CH AT ES IT PL CZ DK NO FI BE PT CA JP SG AU IN BR CN HK KR ZA RO UA RU TR'.split(
    ' ',
  );
const FIRST_NAMES =
  'ada grace alan linus edsger barbara donald ken dennis margaret tim radia vint leslie john hedy'.split(' ');

/** Hosts of a site. */
const HOSTS_PER_SITE = 500;
export const SYNTHETIC_HOSTS = HOSTS_PER_SITE * SYNTHETIC_SITES.length;
/** Servers outside; the popular ones come first. */
const SERVERS = 200_000;
const SERVER_TABLE = 65_536;
/** Of 65,536 places in the table of servers, this share goes to the tail, each server as often as any other. */
const TAIL_SHARE = 0.25;
/** Every so many hosts have IPv6 as well, and use it. */
const IPV6_EVERY = 7;

/** What is the same for a host or server whenever it appears. */
export interface SyntheticNetwork {
  readonly hostIp: Uint32Array;
  readonly hostSite: Uint8Array;
  /** Index into `userNames`, 0xffff for machines without a user. */
  readonly hostUser: Uint16Array;
  readonly hostIsIPv6: Uint8Array;
  readonly userNames: readonly string[];
  readonly serverIp: Uint32Array;
  readonly serverCountry: Uint16Array;
  readonly serverAs: Uint32Array;
  readonly serverIsIPv6: Uint8Array;
  /** Server by 16 random bits: popular ones more often. */
  readonly serverTable: Uint32Array;
  /** Service by 8 random bits. */
  readonly serviceTable: Uint8Array;
  readonly servers: number;
}

export function createSyntheticNetwork(seed: number): SyntheticNetwork {
  const random = createRandom(seed ^ 0x5bd1e995);
  const userNames: string[] = [];
  const network: SyntheticNetwork = {
    hostIp: new Uint32Array(SYNTHETIC_HOSTS),
    hostSite: new Uint8Array(SYNTHETIC_HOSTS),
    hostUser: new Uint16Array(SYNTHETIC_HOSTS).fill(0xffff),
    hostIsIPv6: new Uint8Array(SYNTHETIC_HOSTS),
    userNames,
    serverIp: new Uint32Array(SERVERS),
    serverCountry: new Uint16Array(SERVERS),
    serverAs: new Uint32Array(SERVERS),
    serverIsIPv6: new Uint8Array(SERVERS),
    serverTable: serverTable(random),
    serviceTable: serviceTable(),
    servers: SERVERS,
  };
  for (let host = 0; host < SYNTHETIC_HOSTS; host++) fillHost(network, userNames, host);
  for (let server = 0; server < SERVERS; server++) fillServer(network, random, server);
  return network;
}

function fillHost(network: SyntheticNetwork, userNames: string[], host: number): void {
  const site = Math.floor(host / HOSTS_PER_SITE);
  const within = host % HOSTS_PER_SITE;
  network.hostSite[host] = site;
  network.hostIp[host] = ((10 << 24) | ((site + 1) << 16) | ((within >> 8) << 8) | (within & 255)) >>> 0;
  network.hostIsIPv6[host] = host % IPV6_EVERY === 0 ? 1 : 0;
  if (within % 5 < 2) return;
  network.hostUser[host] = userNames.length;
  userNames.push(`${FIRST_NAMES[host % FIRST_NAMES.length]}.${host}`);
}

function fillServer(network: SyntheticNetwork, random: Random, server: number): void {
  // Away from private and documentation addresses, popular ones in few networks.
  const network24 = server < 2000 ? random.below(400) : random.below(4_000_000);
  network.serverIp[server] = (((20 + (network24 % 140)) << 24) | (random.next() & 0x00ffffff)) >>> 0;
  network.serverCountry[server] = countryCode(
    COUNTRIES[Math.floor(random.unit() ** 2 * COUNTRIES.length)] ?? 'US',
  );
  network.serverAs[server] = 1000 + Math.floor(random.unit() ** 2 * 3000);
  network.serverIsIPv6[server] = server % IPV6_EVERY === 0 ? 1 : 0;
}

/** Zipf's law for the head, even odds for the tail. */
function serverTable(random: Random): Uint32Array {
  const table = new Uint32Array(SERVER_TABLE);
  const head = Math.floor(SERVER_TABLE * (1 - TAIL_SHARE));
  const ranks = 20_000;
  let harmonic = 0;
  for (let rank = 1; rank <= ranks; rank++) harmonic += 1 / rank;
  let at = 0;
  for (let rank = 1; rank <= ranks && at < head; rank++) {
    const places = Math.max(1, Math.round(head / (rank * harmonic)));
    for (let place = 0; place < places && at < head; place++) table[at++] = rank - 1;
  }
  while (at < SERVER_TABLE) table[at++] = random.below(SERVERS);
  return table;
}

function serviceTable(): Uint8Array {
  const total = SYNTHETIC_SERVICES.reduce((sum, { weight }) => sum + weight, 0);
  const table = new Uint8Array(256);
  let [at, sum] = [0, 0];
  SYNTHETIC_SERVICES.forEach(({ weight }, index) => {
    sum += weight;
    while (at < Math.round((256 * sum) / total)) table[at++] = index;
  });
  return table;
}

/** Two letters as the column has them. */
export function countryCode(letters: string): number {
  return (letters.charCodeAt(0) << 8) | letters.charCodeAt(1);
}
