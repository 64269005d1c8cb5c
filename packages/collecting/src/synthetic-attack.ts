/** Attacks that a synthetic month holds: known beforehand, so that detections can be judged by them. */
import { createRandom, type Random, type SyntheticNetwork } from './synthetic-network.ts';

export type SyntheticAttackKind =
  | 'portScan'
  | 'hostSweep'
  | 'beacon'
  | 'flood'
  | 'exfiltration'
  | 'bruteForce'
  | 'slowScan'
  | 'blockedBeacon'
  | 'dnsTunnel'
  | 'listed'
  | 'longConnection'
  // What looks like one of them, and is none.
  | 'monitoring'
  | 'timePolling'
  | 'backup'
  | 'download'
  | 'resolver';

/** What was planted: the ground truth. Addresses are IPv4 as numbers here, as text in `truthOf`. */
export interface SyntheticAttack {
  readonly kind: SyntheticAttackKind;
  readonly startMs: number;
  readonly endMs: number;
  /** Who began it, and to whom; of a sweep or flood the first of many. */
  readonly attacker: number;
  readonly victim: number;
  readonly port: number;
  readonly protocol: 6 | 17;
  /** Conversations in all, evenly over its time. */
  readonly flows: number;
}

/** What of a conversation an attack decides. */
export interface AttackedConversation {
  hostIp: number;
  /** Whether the attacker is the one outside. */
  readonly fromServer: boolean;
  serverIp: number;
  port: number;
  hostPort: number;
  startMs: number;
  endMs: number;
  packetsUp: number;
  packetsDown: number;
  octetsUp: number;
  octetsDown: number;
  flags: number;
  dropped: boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A month is busy, not on fire: of each kind one for so many days. */
const DAYS_PER_ATTACK = 5;
/** Attacks are at most this share of all flows, so that small months stay plausible. */
const ATTACK_SHARE_MAX = 0.02;

interface Recipe {
  readonly kind: SyntheticAttackKind;
  readonly lengthMs: number;
  readonly flows: number;
  /** Fewer would be none, however small the month is. */
  readonly flowsMin: number;
  readonly port: number;
  readonly protocol: 6 | 17;
  /** From a host inside to a server outside, or the other way. */
  readonly fromInside: boolean;
}

const RECIPES: readonly Recipe[] = [
  {
    kind: 'portScan',
    lengthMs: 10 * MINUTE_MS,
    flows: 2000,
    flowsMin: 60,
    port: 0,
    protocol: 6,
    fromInside: false,
  },
  {
    kind: 'hostSweep',
    lengthMs: 20 * MINUTE_MS,
    flows: 4000,
    flowsMin: 160,
    port: 445,
    protocol: 6,
    fromInside: true,
  },
  {
    kind: 'beacon',
    lengthMs: 2 * DAY_MS,
    flows: 576,
    flowsMin: 288,
    port: 443,
    protocol: 6,
    fromInside: true,
  },
  {
    kind: 'flood',
    lengthMs: 8 * MINUTE_MS,
    flows: 20_000,
    flowsMin: 200,
    port: 123,
    protocol: 17,
    fromInside: false,
  },
  {
    kind: 'exfiltration',
    lengthMs: 2 * HOUR_MS,
    flows: 120,
    flowsMin: 60,
    port: 443,
    protocol: 6,
    fromInside: true,
  },
  {
    kind: 'bruteForce',
    lengthMs: 3 * HOUR_MS,
    flows: 1500,
    flowsMin: 300,
    port: 22,
    protocol: 6,
    fromInside: false,
  },
];

/** The attacks of a month, by their beginnings. */
export function planAttacks(
  network: SyntheticNetwork,
  options: { readonly fromMs: number; readonly toMs: number; readonly flows: number; readonly seed: number },
): SyntheticAttack[] {
  const { fromMs, toMs, flows, seed } = options;
  const random = createRandom(seed ^ 0x2545f491);
  const rounds = Math.max(1, Math.round((toMs - fromMs) / DAY_MS / DAYS_PER_ATTACK));
  const wanted = RECIPES.reduce((sum, recipe) => sum + recipe.flows, 0) * rounds;
  const scale = Math.min(1, (flows * ATTACK_SHARE_MAX) / wanted);
  const attacks: SyntheticAttack[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const recipe of RECIPES) attacks.push(attackOf(recipe, network, random, fromMs, toMs, scale));
  }
  return attacks.sort((a, b) => a.startMs - b.startMs);
}

function attackOf(
  recipe: Recipe,
  network: SyntheticNetwork,
  random: Random,
  fromMs: number,
  toMs: number,
  scale: number,
): SyntheticAttack {
  const lengthMs = Math.min(recipe.lengthMs, toMs - fromMs);
  const startMs = fromMs + Math.floor(random.unit() * (toMs - fromMs - lengthMs));
  const inside = network.hostIp[random.below(network.hostIp.length)]!;
  const outside = network.serverIp[random.below(network.servers)]!;
  const { kind, port, protocol, fromInside } = recipe;
  return {
    kind,
    startMs,
    endMs: startMs + lengthMs,
    attacker: fromInside ? inside : outside,
    victim: fromInside ? outside : inside,
    port,
    protocol,
    flows: Math.max(recipe.flowsMin, Math.round(recipe.flows * scale)),
  };
}

const SYN = 0x02;
const CLOSED = 0x1b;
/** Octets of a flood a second, however few flows tell of it: 0.4 Gbps. */
const FLOOD_OCTETS_PER_SECOND = 50_000_000;
const FLOOD_PACKET_OCTETS = 468;
/** A beacon's interval varies by so much to both sides. */
const JITTER_SHARE = 0.1;

/** Gives a conversation of an attack its form; the `index`th of it. Addresses and times are set, and may be changed. */
export function shapeAttack(
  conversation: AttackedConversation,
  attack: SyntheticAttack,
  index: number,
  random: Random,
  network: SyntheticNetwork,
): void {
  const counts = (
    packetsUp: number,
    packetsDown: number,
    octetsUp: number,
    octetsDown: number,
    flags: number,
  ) => Object.assign(conversation, { packetsUp, packetsDown, octetsUp, octetsDown, flags });
  const lengthMs = attack.endMs - attack.startMs;
  const jitter = () => {
    conversation.endMs += Math.floor((random.unit() * 2 - 1) * JITTER_SHARE * (lengthMs / attack.flows));
    conversation.startMs = conversation.endMs - 400;
  };
  switch (attack.kind) {
    case 'portScan':
      conversation.port = 1 + ((index * 7919) % 65_535);
      conversation.dropped = index % 3 !== 0;
      return void counts(1, 0, 44, 0, SYN);
    case 'hostSweep':
    case 'slowScan':
      conversation[conversation.fromServer ? 'hostIp' : 'serverIp'] = (attack.victim + index) >>> 0;
      return void counts(1, 0, 44, 0, SYN);
    case 'blockedBeacon':
      jitter();
      conversation.dropped = true;
      return void counts(1, 0, 60, 0, SYN);
    case 'beacon':
    case 'listed':
      jitter();
      return void counts(7, 6, 640 + random.below(24), 480, CLOSED);
    case 'flood': {
      conversation.serverIp = network.serverIp[random.below(network.servers)]!;
      const octets = (FLOOD_OCTETS_PER_SECOND * lengthMs) / 1000 / attack.flows;
      const packets = Math.max(1, Math.round(octets / FLOOD_PACKET_OCTETS));
      return void counts(packets, 0, packets * FLOOD_PACKET_OCTETS, 0, 0);
    }
    case 'exfiltration':
    case 'backup':
      conversation.startMs = conversation.endMs - 55_000;
      return void counts(30_000, 9000, 42_000_000, 470_000, 0x18);
    case 'bruteForce':
      conversation.startMs = conversation.endMs - 1800;
      return void counts(14, 12, 2100 + random.below(120), 2600, CLOSED);
    case 'dnsTunnel':
      return void counts(4, 4, 4 * (170 + random.below(70)), 4 * 260, 0);
    case 'longConnection':
      conversation.hostPort = 50_123;
      conversation.startMs = conversation.endMs - Math.floor(lengthMs / attack.flows);
      return void counts(30, 28, 4200, 3900, 0x18);
    case 'monitoring':
      return void counts(5, 4, 320, 260, CLOSED);
    case 'timePolling':
      return void counts(1, 1, 76, 76, 0);
    case 'download':
      return void counts(3000, 20_000, 180_000, 29_000_000, CLOSED);
    case 'resolver':
      conversation.serverIp = network.serverIp[random.below(2000)]!;
      return void counts(1, 1, 74, 180, 0);
  }
}

/** The ground truth as people and tests read it. */
export function truthOf(attack: SyntheticAttack): object {
  const { attacker, victim, startMs, endMs, ...rest } = attack;
  return {
    ...rest,
    start: new Date(startMs).toISOString(),
    end: new Date(endMs).toISOString(),
    attacker: dotted(attacker),
    victim: dotted(victim),
  };
}

function dotted(ip: number): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}
