/** An account while it is edited: all fields as text, and what the API takes of them. */
import { type BillingAccount, type BillingDirection, checkBillingAccount, FilterError } from '@weir/analysis';

export interface AccountDraft {
  name: string;
  filter: string;
  by: BillingDirection['by'];
  networks: string;
  exporter: string;
  ifIndex: string;
  meters: 'ingress' | 'both';
  inFilter: string;
  outFilter: string;
  kind: BillingAccount['plan']['kind'];
  measure: BillingAccount['plan']['measure'];
  percentile: string;
  convention: BillingAccount['plan']['convention'];
  currency: string;
  commit: string;
  rate: string;
  overageRate: string;
  fee: string;
  startDay: string;
  timeZone: string;
}

export const NEW_ACCOUNT: AccountDraft = {
  name: '',
  filter: '',
  by: 'networks',
  networks: '',
  exporter: '',
  ifIndex: '',
  meters: 'ingress',
  inFilter: '',
  outFilter: '',
  kind: 'percentile',
  measure: 'greater',
  percentile: '95',
  convention: 'nearest-rank',
  currency: 'EUR',
  commit: '0',
  rate: '0',
  overageRate: '',
  fee: '0',
  startDay: '1',
  timeZone: 'UTC',
};

export function draftOf({ name, filter, direction, plan, calendar }: BillingAccount): AccountDraft {
  return {
    ...NEW_ACCOUNT,
    name,
    filter,
    by: direction.by,
    ...(direction.by === 'networks' ? { networks: direction.networks.join('\n') } : {}),
    ...(direction.by === 'interface' ? { ...direction, ifIndex: String(direction.ifIndex) } : {}),
    ...(direction.by === 'filters' ? { inFilter: direction.in, outFilter: direction.out } : {}),
    ...plan,
    percentile: String(plan.percentile),
    overageRate: plan.overageRate ?? '',
    startDay: String(calendar.startDay),
    timeZone: calendar.timeZone,
  };
}

/** What the API takes; numbers that are none go as NaN, for the check to name them. */
export function accountOf(draft: AccountDraft): Omit<BillingAccount, 'id'> {
  const { name, filter, kind, measure, convention, currency, commit, rate, overageRate, fee } = draft;
  return {
    name: name.trim(),
    filter: filter.trim(),
    direction: directionOf(draft),
    plan: {
      kind,
      measure,
      percentile: Number(draft.percentile),
      convention,
      currency: currency.trim().toUpperCase(),
      commit: commit.trim(),
      rate: rate.trim(),
      ...(overageRate.trim() === '' ? {} : { overageRate: overageRate.trim() }),
      fee: fee.trim(),
    },
    calendar: { startDay: Number(draft.startDay), timeZone: draft.timeZone.trim() },
  };
}

function directionOf(draft: AccountDraft): BillingDirection {
  switch (draft.by) {
    case 'networks':
      return { by: 'networks', networks: draft.networks.split(/[\s,]+/).filter((each) => each !== '') };
    case 'interface': {
      const { exporter, ifIndex, meters } = draft;
      return { by: 'interface', exporter: exporter.trim(), ifIndex: Number(ifIndex), meters };
    }
    case 'filters':
      return { by: 'filters', in: draft.inFilter.trim(), out: draft.outFilter.trim() };
  }
}

/** Why it cannot be saved, in a sentence; undefined when it can. The server asks the same. */
export function problemOf(draft: AccountDraft): string | undefined {
  if (draft.name.trim() === '') return 'It needs a name.';
  if (draft.by === 'interface' && !/^\d{1,10}$/.test(draft.ifIndex))
    return 'The interface needs its ifIndex.';
  if (draft.by === 'interface' && draft.exporter.trim() === '') return 'The interface needs its exporter.';
  const { percentile } = accountOf(draft).plan;
  if (!Number.isInteger(percentile) || percentile < 50 || percentile > 99)
    return 'The percentile is 50 to 99.';
  try {
    checkBillingAccount({ ...accountOf(draft), id: 'draft' });
    return undefined;
  } catch (error) {
    if (error instanceof FilterError) return `A filter cannot be read: ${error.message}.`;
    return error instanceof Error ? `${error.message}.` : String(error);
  }
}
