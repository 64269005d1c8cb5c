import type { ViewCodec } from '../view-state.ts';
import { COLUMNS_NARROW, COLUMNS_WIDE } from './record-column.ts';

export interface RecordsView {
  columns: readonly string[];
  /** The newest records are shown as they arrive. */
  tail: boolean;
}

const COLUMNS_MAX = 40;
const COLUMN_NAME = /^[\p{L}\p{N}_/.:-]{1,80}$/u;

const defaultColumns = (): readonly string[] =>
  typeof window !== 'undefined' && window.innerWidth < 640 ? COLUMNS_NARROW : COLUMNS_WIDE;

export const RECORDS_VIEW: ViewCodec<RecordsView> = {
  parse(parameters) {
    const named = (parameters.get('cols') ?? '').split(',').filter((name) => COLUMN_NAME.test(name));
    const columns = [...new Set(named)].slice(0, COLUMNS_MAX);
    return {
      columns: columns.length === 0 ? defaultColumns() : columns,
      tail: parameters.get('tail') === '1',
    };
  },
  write({ columns, tail }, parameters) {
    if (columns.join() !== defaultColumns().join()) parameters.set('cols', columns.join(','));
    if (tail) parameters.set('tail', '1');
  },
};
