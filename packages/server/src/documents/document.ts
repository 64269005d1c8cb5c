/**
 * Documents as data: what a statement, an audit or a report says, once, for whoever writes it as PDF, HTML or CSV. Every
 * text may come from the wire: the writers escape.
 */

export interface ReportDocument {
  readonly title: string;
  /** One line below it: period, scope. */
  readonly subtitle?: string;
  /** When it was made, milliseconds since 1970: a PDF has no other time, so the same document is the same octets. */
  readonly createdMs: number;
  readonly blocks: readonly DocumentBlock[];
}

export type DocumentBlock = HeadingBlock | ParagraphBlock | FactsBlock | TableBlock | ChartBlock;

export interface HeadingBlock {
  readonly kind: 'heading';
  readonly text: string;
}

export interface ParagraphBlock {
  readonly kind: 'paragraph';
  readonly text: string;
  /** `note`: smaller and grey, for what limits the figures above. */
  readonly tone?: 'note' | 'warning';
}

/** Names and values, one a line. */
export interface FactsBlock {
  readonly kind: 'facts';
  readonly facts: readonly { readonly name: string; readonly value: string; readonly strong?: boolean }[];
}

export interface TableColumn {
  readonly title: string;
  /** Numbers are aligned at the right. */
  readonly align?: 'left' | 'right';
  /** Share of the width against the other columns; 1 by default. */
  readonly weight?: number;
}

export type TableCell = string | number | null;

export interface TableBlock {
  readonly kind: 'table';
  readonly title?: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly TableCell[])[];
  /** Said instead of rows when there are none. */
  readonly empty?: string;
}

/** A colour by its role, so that all writers draw the same things alike. */
export type ChartTone = 'first' | 'second' | 'third' | 'limit' | 'muted';

export interface ChartSeries {
  readonly name: string;
  readonly tone: ChartTone;
  /** One for each label; null leaves a gap. */
  readonly values: readonly (number | null)[];
  /** Draws the area between this and the series of that name. */
  readonly bandTo?: string;
}

export interface ChartBlock {
  readonly kind: 'chart';
  readonly title: string;
  readonly shape: 'line' | 'bar';
  /** Of the values, such as `Mbit/s`. */
  readonly unit: string;
  /** Below the chart, from left to right; as many as each series has values. */
  readonly labels: readonly string[];
  readonly series: readonly ChartSeries[];
  /** Horizontal lines: a commit, a percentile. */
  readonly lines?: readonly { readonly name: string; readonly value: number; readonly tone: ChartTone }[];
}

export const TONE_COLOURS: Readonly<Record<ChartTone, string>> = {
  first: '#0f766e',
  second: '#7c3aed',
  third: '#b45309',
  limit: '#be123c',
  muted: '#94a3b8',
};
