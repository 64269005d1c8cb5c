/** A statement as a document (PDF, HTML) and as CSV. */

import type { BillingBins } from '@weir/analysis';
import { BIN_MS, mbitOf } from '@weir/analysis';
import { csvText } from '../documents/csv-text.ts';
import type { ChartBlock, DocumentBlock, ReportDocument, TableCell } from '../documents/document.ts';
import type { Statement } from './billing-schema.ts';

const LINE_LABELS = { fee: 'Fee', commit: 'Commit', overage: 'Above the commit' } as const;
const STATE_TEXTS: Readonly<Record<Statement['state'], string>> = {
  reading: 'being read from the records: figures will grow',
  running: 'the period still runs: figures are preliminary',
  closing: 'the period is over and not closed yet: late records are still added',
  closed: 'final',
};

export function statementDocument(statement: Statement, bins: BillingBins, nowMs: number): ReportDocument {
  const { account, period } = statement;
  return {
    title: `Statement ${account.name} ${period.name}`,
    subtitle: `${dayText(period.fromMs, account.calendar.timeZone)} to ${dayText(period.toMs - 1, account.calendar.timeZone)} (${account.calendar.timeZone})`,
    createdMs: nowMs,
    blocks: statementBlocks(statement, bins),
  };
}

/** The same for a part of a report. */
export function statementBlocks(statement: Statement, bins: BillingBins): DocumentBlock[] {
  const { charge, corrections, total, percentileMbit, volumeGb, account } = statement;
  const { percentile } = account.plan;
  const mbit = (value: number) => `${value.toFixed(3)} Mbit/s`;
  return [
    {
      kind: 'facts',
      facts: [
        { name: 'State', value: STATE_TEXTS[statement.state] },
        { name: 'Billed', value: `${charge.billed} ${charge.unit} (${account.plan.measure})`, strong: true },
        { name: 'Total', value: `${total} ${charge.currency}`, strong: true },
        { name: `${percentile}th percentile in`, value: mbit(percentileMbit.in) },
        { name: `${percentile}th percentile out`, value: mbit(percentileMbit.out) },
        { name: `${percentile}th percentile of both`, value: mbit(percentileMbit.merged) },
        { name: 'Volume in, out', value: `${volumeGb.in.toFixed(3)} GB, ${volumeGb.out.toFixed(3)} GB` },
        {
          name: 'Bins',
          value: `${statement.binsPast} of ${statement.binsAll}, ${statement.discarded} left out, ${statement.zeroBins} without traffic`,
        },
      ],
    },
    {
      kind: 'table',
      title: 'Charges',
      columns: [
        { title: 'What', weight: 2 },
        { title: `Quantity (${charge.unit})`, align: 'right' },
        { title: `Rate (${charge.currency})`, align: 'right' },
        { title: `Amount (${charge.currency})`, align: 'right' },
      ],
      rows: [
        ...charge.lines.map((line): TableCell[] => [
          LINE_LABELS[line.label],
          line.quantity,
          line.rate,
          line.amount,
        ]),
        ...corrections.map(({ period, before, after, amount }): TableCell[] => [
          `Correction of ${period}: ${after} instead of ${before}`,
          '',
          '',
          amount,
        ]),
        ['Total', '', '', total],
      ],
    },
    chartOf(statement, bins),
    { kind: 'heading', text: 'How it was reckoned' },
    ...statement.notes.map((text): DocumentBlock => ({ kind: 'paragraph', text, tone: 'note' })),
    { kind: 'paragraph', text: `In: ${statement.filters.in}`, tone: 'note' },
    { kind: 'paragraph', text: `Out: ${statement.filters.out}`, tone: 'note' },
  ];
}

function chartOf({ account, period, charge }: Statement, bins: BillingBins): ChartBlock {
  const { timeZone } = account.calendar;
  const values = (of: ArrayLike<number>) => Array.from(of, mbitOf);
  const isRate = charge.unit === 'Mbit/s';
  return {
    kind: 'chart',
    title: 'Bins of 5 minutes',
    shape: 'line',
    unit: 'Mbit/s',
    labels: Array.from(bins.in, (_, index) => dayText(period.fromMs + index * BIN_MS, timeZone).slice(5)),
    series: [
      { name: 'in', tone: 'first', values: values(bins.in) },
      { name: 'out', tone: 'second', values: values(bins.out) },
    ],
    lines: isRate
      ? [
          { name: `billed ${Number(charge.billed).toFixed(3)}`, value: Number(charge.billed), tone: 'third' },
          { name: `commit ${account.plan.commit}`, value: Number(account.plan.commit), tone: 'limit' },
        ]
      : [],
  };
}

export function dayText(timeMs: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).format(timeMs);
}

/** Names and values, then the charges: what accounting programs read. */
export function statementCsv(statement: Statement): string {
  const { account, period, charge, corrections, total } = statement;
  const at = [
    account.name,
    period.name,
    new Date(period.fromMs).toISOString(),
    new Date(period.toMs).toISOString(),
  ];
  const columns = [
    'account',
    'period',
    'from',
    'to',
    'state',
    'what',
    'quantity',
    'unit',
    'rate',
    'amount',
    'currency',
  ];
  const row = (what: string, quantity: string, rate: string, amount: string): TableCell[] => [
    ...at,
    statement.state,
    what,
    quantity,
    quantity === '' ? '' : charge.unit,
    rate,
    amount,
    charge.currency,
  ];
  return csvText(columns, [
    ...charge.lines.map((line) => row(line.label, line.quantity, line.rate, line.amount)),
    ...corrections.map((each) => row(`correction of ${each.period}`, '', '', each.amount)),
    row('total', charge.billed, '', total),
  ]);
}

/** Every bin that is past: its time, octets and rates, for whoever reckons it again. */
export function binsCsv({ period }: Statement, bins: BillingBins): string {
  const rows = Array.from(bins.in, (octetsIn, index): TableCell[] => {
    const octetsOut = bins.out[index] ?? 0;
    const time = new Date(period.fromMs + index * BIN_MS).toISOString();
    return [time, octetsIn, octetsOut, mbitOf(octetsIn), mbitOf(octetsOut)];
  });
  return csvText(['time', 'octetsIn', 'octetsOut', 'mbitIn', 'mbitOut'], rows);
}
