/**
 * Keeps the bins of all accounts: follows what arrives, reads from the records what an account needs that is new or was
 * changed, and closes periods. All questions go through the queue of the analyses, a day of one account at a time.
 */
import {
  addAmounts,
  amountDifference,
  BIN_MS,
  type BillingAccount,
  type BillingPeriod,
  billingScopes,
  chargeOf,
  periodAt,
  periodBefore,
} from '@weir/analysis';
import { type Clock, type Component, type Logger, UserError } from '@weir/base';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import { createClockedWork } from '../analyses/clocked-work.ts';
import type { BillingFiles } from './billing-files.ts';
import type { Correction, PeriodBins } from './billing-schema.ts';
import { firstLateStart, readBins, recordsSince } from './bin-reader.ts';
import { addSums, BIN_OPEN_MS, binStart, emptyPeriod, openEnd, partOf } from './period-ledger.ts';

const TICK_MS = 300_000;
/** Records that were received are in the store by then, whatever was busy. */
const ARRIVAL_LAG_MS = 60_000;
const LATE_EVERY_MS = 3_600_000;
/** A statement is final so long after its period ended; what comes later is a correction on the next one. */
export const CLOSE_AFTER_MS = 48 * 3_600_000;
/** Periods before the current one that late records may still correct. */
const PERIODS_FOLLOWED = 2;
/** What is read at once from the records: a day of one account, less where that takes longer than the queue allows. */
const REBUILD_MS = 86_400_000;
const REBUILD_MIN_MS = 3_600_000;

export interface BillingCounters {
  ticks: number;
  failures: number;
  recordsCounted: number;
  lateRecords: number;
  daysRead: number;
  periodsClosed: number;
}

export interface BillingKeeper extends Component {
  /** Brings all accounts up to date; resolves when they are. Rejects when the store does not answer. */
  catchUp(): Promise<void>;
  /** Reads an account anew, whose flows are others now; closed periods stay as they were billed. */
  restart(account: BillingAccount): void;
  /** Removes the bins of an account that is no more. */
  forget(account: BillingAccount): void;
  /** Reads the bins of a period again from the records, where those are still there. Throws UserError. */
  reread(account: BillingAccount, period: string): Promise<void>;
  /** Called after each time that accounts are up to date. */
  onUpToDate(listener: () => void): void;
  counters(): Readonly<BillingCounters>;
}

export interface BillingKeeperOptions {
  readonly files: BillingFiles;
  readonly queue: AnalysisQueue;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createBillingKeeper({ files, queue, clock, logger }: BillingKeeperOptions): BillingKeeper {
  const counters: BillingCounters = {
    ticks: 0,
    failures: 0,
    recordsCounted: 0,
    lateRecords: 0,
    daysRead: 0,
    periodsClosed: 0,
  };
  const listeners: (() => void)[] = [];
  const turns = createClockedWork(clock, TICK_MS, tick);
  let rebuildMs = REBUILD_MS;

  const arrivedMs = (): number => clock.nowMs() - ARRIVAL_LAG_MS;
  const ask = <T>(work: Parameters<typeof queue.run<T>>[1]): Promise<T> =>
    queue.run('billing', work, turns.signal);

  /** The current period and those before it that are followed, oldest first; new ones are created. */
  async function followed(account: BillingAccount): Promise<PeriodBins[]> {
    const isNew = files.periodsOf(account.id).length === 0;
    const sinceMs = isNew ? ((await ask(recordsSince)) ?? Number.POSITIVE_INFINITY) : 0;
    const found: PeriodBins[] = [];
    let period = periodAt(arrivedMs(), account.calendar);
    for (let back = 0; back <= PERIODS_FOLLOWED; back++) {
      const known = files.read(account.id, period.name);
      if (known !== undefined) found.unshift(known);
      else if (back === 0 || (isNew && sinceMs < period.toMs)) found.unshift(unread(period));
      period = periodBefore(period, account.calendar);
    }
    return found.filter(({ closed }) => closed?.frozen !== true);
  }

  const unread = (period: BillingPeriod): PeriodBins => ({
    ...emptyPeriod(period, arrivedMs()),
    pendingFromMs: period.fromMs,
  });

  /** Reads the days that are still to be read, each written when it is done. */
  async function readPending(account: BillingAccount, start: PeriodBins): Promise<PeriodBins> {
    const { pendingFromMs, throughMs } = start;
    if (pendingFromMs === null) return start;
    const endMs = Math.min(start.toMs, openEnd(throughMs));
    const sinceMs = (await ask(recordsSince)) ?? endMs;
    const firstMs = Math.min(endMs, Math.max(pendingFromMs, binStart(sinceMs + BIN_MS - 1)));
    let bins = { ...start, observedFromMs: firstMs > pendingFromMs ? firstMs : start.observedFromMs };
    for (let fromMs = firstMs; fromMs < endMs; fromMs += rebuildMs) {
      const range = { fromMs, toMs: Math.min(fromMs + rebuildMs, endMs) };
      const sums = await ask((store) => readBins(store, account, range, { fromMs: 0, toMs: throughMs }));
      bins = { ...addSums(bins, fromMs, sums, false), pendingFromMs: range.toMs };
      counters.daysRead += 1;
      counters.recordsCounted += sums.records;
      await files.write(account.id, bins);
    }
    return { ...bins, pendingFromMs: null };
  }

  /** Counts what arrived since for flows that are not settled. */
  async function addRecent(account: BillingAccount, bins: PeriodBins, toMs: number): Promise<PeriodBins> {
    const received = { fromMs: bins.throughMs, toMs };
    const range = partOf(bins, { fromMs: bins.splitMs, toMs: openEnd(toMs) });
    if (range === undefined || received.fromMs >= toMs)
      return { ...bins, throughMs: Math.max(toMs, bins.throughMs) };
    const sums = await ask((store) => readBins(store, account, range, received));
    counters.recordsCounted += sums.records;
    return { ...addSums(bins, range.fromMs, sums, false), throughMs: toMs };
  }

  /** Counts what arrived since for flows whose bins were settled; those that are over their time settle now. */
  async function addLate(
    account: BillingAccount,
    bins: PeriodBins,
    firstMs: number | undefined,
  ): Promise<PeriodBins> {
    const received = { fromMs: bins.lateThroughMs, toMs: bins.throughMs };
    const settled = {
      ...bins,
      lateThroughMs: bins.throughMs,
      splitMs: binStart(bins.throughMs - BIN_OPEN_MS),
    };
    const range =
      firstMs === undefined ? undefined : partOf(bins, { fromMs: binStart(firstMs), toMs: bins.splitMs });
    if (range === undefined) return settled;
    let sum: PeriodBins = settled;
    for (let fromMs = range.fromMs; fromMs < range.toMs; fromMs += REBUILD_MS) {
      const part = { fromMs, toMs: Math.min(fromMs + REBUILD_MS, range.toMs) };
      const sums = await ask((store) => readBins(store, account, part, received));
      counters.lateRecords += sums.records;
      sum = addSums(sum, part.fromMs, sums, true);
    }
    return sum;
  }

  async function lateStart(bins: PeriodBins, horizonMs: number): Promise<number | undefined> {
    const received = { fromMs: bins.lateThroughMs, toMs: bins.throughMs };
    return ask((store) => firstLateStart(store, received, bins.splitMs, horizonMs));
  }

  /** Final from now on: its charge, and the corrections of periods before that it bills. */
  async function close(
    account: BillingAccount,
    bins: PeriodBins,
    before: readonly PeriodBins[],
  ): Promise<PeriodBins> {
    const charge = chargeOf(bins, account.plan);
    const corrections: Correction[] = [];
    for (const earlier of before) {
      const correction = correctionOf(earlier);
      if (correction === undefined || earlier.closed === null) continue;
      corrections.push(correction);
      await files.write(account.id, {
        ...earlier,
        closed: { ...earlier.closed, billedTotal: correction.after },
      });
    }
    counters.periodsClosed += 1;
    const { plan } = account;
    const closed = {
      atMs: clock.nowMs(),
      plan,
      charge,
      corrections,
      billedTotal: charge.total,
      frozen: false,
    };
    return { ...bins, closed };
  }

  async function update(account: BillingAccount, late: Map<string, number | undefined>): Promise<void> {
    const toMs = arrivedMs();
    const done: PeriodBins[] = [];
    for (const found of await followed(account)) {
      const read = await readPending(account, found);
      let bins = await addRecent(account, read, toMs);
      if (bins.throughMs - bins.lateThroughMs >= LATE_EVERY_MS) {
        // Accounts that were followed together ask the same: one look for all of them.
        const key = `${bins.lateThroughMs} ${bins.throughMs} ${bins.splitMs}`;
        const horizonMs = done[0]?.fromMs ?? bins.fromMs;
        if (!late.has(key)) late.set(key, await lateStart(bins, horizonMs));
        bins = await addLate(account, bins, late.get(key));
      }
      if (bins.closed === null && clock.nowMs() >= bins.toMs + CLOSE_AFTER_MS) {
        bins = await close(account, bins, done);
      }
      if (hasNews(found, bins)) await files.write(account.id, bins);
      done.push(bins);
    }
  }

  async function updateAll(): Promise<void> {
    const late = new Map<string, number | undefined>();
    for (const account of files.accounts.read()) await update(account, late);
    for (const listener of listeners) listener();
  }

  function unattended(work: () => Promise<void> | void): void {
    turns.inTurn(work).catch((error: unknown) => {
      counters.failures += 1;
      const isTooMuch = error instanceof UserError && error.code === 'analysis_timeout';
      if (isTooMuch) rebuildMs = Math.max(REBUILD_MIN_MS, rebuildMs / 4);
      if (!turns.signal.aborted) logger.warn(`the bins of accounts are not up to date: ${String(error)}`);
    });
  }

  function tick(): void {
    counters.ticks += 1;
    unattended(updateAll);
  }

  /** What is billed stays billed; it is not held against other flows. */
  async function reset(account: BillingAccount): Promise<void> {
    for (const name of files.periodsOf(account.id)) {
      const bins = files.read(account.id, name);
      if (bins?.closed === undefined) continue;
      const next =
        bins.closed === null
          ? unread({ ...bins, name })
          : { ...bins, closed: { ...bins.closed, frozen: true } };
      await files.write(account.id, next);
    }
  }

  return {
    catchUp: () => turns.inTurn(updateAll),
    restart(account) {
      unattended(() => reset(account));
      tick();
    },
    forget: ({ id }) => unattended(() => files.remove(id)),
    async reread(account, name) {
      const known = files.read(account.id, name);
      if (known === undefined) {
        throw new UserError('billing_period_unknown', `${account.name} has no bins of ${name}`);
      }
      const since = await ask(recordsSince);
      if (since === undefined || since > known.fromMs) {
        const kept =
          since === undefined ? 'no records' : `records since ${new Date(since).toISOString()} only`;
        throw new UserError(
          'billing_records_conflict',
          `${name} cannot be read again: the store has ${kept}`,
        );
      }
      unattended(() => files.write(account.id, { ...unread({ ...known, name }), closed: known.closed }));
      tick();
    },
    onUpToDate: (listener) => void listeners.push(listener),
    counters: () => counters,
    start: turns.start,
    stop: turns.stop,
  };
}

/** What a closed period would cost now, if that differs from what was billed for it. */
export function correctionOf(bins: PeriodBins): Correction | undefined {
  if (bins.closed === null || bins.closed.frozen) return undefined;
  const after = chargeOf(bins, bins.closed.plan).total;
  const amount = amountDifference(after, bins.closed.billedTotal);
  if (/^-?0(\.0+)?$/.test(amount)) return undefined;
  return { period: bins.period, before: bins.closed.billedTotal, after, amount };
}

/** Times alone need not be written: nothing was counted, and counting it again is nothing again. */
function hasNews(before: PeriodBins, after: PeriodBins): boolean {
  return (
    after.in !== before.in ||
    after.closed !== before.closed ||
    after.pendingFromMs !== before.pendingFromMs ||
    after.lateThroughMs !== before.lateThroughMs
  );
}

/** Whether two accounts count the same flows, so that bins of one hold for the other. */
export function sameFlows(one: BillingAccount, other: BillingAccount): boolean {
  return JSON.stringify(billingScopes(one)) === JSON.stringify(billingScopes(other));
}

export const totalWith = (total: string, corrections: readonly Correction[]): string =>
  addAmounts([total, ...corrections.map(({ amount }) => amount)]);
