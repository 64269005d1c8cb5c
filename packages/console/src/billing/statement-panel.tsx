import { mbitOf } from '@weir/analysis';
import { useMemo } from 'react';
import { Link } from 'wouter';
import { apiUrl } from '../api/client.ts';
import { formatQuantity } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { pageAddress } from '../use-view-state.ts';
import type { TimeZone } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { StatTile } from '../widgets/stat-tile.tsx';
import { TrendChart } from '../widgets/trend-chart.tsx';
import type { TrendModel } from '../widgets/trend-engine.ts';
import type { Statement, StatementWithBins } from './billing-contract.ts';

export const STATE_TEXTS: Readonly<Record<Statement['state'], string>> = {
  reading: 'being read from the records: figures will grow',
  running: 'runs: figures are preliminary',
  closing: 'over, not closed yet: late records are still added',
  closed: 'final',
};

interface StatementPanelProps {
  statement: StatementWithBins;
  zone: TimeZone;
  onPeriod: (period: string) => void;
}

/** One statement: figures, bins with percentile and commit, charges, periods before. */
export function StatementPanel({ statement, zone, onPeriod }: StatementPanelProps) {
  return (
    <div className="min-w-0 space-y-3">
      <Figures statement={statement} />
      <Panel
        title="5-minute bins"
        note={`${statement.binsPast} of ${statement.binsAll}, ${statement.zeroBins} without traffic`}
        controls={<StatementLinks statement={statement} zone={zone} />}
      >
        <BinsChart statement={statement} />
      </Panel>
      <Charges statement={statement} />
      <Panel title="Periods before">
        {statement.previous.length === 0 ? (
          <p className="px-3.5 py-3 text-ink-soft">None yet: this is the first period with bins.</p>
        ) : (
          <SimpleTable
            label="Periods before"
            idOf={({ period }) => period}
            rows={statement.previous}
            columns={[
              {
                title: 'Period',
                cell: ({ period }) => (
                  <button type="button" className="value" onClick={() => onPeriod(period)}>
                    {period}
                  </button>
                ),
              },
              {
                title: 'Billed',
                isFigure: true,
                cell: ({ billed, unit }) => `${Number(billed).toFixed(3)} ${unit}`,
              },
              {
                title: 'Total',
                isFigure: true,
                cell: ({ total }) => `${total} ${statement.charge.currency}`,
              },
              { title: 'State', isMinor: true, cell: ({ state }) => state },
            ]}
          />
        )}
      </Panel>
      <Panel title="How it is reckoned">
        <ul className="list-disc space-y-1 py-3 pr-4 pl-8 text-ink-soft text-xs">
          {statement.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

function Figures({ statement }: { statement: Statement }) {
  const { charge, total, distance, percentileMbit, account } = statement;
  const { percentile } = account.plan;
  return (
    <dl className="grid grid-cols-1 gap-3 sm:grid-cols-2 xl:grid-cols-4">
      <StatTile
        label={charge.unit === 'GB' ? 'Volume' : `${percentile}th percentile`}
        figure={Number(charge.billed).toFixed(2)}
        unit={charge.unit}
        note={`commit ${account.plan.commit}`}
      />
      <StatTile label="Total" figure={total} unit={charge.currency} note={STATE_TEXTS[statement.state]} />
      <StatTile
        label="You may use"
        figure={mayUse(distance)}
        unit={distance === null || distance.mayUseMbit === null ? '' : 'Mbit/s'}
        note={distanceNote(distance)}
      />
      <StatTile
        label="In and out"
        figure={percentileMbit.in.toFixed(1)}
        unit="Mbit/s in"
        note={`${percentileMbit.out.toFixed(1)} out, ${formatQuantity(1e9 * (statement.volumeGb.in + statement.volumeGb.out), 'B')}`}
      />
    </dl>
  );
}

function mayUse(distance: Statement['distance']): string {
  if (distance === null) return '–';
  return distance.mayUseMbit === null ? 'anything' : distance.mayUseMbit.toFixed(2);
}

function distanceNote(distance: Statement['distance']): string {
  if (distance === null) return 'the period is over';
  const { state, binsLeft, allowedAbove, binsAbove = 0 } = distance;
  if (state === 'exceeded') return 'the commit is exceeded';
  const left = `for ${binsLeft} bins`;
  if (state === 'expected') return `${left}; it will be exceeded`;
  return allowedAbove === undefined
    ? left
    : `${left}; ${Math.max(0, allowedAbove - binsAbove)} may exceed it`;
}

const POINTS_MAX = 1500;

/** Of neighbours that no screen tells apart the largest, so that no peak is lost. */
function BinsChart({ statement }: { statement: StatementWithBins }) {
  const model = useMemo((): TrendModel => {
    const { bins, binMs, period, charge, account } = statement;
    const size = Math.max(1, Math.ceil(bins.in.length / POINTS_MAX));
    const starts = Array.from({ length: Math.ceil(bins.in.length / size) }, (_, index) => index * size);
    const thin = (values: number[]) => starts.map((at) => mbitOf(Math.max(...values.slice(at, at + size))));
    return {
      times: starts.map((at) => period.fromMs + at * binMs),
      lines: [
        { name: 'In', colour: '--series-blue', values: thin(bins.in) },
        { name: 'Out', colour: '--series-amber', values: thin(bins.out) },
      ],
      limits:
        charge.unit === 'GB'
          ? []
          : [
              {
                name: `${account.plan.percentile}th percentile, ${Number(charge.billed).toFixed(2)} Mbit/s`,
                value: Number(charge.billed),
                colour: '--series-indigo',
              },
              {
                name: `Commit, ${account.plan.commit} Mbit/s`,
                value: Number(account.plan.commit),
                colour: '--drop',
              },
            ],
      formatValue: (value) => formatQuantity(value * 1e6, 'b/s'),
    };
  }, [statement]);
  if (model.times.length === 0) {
    return (
      <p className="px-3.5 py-6 text-ink-soft">
        No bin of this period is over yet: the first is after 5 minutes.
      </p>
    );
  }
  const { name } = statement.account;
  return (
    <TrendChart
      label={`Bins of ${name} in ${statement.period.name}, with percentile and commit`}
      model={model}
    />
  );
}

function StatementLinks({ statement, zone }: { statement: Statement; zone: TimeZone }) {
  const { account, period, filters } = statement;
  const path = `billing/accounts/${account.id}/statements/${period.name}`;
  const range = {
    kind: 'fixed',
    from: period.fromMs,
    to: Math.min(period.toMs, Math.max(statement.asOfMs, period.fromMs + 1)),
  } as const;
  return (
    <>
      <Link
        href={pageAddress('/explore', { range, filter: `(${filters.in}) or (${filters.out})`, zone })}
        className={SMALL_BUTTON}
      >
        Its flows
      </Link>
      <a href={apiUrl(`${path}/pdf`, {})} download className={SMALL_BUTTON}>
        PDF
      </a>
      <a href={apiUrl(`${path}/csv`, {})} download className={SMALL_BUTTON}>
        CSV
      </a>
      <a href={apiUrl(`${path}/bins.csv`, {})} download className={SMALL_BUTTON}>
        Bins
      </a>
    </>
  );
}

const LINE_TEXTS = { fee: 'Fee', commit: 'Commit', overage: 'Above the commit' };

function Charges({ statement }: { statement: Statement }) {
  const { charge, corrections, total } = statement;
  const rows = [
    ...charge.lines.map(({ label, quantity, rate, amount }) => ({
      what: LINE_TEXTS[label],
      quantity: label === 'fee' ? '' : `${quantity} ${charge.unit}`,
      rate,
      amount,
    })),
    ...corrections.map(({ period, before, after, amount }) => ({
      what: `Correction of ${period}: ${after} instead of ${before}`,
      quantity: '',
      rate: '',
      amount,
    })),
    { what: 'Total', quantity: '', rate: '', amount: total },
  ];
  return (
    <Panel title="Charges" note={`as of ${formatDateTime(statement.asOfMs).slice(0, 16)}`}>
      <SimpleTable
        label="Charges"
        idOf={({ what }) => what}
        rows={rows}
        columns={[
          { title: 'What', cell: ({ what }) => what },
          { title: 'Quantity', isFigure: true, cell: ({ quantity }) => quantity },
          { title: `Rate (${charge.currency})`, isFigure: true, isMinor: true, cell: ({ rate }) => rate },
          { title: `Amount (${charge.currency})`, isFigure: true, cell: ({ amount }) => amount },
        ]}
      />
    </Panel>
  );
}
