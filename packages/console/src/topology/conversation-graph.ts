/** Who talks to whom as a graph: nodes are values, links are pairs of which at least one side sent something. */
import type { DimensionValue, QueryResponse, QueryRow } from '../api/contract.ts';

export interface GraphNode {
  id: string;
  value: DimensionValue;
  /** Octets sent and received by what is shown. */
  octets: number;
  droppedPackets: number;
  isNew: boolean;
}

export interface GraphLink {
  id: string;
  source: string;
  target: string;
  octets: number;
  packets: number;
  droppedPackets: number;
  isNew: boolean;
}

export interface ConversationGraph {
  nodes: GraphNode[];
  links: GraphLink[];
}

interface Answers {
  traffic: QueryResponse;
  drops: QueryResponse | undefined;
  /** Pairs of the period before; undefined when it is not compared. */
  before: QueryResponse | undefined;
}

const idOf = (value: DimensionValue): string => JSON.stringify(value);
/** Both directions of a conversation are one link. */
const pairOf = (one: string, other: string): string => (one < other ? `${one} ${other}` : `${other} ${one}`);

/** Puts the answers together. Links are in the order of the traffic; those that only were dropped come last. */
export function conversationGraph({ traffic, drops, before }: Answers): ConversationGraph {
  const nodes = new Map<string, GraphNode>();
  const links = new Map<string, GraphLink>();
  const known = before === undefined ? undefined : knownOf(before);
  const add = (row: QueryRow, by: readonly string[], dropped: boolean): void => {
    const [from = null, to = null] = by.map((dimension) => row[dimension] ?? null);
    if (from === null || to === null) return;
    const [source, target] = [idOf(from), idOf(to)];
    const id = pairOf(source, target);
    const link = links.get(id) ?? {
      id,
      source,
      target,
      octets: 0,
      packets: 0,
      droppedPackets: 0,
      isNew: known !== undefined && !known.pairs.has(id),
    };
    links.set(id, link);
    const [octets, packets] = [Number(row['octets'] ?? 0), Number(row['packets'] ?? 0)];
    for (const [end, value] of [[source, from] as const, [target, to] as const]) {
      const node = nodes.get(end) ?? {
        id: end,
        value,
        octets: 0,
        droppedPackets: 0,
        isNew: known !== undefined && !known.values.has(end),
      };
      nodes.set(end, node);
      if (dropped) node.droppedPackets += packets;
      else node.octets += octets;
    }
    if (dropped) link.droppedPackets += packets;
    else {
      link.octets += octets;
      link.packets += packets;
    }
  };
  for (const row of traffic.rows) add(row, traffic.by, false);
  for (const row of drops?.rows ?? []) add(row, traffic.by, true);
  return { nodes: [...nodes.values()], links: [...links.values()] };
}

function knownOf(before: QueryResponse): { values: Set<string>; pairs: Set<string> } {
  const values = new Set<string>();
  const pairs = new Set<string>();
  for (const row of before.rows) {
    const [from = '', to = ''] = before.by.map((dimension) => idOf(row[dimension] ?? null));
    values.add(from).add(to);
    pairs.add(pairOf(from, to));
  }
  return { values, pairs };
}

/** Pairs of the period before that are not there now. */
export function goneCount({ links }: ConversationGraph, before: QueryResponse): number {
  const now = new Set(links.map(({ id }) => id));
  return [...knownOf(before).pairs].filter((pair) => !now.has(pair)).length;
}
