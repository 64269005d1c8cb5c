/** Accounts and bins in `billing/` of the data folder: `accounts.json`, `bins/ACCOUNT/PERIOD.json`. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { BillingAccount } from '@weir/analysis';
import { createStateFile, type Logger, type StateFile } from '@weir/base';
import { accountsStateSchema, type PeriodBins, periodBinsSchema } from './billing-schema.ts';

/** Ten years of months; 200 KB each. */
const PERIODS_MAX = 120;
/** Files that are open in memory: those that are followed, and what people look at. */
const CACHED_MAX = 256;

export interface BillingFiles {
  readonly accounts: StateFile<readonly BillingAccount[]>;
  /** Names of periods, newest first. */
  periodsOf(accountId: string): string[];
  read(accountId: string, period: string): PeriodBins | undefined;
  write(accountId: string, bins: PeriodBins): Promise<void>;
  /** Forgets all bins of an account. */
  remove(accountId: string): void;
}

export function openBillingFiles(dataDirectory: string, logger: Logger): BillingFiles {
  const folder = path.join(dataDirectory, 'billing');
  const open = new Map<string, StateFile<PeriodBins | null>>();
  const stored = createStateFile<{ version: 1; accounts: readonly BillingAccount[] }>({
    path: path.join(folder, 'accounts.json'),
    initial: { version: 1, accounts: [] },
    parse: (value) => accountsStateSchema.parse(value),
    logger,
  });

  function fileOf(accountId: string, period: string): StateFile<PeriodBins | null> {
    const key = `${accountId}/${period}`;
    const known = open.get(key);
    if (known !== undefined) return known;
    const file = createStateFile<PeriodBins | null>({
      path: path.join(folder, 'bins', accountId, `${period}.json`),
      initial: null,
      parse: (value) => periodBinsSchema.parse(value),
      logger,
    });
    open.set(key, file);
    const oldest = open.keys().next().value;
    if (open.size > CACHED_MAX && oldest !== undefined) open.delete(oldest);
    return file;
  }

  function periodsOf(accountId: string): string[] {
    const place = path.join(folder, 'bins', accountId);
    if (!existsSync(place)) return [];
    const names = readdirSync(place).map((name) => /^(\d{4}-\d{2})\.json$/.exec(name)?.[1]);
    return names.filter((name) => name !== undefined).sort((a, b) => b.localeCompare(a));
  }

  return {
    accounts: {
      read: () => stored.read().accounts,
      write: (accounts) => stored.write({ version: 1, accounts }),
    },
    periodsOf,
    read: (accountId, period) => fileOf(accountId, period).read() ?? undefined,
    async write(accountId, bins) {
      await fileOf(accountId, bins.period).write(bins);
      for (const period of periodsOf(accountId).slice(PERIODS_MAX)) {
        open.delete(`${accountId}/${period}`);
        rmSync(path.join(folder, 'bins', accountId, `${period}.json`), { force: true });
      }
    },
    remove(accountId) {
      for (const key of open.keys()) if (key.startsWith(`${accountId}/`)) open.delete(key);
      rmSync(path.join(folder, 'bins', accountId), { recursive: true, force: true });
    },
  };
}
