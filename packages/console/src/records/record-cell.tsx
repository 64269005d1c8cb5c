import { fieldNamed } from '@weir/analysis';
import type { FlowRecord } from '../api/contract.ts';
import { Value } from '../flows/value.tsx';
import { formatCount, formatOctets, formatQuantity } from '../format/quantity.ts';
import { formatDateTime, formatDuration, formatMoment } from '../format/time.ts';
import { type RecordColumn, recordValue } from './record-column.ts';

const ABSENT = <span className="text-ink-faint">–</span>;

/** One field of a record as people read it; what the language can ask for can be clicked. */
export function RecordCell({
  record,
  column,
  now,
}: {
  record: FlowRecord;
  column: RecordColumn;
  now: number;
}) {
  const value = recordValue(record, column.name);
  if (value === null) return ABSENT;
  switch (column.kind) {
    case 'time': {
      const timeMs = Date.parse(String(value));
      return (
        <time dateTime={String(value)} title={formatDateTime(timeMs)} className="wire text-ink-soft">
          {formatMoment(timeMs, now)}
        </time>
      );
    }
    case 'octets':
      return formatOctets(Number(value));
    case 'count':
      return formatCount(Number(value));
    case 'duration':
      return formatDuration(Number(value));
    case 'rate':
      return formatQuantity(Number(value), '');
    default:
      return fieldNamed(column.name) === undefined ? (
        <span className="wire">{String(value)}</span>
      ) : (
        <Value dimension={column.name} value={value} className={isWire(column.name) ? 'wire' : ''} />
      );
  }
}

const isWire = (name: string): boolean => /Addr$|Port$|Mac$|exporter$|nextHop|tcpFlags/.test(name);

/** Figures stand at the right of their column. */
export const isFigure = ({ kind }: RecordColumn): boolean => kind !== 'time' && kind !== 'value';
