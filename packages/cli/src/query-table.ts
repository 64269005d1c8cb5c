/** Answers as tables for a terminal: aligned, with units, cut to its width. */
import {
  type AnswerRow,
  type AnswerValue,
  dimensionField,
  fieldNamed,
  formatFieldValue,
  parseDimension,
  parseMeasure,
  type QueryPlan,
  type QueryResult,
} from '@weir/analysis';
import { durationText, momentText, scaledText, shareText } from './quantity-text.ts';

export interface TableOptions {
  /** Columns of the terminal; undefined: nothing is cut. */
  readonly width: number | undefined;
  readonly colours: boolean;
  /** The sums over all flows, for the column `share`. */
  readonly total?: AnswerRow | undefined;
}

interface Column {
  readonly title: string;
  readonly right: boolean;
  readonly cells: readonly string[];
  /** What may be cut when the terminal is too narrow. */
  readonly flexible: boolean;
}

const GAP = '  ';
const CELL_WIDTH_MIN = 8;

type Answer = Pick<QueryResult, 'columns' | 'rows'>;

/** The lines of an answer's table, its heading first. */
export function tableOfAnswer(plan: QueryPlan, answer: Answer, options: TableOptions): string[] {
  if (answer.rows.length === 0) {
    return [plan.kind === 'sessions' ? 'no sessions in this time range' : 'no flows in this time range'];
  }
  const columns = columnsOf(plan, answer, options);
  const widths = fitted(columns, options.width);
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        columns[index]!.right ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join(GAP)
      .trimEnd();
  const heading = line(columns.map(({ title }, index) => cut(title, widths[index]!)));
  return [
    options.colours ? `\u001b[1m${heading}\u001b[0m` : heading,
    ...answer.rows.map((_, row) => line(columns.map(({ cells }, index) => cut(cells[row]!, widths[index]!)))),
  ];
}

function columnsOf(plan: QueryPlan, answer: Answer, options: TableOptions): Column[] {
  switch (plan.kind) {
    case 'records':
      return recordColumns(answer.rows);
    case 'sessions':
      return sessionColumns(answer.rows);
    case 'series':
      return [...answerColumns(answer), barColumn(plan.orderBy, answer.rows)];
    case 'groups':
      return [...answerColumns(answer), ...shareColumn(plan.orderBy, answer.rows, options.total)];
  }
}

/** Dimensions as they are, measures with their units. */
function answerColumns({ columns, rows }: Answer): Column[] {
  const isOther = (row: AnswerRow): boolean => row['other'] === true;
  const shown = columns.filter(({ name }) => name !== 'other');
  const firstDimension = shown.find(({ name }) => name !== 'time')?.name;
  return shown.map(({ name, kind }) => {
    const cells = rows.map((row) => {
      if (isOther(row) && name === firstDimension && parseMeasure(name) === undefined) return 'all others';
      return cellText(name, kind, row[name]);
    });
    const isMeasure = measureUnit(name) !== undefined;
    return { title: name, right: isMeasure || isNumberColumn(name, kind), cells, flexible: !isMeasure };
  });
}

function isNumberColumn(name: string, kind: string): boolean {
  const dimension = parseDimension(name);
  if (kind !== 'number') return false;
  return dimension === undefined || dimensionField(dimension).kind === 'number';
}

function cellText(name: string, kind: string, value: AnswerValue | undefined): string {
  if (value === null || value === undefined) return '';
  const unit = measureUnit(name);
  if (unit !== undefined) return scaledText(Number(value), unit);
  if (kind === 'timeMs') return momentText(Date.parse(String(value)), true);
  const dimension = parseDimension(name);
  if (dimension !== undefined) return formatFieldValue(dimensionField(dimension), value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The unit of a measure's column (which may be nothing); undefined for what is no measure. */
function measureUnit(name: string): string | undefined {
  const measure = parseMeasure(name.replace(/Before$/, ''));
  switch (measure?.kind) {
    case undefined:
      return undefined;
    case 'rate':
      return { octets: 'b/s', packets: 'p/s', flows: 'f/s' }[measure.of];
    case 'sum':
    case 'sent':
    case 'received':
      return measure.of === 'octets' ? 'B' : '';
    case 'count':
      return '';
  }
}

/** What the sums of MEASURES are shares of; rates are shares of what they are rates of. */
function shareColumn(orderBy: string, rows: readonly AnswerRow[], total: AnswerRow | undefined): Column[] {
  const measure = parseMeasure(orderBy);
  const name = measure?.kind === 'rate' || measure?.kind === 'sum' ? measure.of : 'octets';
  const whole = Number(total?.[name] ?? 0);
  if (whole <= 0) return [];
  const cells = rows.map((row) => shareText(Number(row[name] ?? 0) / whole));
  return [{ title: 'share', right: true, cells, flexible: false }];
}

const BAR_WIDTH = 24;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

function barColumn(name: string, rows: readonly AnswerRow[]): Column {
  const values = rows.map((row) => Number(row[name] ?? 0));
  const largest = Math.max(...values, 1);
  const cells = values.map((value) => {
    const eighths = Math.round((value / largest) * BAR_WIDTH * 8);
    return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7]!;
  });
  return { title: '', right: false, cells, flexible: false };
}

/** Labels and marks of a record that are shown where any record has them. */
const RECORD_LABELS = [
  'application',
  'srcUser',
  'dstUser',
  'srcCountry',
  'dstCountry',
  'rule',
  'forwardingStatus',
  'firewallEvent',
  'exporter',
];

/** As nfdump's line: when, how long, what, from where to where, how much. */
function recordColumns(rows: readonly AnswerRow[]): Column[] {
  const text = (
    title: string,
    cell: (row: AnswerRow) => string,
    right = false,
    flexible = false,
  ): Column => ({
    title,
    right,
    flexible,
    cells: rows.map(cell),
  });
  const present = RECORD_LABELS.filter((name) =>
    rows.some((row) => row[name] !== null && row[name] !== undefined),
  );
  const labels = present.map((name) => text(name, (row) => fieldText(name, row[name]), false, true));
  const start = (row: AnswerRow) =>
    Date.parse(String(row['flowStart'] ?? row['flowEnd'] ?? row['receivedAt']));
  const end = (row: AnswerRow) => Date.parse(String(row['flowEnd'] ?? row['receivedAt']));
  return [
    text('start', (row) => momentText(start(row))),
    text('duration', (row) => durationText(Math.max(0, end(row) - start(row))), true),
    text('proto', (row) => fieldText('protocol', row['protocol'])),
    text('source', (row) => endpoint(row['srcAddr'], row['srcPort']), false, true),
    text('destination', (row) => endpoint(row['dstAddr'], row['dstPort']), false, true),
    text('flags', (row) => fieldText('tcpFlags', row['tcpFlags'])),
    text('packets', (row) => countText(row['packets'], ''), true),
    text('octets', (row) => countText(row['octets'], 'B'), true),
    ...labels,
  ].filter(({ cells }) => cells.some((cell) => cell !== ''));
}

function sessionColumns(rows: readonly AnswerRow[]): Column[] {
  const column = (title: string, cell: (row: AnswerRow) => string, right = false): Column => ({
    title,
    right,
    cells: rows.map(cell),
    flexible: title === 'initiator' || title === 'responder',
  });
  return [
    column('start', (row) => momentText(Date.parse(String(row['start'])))),
    column('duration', (row) => durationText(Number(row['duration'])), true),
    column('proto', (row) => fieldText('protocol', row['protocol'])),
    column('initiator', (row) => endpoint(row['initiator'], row['initiatorPort'])),
    column('responder', (row) => endpoint(row['responder'], row['responderPort'])),
    column('sent', (row) => countText(row['octetsSent'], 'B'), true),
    column('received', (row) => countText(row['octetsReceived'], 'B'), true),
    column('packets', (row) => countText(row['packets'], ''), true),
    column('records', (row) => countText(row['flows'], ''), true),
    column('by', (row) => fieldText('directionRule', row['directionRule'])),
  ];
}

function fieldText(name: string, value: AnswerValue | undefined): string {
  const field = fieldNamed(name);
  return field === undefined ? String(value ?? '') : formatFieldValue(field, value);
}

function countText(value: AnswerValue | undefined, unit: string): string {
  return value === null || value === undefined ? '' : scaledText(Number(value), unit);
}

function endpoint(address: AnswerValue | undefined, port: AnswerValue | undefined): string {
  const host = String(address ?? '');
  if (port === null || port === undefined) return host;
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}

/** The widths of the columns; the widest that may be cut give way until all fits. */
function fitted(columns: readonly Column[], width: number | undefined): number[] {
  const widths = columns.map(({ title, cells }) =>
    Math.max(title.length, ...cells.map((cell) => cell.length)),
  );
  if (width === undefined) return widths;
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (columns.length - 1)) - width;
  while (excess > 0) {
    let widest = -1;
    columns.forEach(({ flexible }, index) => {
      if (flexible && widths[index]! > CELL_WIDTH_MIN && (widest < 0 || widths[index]! > widths[widest]!))
        widest = index;
    });
    if (widest < 0) break;
    widths[widest]! -= 1;
    excess -= 1;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
