/** Attacks that a synthetic month holds: known beforehand, so that detections can be judged by them. */
import { createRandom, type Random, type SyntheticNetwork } from './synthetic-network.ts';

export type SyntheticAttackKind =
  | 'portScan'
  | 'hostSweep'
  | 'beacon'
  | 'flood'
  | 'exfiltration'
  | 'bruteForce';

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
  readonly port: number;
  readonly protocol: 6 | 17;
  /** From a host inside to a server outside, or the other way. */
  readonly fromInside: boolean;
}

const RECIPES: readonly Recipe[] = [
  { kind: 'portScan', lengthMs: 10 * MINUTE_MS, flows: 2000, port: 0, protocol: 6, fromInside: false },
  { kind: 'hostSweep', lengthMs: 20 * MINUTE_MS, flows: 4000, port: 445, protocol: 6, fromInside: true },
  { kind: 'beacon', lengthMs: 2 * DAY_MS, flows: 576, port: 443, protocol: 6, fromInside: true },
  { kind: 'flood', lengthMs: 8 * MINUTE_MS, flows: 20_000, port: 123, protocol: 17, fromInside: false },
  { kind: 'exfiltration', lengthMs: 2 * HOUR_MS, flows: 120, port: 443, protocol: 6, fromInside: true },
  { kind: 'bruteForce', lengthMs: 3 * HOUR_MS, flows: 1500, port: 22, protocol: 6, fromInside: false },
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
    flows: Math.max(1, Math.round(recipe.flows * scale)),
  };
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
