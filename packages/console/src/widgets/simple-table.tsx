import type { ReactNode } from 'react';
import { ScrollRegion } from './scroll-region.tsx';

export interface SimpleColumn<Row> {
  title: string;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the right. */
  isFigure?: boolean;
  /** Left out on narrow screens. */
  isMinor?: boolean;
}

interface SimpleTableProps<Row> {
  label: string;
  columns: readonly SimpleColumn<Row>[];
  rows: readonly Row[];
  idOf: (row: Row) => string;
}

/** A small table without sorting or scrolling of its own. */
export function SimpleTable<Row>({ label, columns, rows, idOf }: SimpleTableProps<Row>) {
  const classOf = ({ isFigure, isMinor }: SimpleColumn<Row>, at: number) =>
    `px-2 py-1.5 ${at === 0 ? 'pl-3.5' : ''} ${isFigure === true ? 'figures whitespace-nowrap text-right' : ''} ${isMinor === true ? 'max-lg:hidden' : ''}`;
  return (
    <ScrollRegion label={`${label}, scrollable`}>
      <table aria-label={label} className="w-full border-collapse text-left text-[0.8125rem]">
        <thead className="text-ink-faint text-xs">
          <tr className="border-line border-b">
            {columns.map((column, at) => (
              <th key={column.title} scope="col" className={`font-medium ${classOf(column, at)}`}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={idOf(row)} className="border-line border-b last:border-b-0 hover:bg-hover">
              {columns.map((column, at) => (
                <td key={column.title} className={`align-top ${classOf(column, at)}`}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
