/** Usage billing: accounts, their bins and statements, alerts about commits. One component and one topic of the API. */
import { type AlertFinding, type BillingAccount, checkBillingAccount } from '@weir/analysis';
import { type Clock, type Component, type Logger, UserError } from '@weir/base';
import type { AlertBook } from '../alerts/alert-book.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { openBillingFiles } from './billing-files.ts';
import { type BillingCounters, createBillingKeeper, sameFlows } from './billing-keeper.ts';
import {
  type AccountRequest,
  accountRequestSchema,
  type PeriodBins,
  type Statement,
} from './billing-schema.ts';
import { pastBins, statementOf } from './statement.ts';

/** A percentile moves slowly: the same alert twelve times an hour says nothing more. */
const WARN_EVERY_MS = 3_600_000;
/** Each is a scan of what arrives, every five minutes. */
const ACCOUNTS_MAX = 100;

export interface Billing extends Component {
  accounts(): readonly BillingAccount[];
  /** By id or by name. Throws UserError `billing_account_unknown`. */
  account(idOrName: string): BillingAccount;
  /** Throws a UserError (`…_invalid`, `…_conflict`) or a FilterError. */
  create(request: unknown): Promise<BillingAccount>;
  change(id: string, request: unknown): Promise<BillingAccount>;
  remove(id: string): Promise<void>;
  /** The current period's when none is named; throws UserError `billing_period_unknown`. */
  statement(id: string, period?: string): { statement: Statement; bins: ReturnType<typeof pastBins> };
  periods(id: string): string[];
  reread(id: string, period: string): Promise<void>;
  /** Resolves when all that arrived until now is counted. */
  catchUp(): Promise<void>;
  counters(): Readonly<BillingCounters>;
}

export interface BillingOptions {
  readonly queue: AnalysisQueue;
  readonly dataDirectory: string;
  readonly alerts?: AlertBook;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createBilling({ queue, dataDirectory, alerts, clock, logger }: BillingOptions): Billing {
  const files = openBillingFiles(dataDirectory, logger);
  const keeper = createBillingKeeper({ files, queue, clock, logger });
  let warnedMs = Number.NEGATIVE_INFINITY;
  if (alerts !== undefined) keeper.onUpToDate(() => warn(alerts));

  function account(idOrName: string): BillingAccount {
    const wanted = idOrName.toLowerCase();
    const all = files.accounts.read();
    const found =
      all.find(({ id }) => id === wanted) ?? all.find(({ name }) => name.toLowerCase() === wanted);
    if (found !== undefined) return found;
    throw new UserError(
      'billing_account_unknown',
      `there is no account ${JSON.stringify(idOrName.slice(0, 80))}`,
    );
  }

  function checked(request: unknown, id: string): BillingAccount {
    const parsed: AccountRequest = accountRequestSchema.parse(request);
    const next: BillingAccount = { ...parsed, id };
    checkBillingAccount(next);
    const same = files.accounts.read().find((each) => each.name.toLowerCase() === next.name.toLowerCase());
    if (same !== undefined && same.id !== id) {
      throw new UserError('billing_account_conflict', `there is an account ${same.name} already`);
    }
    return next;
  }

  function periodsOf(id: string): PeriodBins[] {
    return files
      .periodsOf(id)
      .map((name) => files.read(id, name))
      .filter((bins) => bins !== undefined);
  }

  function statement(id: string, period?: string) {
    const found = account(id);
    const all = periodsOf(found.id);
    const bins = period === undefined ? all[0] : all.find((each) => each.period === period);
    if (bins === undefined) {
      const known = all.map((each) => each.period).join(', ') || 'none yet: the first is read within minutes';
      const which = period === undefined ? 'no period' : `no period ${JSON.stringify(period.slice(0, 20))}`;
      throw new UserError('billing_period_unknown', `${found.name} has ${which}; there are: ${known}`);
    }
    const nowMs = clock.nowMs();
    const others = all.filter((each) => each.period !== bins.period);
    return { statement: statementOf({ account: found, bins, others, nowMs }), bins: pastBins(bins, nowMs) };
  }

  function warn(book: AlertBook): void {
    if (clock.nowMs() - warnedMs < WARN_EVERY_MS) return;
    warnedMs = clock.nowMs();
    for (const { id } of files.accounts.read()) {
      if (files.periodsOf(id).length === 0) continue;
      const current = statement(id).statement;
      if (current.distance === null || current.distance.state === 'within' || current.state !== 'running')
        continue;
      if (Number(current.account.plan.commit) > 0)
        book.raise(findingOf(current, current.distance, clock.nowMs()));
    }
  }

  return {
    accounts: () => files.accounts.read(),
    account,
    async create(request) {
      const all = files.accounts.read();
      if (all.length >= ACCOUNTS_MAX) {
        throw new UserError(
          'billing_account_conflict',
          `there are ${ACCOUNTS_MAX} accounts, which is the limit`,
        );
      }
      const { name } = accountRequestSchema.parse(request);
      const created = checked(request, freeId(name, new Set(all.map(({ id }) => id))));
      await files.accounts.write([...all, created]);
      keeper.restart(created);
      return created;
    },
    async change(id, request) {
      const before = account(id);
      const next = checked(request, before.id);
      refuseOtherPeriods(before, next, periodsOf(before.id));
      await files.accounts.write(files.accounts.read().map((each) => (each.id === before.id ? next : each)));
      if (!sameFlows(before, next)) keeper.restart(next);
      return next;
    },
    async remove(id) {
      const gone = account(id);
      await files.accounts.write(files.accounts.read().filter((each) => each.id !== gone.id));
      keeper.forget(gone);
    },
    statement,
    periods: (id) => files.periodsOf(account(id).id),
    reread: (id, period) => keeper.reread(account(id), period),
    catchUp: () => keeper.catchUp(),
    counters: keeper.counters,
    start: () => keeper.start(),
    stop: () => keeper.stop(),
  };
}

/** Periods that were billed have their days; others would overlap with them. */
function refuseOtherPeriods(before: BillingAccount, next: BillingAccount, bins: readonly PeriodBins[]): void {
  const same = JSON.stringify(before.calendar) === JSON.stringify(next.calendar);
  if (same || bins.length === 0) return;
  const what = 'start day and time zone stay as they are once bins are kept: make another account';
  throw new UserError('billing_account_conflict', `${before.name}: ${what}`);
}

/** `acme-gmbh`, or with a number behind it when that is taken. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const base = plain === '' ? 'unnamed' : plain.slice(0, 34).replace(/-+$/, '');
  for (let number = 1; ; number++) {
    const id = number === 1 ? base : `${base}-${number}`;
    if (!taken.has(id)) return id;
  }
}

type Distance = NonNullable<Statement['distance']>;

function findingOf(statement: Statement, distance: Distance, nowMs: number): AlertFinding {
  const { account, period, charge, filters } = statement;
  const isExceeded = distance.state === 'exceeded';
  const what = charge.unit === 'GB' ? 'volume' : `${account.plan.percentile}th percentile`;
  const [soFar, expected] = [distance.soFar.toFixed(2), distance.expected.toFixed(2)];
  return {
    detection: 'billing-commit',
    title: `${account.name}: the commit of ${distance.commit} ${charge.unit} ${isExceeded ? 'is exceeded' : 'will be exceeded'} in ${period.name}`,
    subject: { kind: 'account', value: account.name },
    score: isExceeded ? 0.7 : 0.5,
    firstSeen: new Date(period.fromMs).toISOString(),
    lastSeen: new Date(nowMs).toISOString(),
    evidence: {
      formula: isExceeded ? 'atLeast > commit' : 'expected > commit',
      numbers: [
        {
          name: 'soFar',
          value: distance.soFar,
          unit: charge.unit,
          threshold: distance.commit,
          meaning: `the ${what} of the bins until now`,
        },
        {
          name: 'atLeast',
          value: distance.atLeast,
          unit: charge.unit,
          threshold: distance.commit,
          meaning: 'when nothing more is used',
        },
        {
          name: 'expected',
          value: distance.expected,
          unit: charge.unit,
          threshold: distance.commit,
          meaning: 'when the rest is as until now',
        },
      ],
      filter: `(${filters.in}) or (${filters.out})`,
      from: new Date(period.fromMs).toISOString(),
      to: new Date(nowMs).toISOString(),
    },
    explanation: isExceeded
      ? `The ${what} of ${account.name} is ${soFar} ${charge.unit}, above the commit of ${distance.commit}, and nothing that comes can lower it. What is above is billed as overage.`
      : `If the rest of the period is as what is past of it, the ${what} of ${account.name} will be ${expected} ${charge.unit}, above the commit of ${distance.commit}.`,
  };
}
