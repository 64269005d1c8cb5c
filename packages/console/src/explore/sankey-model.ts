import type { DimensionValue, QueryRow } from '../api/contract.ts';
import { SERIES_COLOURS } from '../widgets/series-colour.ts';

interface SankeyNode {
  /** Tells equal values of different dimensions apart. */
  id: string;
  column: number;
  dimension: string;
  value: DimensionValue;
  colour: string;
}

/** Groups as flows between columns: a node for each value of each dimension, a link for each pair that occurs. */
export function sankeyOf(
  by: readonly string[],
  rows: readonly QueryRow[],
  sizeOf: (row: QueryRow) => number,
): { nodes: SankeyNode[]; links: { source: string; target: string; value: number }[] } {
  const nodes = new Map<string, SankeyNode>();
  const links = new Map<string, { source: string; target: string; value: number }>();
  for (const row of rows) {
    const value = sizeOf(row);
    if (!(value > 0)) continue;
    const ids = by.map((dimension, column) => {
      const content = row[dimension] ?? null;
      const id = JSON.stringify([column, content]);
      if (!nodes.has(id)) {
        const colour = SERIES_COLOURS[nodes.size % SERIES_COLOURS.length] ?? '--series-other';
        nodes.set(id, { id, column, dimension, value: content, colour });
      }
      return id;
    });
    for (const [column, source] of ids.slice(0, -1).entries()) {
      const target = ids[column + 1] ?? '';
      const link = links.get(source + target) ?? { source, target, value: 0 };
      link.value += value;
      links.set(source + target, link);
    }
  }
  return { nodes: [...nodes.values()], links: [...links.values()] };
}
