import { createColumnHelper, type RowData, tableFeatures, useTable } from '@tanstack/react-table';
import { type ReactNode, useCallback, useMemo } from 'react';

const features = tableFeatures({});
type Features = typeof features;

/** One column: how its header and its cells read; `className` is given to both. */
export interface DataColumn<Row> {
  id: string;
  header: ReactNode;
  cell: (row: Row) => ReactNode;
  className?: string;
}

interface DataTableProps<Row> {
  label: string;
  columns: readonly DataColumn<Row>[];
  rows: Row[];
  /** One for each row, stable from one update to the next. */
  rowIds: readonly string[];
  rowClassName?: (row: Row) => string;
}

/** A plain table. Columns must be the same array at every render. */
export function DataTable<Row extends RowData>(props: DataTableProps<Row>) {
  const { label, columns, rows, rowIds, rowClassName } = props;
  const definitions = useMemo(() => {
    const helper = createColumnHelper<Features, Row>();
    return columns.map((column) =>
      helper.display({ id: column.id, cell: ({ row }) => column.cell(row.original) }),
    );
  }, [columns]);
  const getRowId = useCallback((_row: Row, index: number) => rowIds[index] ?? String(index), [rowIds]);
  const table = useTable({ features, columns: definitions, data: rows, getRowId });
  const classOf = new Map(columns.map((column) => [column.id, column.className ?? '']));
  return (
    <table aria-label={label} className="w-full border-collapse text-left text-[0.8125rem]">
      <thead className="sticky top-0 z-10 bg-surface text-ink-faint text-xs">
        <tr>
          {columns.map((column) => (
            <th
              key={column.id}
              scope="col"
              className={`whitespace-nowrap border-line border-b px-1.5 py-1.5 font-medium ${column.className ?? ''}`}
            >
              {column.header}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr
            key={row.id}
            className={`border-line border-b last:border-b-0 hover:bg-hover ${rowClassName?.(row.original) ?? ''}`}
          >
            {row.getAllCells().map((cell) => (
              <td
                key={cell.id}
                className={`px-1.5 py-[0.3rem] align-top ${classOf.get(cell.column.id) ?? ''}`}
              >
                <table.FlexRender cell={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
