/**
 * A packet filter's rules, as far as they matter to one question: would a packet to this port, from an exporter
 * somewhere in the network, get in? A rule can match for certain, not match, or match some exporters and not others.
 */

export interface Probe {
  readonly transport: 'udp' | 'tcp';
  readonly port: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** `some`: it depends on what the probe leaves open (who sends, through which interface, how often). */
export type Match = 'yes' | 'no' | 'some';

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface FilterRule {
  /** As the tool prints it. */
  readonly text: string;
  evaluate(probe: Probe): { readonly match: Match; readonly action: Action };
}

export interface FilterChain {
  readonly name: string;
  readonly rules: readonly FilterRule[];
  /** Of chains that packets enter by themselves. */
  readonly base: { readonly policy: 'accept' | 'drop' } | undefined;
}

/** Rules of one table; chains are found by name within it. */
export interface FilterTable {
  /** `inet filter`, `iptables filter`. */
  readonly name: string;
  readonly tool: 'nft' | 'iptables' | 'ip6tables';
  readonly families: readonly Probe['family'][];
  readonly chains: ReadonlyMap<string, FilterChain>;
}

export type Passage =
  | { readonly outcome: 'accepted' }
  /** `only`: rules that let some exporters through all the same. */
  | {
      readonly outcome: 'dropped';
      readonly table: FilterTable;
      readonly chain: string;
      readonly by: string;
      readonly only: readonly string[];
    };

/** Deeper than any firewall's chains; a circle of jumps ends here. */
const JUMPS_MAX = 32;

/** Follows the probe through every base chain of the tables; the first that drops it decides. */
export function passageOf(tables: readonly FilterTable[], probe: Probe): Passage {
  for (const table of tables) {
    if (!table.families.includes(probe.family)) continue;
    for (const chain of table.chains.values()) {
      if (chain.base === undefined) continue;
      const passage = throughBase(table, chain, chain.base.policy, probe);
      if (passage.outcome === 'dropped') return passage;
    }
  }
  return { outcome: 'accepted' };
}

function throughBase(
  table: FilterTable,
  chain: FilterChain,
  policy: 'accept' | 'drop',
  probe: Probe,
): Passage {
  const only: string[] = [];
  const end = walk(table, chain, probe, only, 0);
  if (end.kind === 'accept') return { outcome: 'accepted' };
  if (end.kind === 'drop') return { outcome: 'dropped', table, chain: chain.name, by: end.by, only };
  if (policy === 'accept') return { outcome: 'accepted' };
  return { outcome: 'dropped', table, chain: chain.name, by: 'policy drop', only };
}

type End = { readonly kind: 'accept' | 'through' } | { readonly kind: 'drop'; readonly by: string };

/** What becomes of the probe in a chain; rules that accept a part of what it stands for are noted in `only`. */
function walk(table: FilterTable, chain: FilterChain, probe: Probe, only: string[], depth: number): End {
  for (const rule of chain.rules) {
    const { match, action } = rule.evaluate(probe);
    if (match === 'no' || action.kind === 'none') continue;
    if (action.kind === 'return') {
      if (match === 'yes') return { kind: 'through' };
      continue;
    }
    const end = followed(table, rule, action, probe, only, depth);
    if (end.kind === 'accept' && match === 'some') only.push(rule.text);
    else if (end.kind !== 'through' && match === 'yes') return end;
    if (action.kind === 'goto' && match === 'yes') return end;
  }
  return { kind: 'through' };
}

function followed(
  table: FilterTable,
  rule: FilterRule,
  action: Action,
  probe: Probe,
  only: string[],
  depth: number,
): End {
  if (action.kind === 'accept') return { kind: 'accept' };
  if (action.kind === 'drop') return { kind: 'drop', by: rule.text };
  if (action.kind !== 'jump' && action.kind !== 'goto') return { kind: 'through' };
  const chain = table.chains.get(action.chain);
  if (chain === undefined || depth >= JUMPS_MAX) return { kind: 'through' };
  return walk(table, chain, probe, only, depth + 1);
}
