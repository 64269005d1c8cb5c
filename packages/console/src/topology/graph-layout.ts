import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from 'd3-force';
import type { ConversationGraph, GraphNode } from './conversation-graph.ts';

export interface Place {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

/** Units of the drawing: about as many as it has pixels, so that labels can be read. */
export const WIDE: Size = { width: 1000, height: 600 };
export const NARROW: Size = { width: 400, height: 460 };
const MARGIN = 46;
/** Enough for some hundred nodes to come to rest. */
const TICKS = 220;

/** Radius of a node by its part of the traffic. */
export const radiusOf = (node: GraphNode, largest: number): number =>
  5 + 15 * Math.sqrt(largest === 0 ? 0 : node.octets / largest);

/**
 * Places for all nodes, the same for the same graph. Nodes that had a place in `previous` begin there, so that
 * a graph that is brought up to date does not jump.
 */
export function layoutOf(
  graph: ConversationGraph,
  previous: ReadonlyMap<string, Place>,
  size: Size,
): Map<string, Place> {
  const largest = Math.max(1, ...graph.nodes.map(({ octets }) => octets));
  const nodes = graph.nodes.map((node) => ({
    id: node.id,
    radius: radiusOf(node, largest),
    ...previous.get(node.id),
  }));
  const links = graph.links.map(({ source, target }) => ({ source, target }));
  forceSimulation(nodes)
    .force('charge', forceManyBody().strength(-160))
    .force(
      'link',
      forceLink<(typeof nodes)[number], (typeof links)[number]>(links)
        .id((node) => node.id)
        .distance(70)
        .strength(0.4),
    )
    .force(
      'collide',
      forceCollide<(typeof nodes)[number]>((node) => node.radius + 9),
    )
    .force('x', forceX(0).strength(0.05))
    .force('y', forceY(0).strength(0.09))
    .stop()
    .tick(previous.size === 0 ? TICKS : TICKS / 2);
  return fitted(nodes, size);
}

/** Stretches the places over the whole drawing. */
function fitted(
  nodes: readonly { id: string; x?: number; y?: number }[],
  { width, height }: Size,
): Map<string, Place> {
  const xs = nodes.map(({ x = 0 }) => x);
  const ys = nodes.map(({ y = 0 }) => y);
  const [left, top] = [Math.min(...xs, 0), Math.min(...ys, 0)];
  const spanX = Math.max(1, Math.max(...xs, 0) - left);
  const spanY = Math.max(1, Math.max(...ys, 0) - top);
  const scale = Math.min((width - 2 * MARGIN) / spanX, (height - 2 * MARGIN) / spanY, 3);
  const [offsetX, offsetY] = [(width - spanX * scale) / 2, (height - spanY * scale) / 2];
  return new Map(
    nodes.map(({ id, x = 0, y = 0 }) => [
      id,
      { x: offsetX + (x - left) * scale, y: offsetY + (y - top) * scale },
    ]),
  );
}
