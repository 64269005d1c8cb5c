/** One column of a table of text. */
export interface TableColumn<Row> {
  readonly title: string;
  /** Characters at least; a longer value is not cut. */
  readonly width: number;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  readonly value: (row: Row) => string | number | undefined;
}

/** One line of the table; without a row, its heading. */
export function formatRow<Row>(columns: readonly TableColumn<Row>[], row: Row | undefined): string {
  const cells = columns.map(({ title, width, right, value }) => {
    const text = row === undefined ? title : String(value(row) ?? '');
    return right ? text.padStart(width) : text.padEnd(width);
  });
  return cells.join('  ').trimEnd();
}
