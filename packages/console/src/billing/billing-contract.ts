/** What `/billing` answers, as far as the page shows it. */
import type { BillingAccount, Charge, CommitDistance } from '@weir/analysis';

export interface Correction {
  period: string;
  before: string;
  after: string;
  amount: string;
}

export interface Statement {
  account: BillingAccount;
  period: { name: string; fromMs: number; toMs: number };
  state: 'reading' | 'running' | 'closing' | 'closed';
  asOfMs: number;
  binsAll: number;
  binsPast: number;
  zeroBins: number;
  discarded: number;
  percentileMbit: { in: number; out: number; merged: number };
  volumeGb: { in: number; out: number };
  charge: Charge;
  corrections: Correction[];
  total: string;
  distance: (Omit<CommitDistance, 'mayUseMbit'> & { mayUseMbit: number | null }) | null;
  lateRecords: number;
  notes: string[];
  previous: { period: string; billed: string; unit: string; total: string; state: string }[];
  filters: { in: string; out: string };
}

export interface StatementWithBins extends Statement {
  binMs: number;
  bins: { in: number[]; out: number[] };
}

export interface AccountsResponse {
  accounts: { account: BillingAccount; statement: Statement | null }[];
}
