import { useApi, useFollowedApi } from '../api/use-api.ts';
import { useChange } from '../api/use-change.ts';
import { AccountForm } from '../billing/account-form.tsx';
import type { AccountsResponse, Statement, StatementWithBins } from '../billing/billing-contract.ts';
import { StatementPanel } from '../billing/statement-panel.tsx';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 30_000;

/** The account and period that are shown, and whether one is edited. */
const BILLING_VIEW: ViewCodec<{ account: string; period: string; edit: string }> = {
  parse: (parameters) => ({
    account: parameters.get('account') ?? '',
    period: parameters.get('period') ?? 'current',
    edit: parameters.get('edit') ?? '',
  }),
  write: ({ account, period, edit }, parameters) => {
    if (account !== '') parameters.set('account', account);
    if (period !== 'current') parameters.set('period', period);
    if (edit !== '') parameters.set('edit', edit);
  },
};

/** Who is billed what: accounts, their bins against percentile and commit, statements. */
export function BillingPage() {
  const [view, change] = useViewState(BILLING_VIEW);
  const answer = useFollowedApi<AccountsResponse>(['billing/accounts', {}], EVERY_MS);
  const accounts = answer.data?.accounts ?? [];
  const chosen = accounts.find(({ account }) => account.id === view.account) ?? accounts[0];
  const statement = useApi<StatementWithBins>(
    [`billing/accounts/${chosen?.account.id}/statements/${view.period}`, {}],
    { enabled: chosen !== undefined && chosen.statement !== null, everyMs: EVERY_MS },
  );
  const remove = useChange('billing');
  if (view.edit === 'new' || (view.edit === 'change' && chosen !== undefined)) {
    const account = view.edit === 'new' ? undefined : chosen?.account;
    return (
      <div className="mx-auto max-w-3xl">
        <AccountForm
          key={account?.id ?? 'new'}
          account={account}
          onDone={(id) => change({ edit: '', account: id ?? '', period: 'current' })}
        />
      </div>
    );
  }
  const add = (
    <button type="button" className={PRIMARY_BUTTON} onClick={() => change({ edit: 'new' })}>
      Add account
    </button>
  );
  if (answer.data !== undefined && chosen === undefined) return <NoAccounts add={add} />;
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {remove.error !== null && <ProblemNote problem={remove.error} />}
      <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-[18rem_minmax(0,1fr)]">
        <Panel title="Accounts" note={String(accounts.length)} controls={add}>
          <ul aria-label="Accounts" className="divide-y divide-line">
            {accounts.map(({ account, statement: current }) => (
              <li key={account.id}>
                <RowButton
                  open={account.id === chosen?.account.id}
                  onOpen={() => change({ account: account.id, period: 'current' })}
                >
                  <span className="block truncate font-semibold">{account.name}</span>
                  <span className="figures block text-ink-soft text-xs">{summaryText(current)}</span>
                </RowButton>
              </li>
            ))}
          </ul>
        </Panel>
        {chosen !== undefined && (
          <div className="min-w-0 space-y-3">
            <div className="flex flex-wrap items-center gap-2">
              <h2 className="min-w-0 truncate font-semibold text-base">{chosen.account.name}</h2>
              <span className="text-ink-soft text-xs">
                {statement.data?.period.name} ({chosen.account.calendar.timeZone})
              </span>
              <span className="ml-auto flex gap-2">
                {view.period !== 'current' && (
                  <button
                    type="button"
                    className={SMALL_BUTTON}
                    onClick={() => change({ period: 'current' })}
                  >
                    Current period
                  </button>
                )}
                <button type="button" className={SMALL_BUTTON} onClick={() => change({ edit: 'change' })}>
                  Change
                </button>
                <button
                  type="button"
                  className={SMALL_BUTTON}
                  onClick={() => {
                    const { id, name } = chosen.account;
                    if (!window.confirm(`Remove ${name} with all its bins and statements?`)) return;
                    remove.mutate({ method: 'DELETE', path: `billing/accounts/${id}` });
                    change({ account: '', period: 'current' });
                  }}
                >
                  Remove
                </button>
              </span>
            </div>
            {statement.error !== null && <ProblemNote problem={statement.error} />}
            {chosen.statement === null && (
              <p
                className="rounded-lg border border-line bg-surface px-3.5 py-4 text-ink-soft"
                data-testid="empty-state"
              >
                The bins of this account are being read from the records, a day at a time. The first appear
                within minutes.
              </p>
            )}
            {statement.data !== undefined && chosen.statement !== null && (
              <StatementPanel
                statement={statement.data}
                zone={view.zone}
                onPeriod={(period) => change({ period })}
              />
            )}
          </div>
        )}
      </div>
    </div>
  );
}

function summaryText(statement: Statement | null): string {
  if (statement === null) return 'being read';
  const { charge, total, distance } = statement;
  const warning =
    distance?.state === 'exceeded'
      ? ' · commit exceeded'
      : distance?.state === 'expected'
        ? ' · will exceed'
        : '';
  return `${Number(charge.billed).toFixed(2)} ${charge.unit} · ${total} ${charge.currency}${warning}`;
}

function NoAccounts({ add }: { add: React.ReactNode }) {
  return (
    <div className="mx-auto max-w-2xl space-y-3 px-6 py-10" data-testid="empty-state">
      <h2 className="font-semibold text-base">Nobody is billed yet.</h2>
      <p className="text-ink-soft">
        An account says whose flows count, by networks, by an interface or by filters, and what they cost: by
        the 95th percentile of 5-minute bins, by volume, or flat. Its bins are kept for years, also when the
        records are gone.
      </p>
      {add}
    </div>
  );
}
