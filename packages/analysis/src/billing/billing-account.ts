/** Who is billed, and which flows are theirs: as filters of our language, one for each direction. */

import { UserError } from '@weir/base';
import { parseNetwork } from '../address.ts';
import { quoteIfNeeded } from '../filter-completion.ts';
import { parseFilter } from '../filter-parser.ts';
import { checkTimeZone } from '../zoned-time.ts';
import { type BillingPlan, chargeOf } from './billing-charge.ts';
import { type BillingCalendar, START_DAY_MAX } from './billing-period.ts';

/**
 * What `in` and `out` are. `networks`: to and from the networks of the account, what stays inside is neither;
 * `interface`: by one interface of one exporter, `in` came in by it; `filters`: as two filters say.
 */
export type BillingDirection =
  | { readonly by: 'networks'; readonly networks: readonly string[] }
  | {
      readonly by: 'interface';
      readonly exporter: string;
      readonly ifIndex: number;
      /** Whether the exporter meters what comes in only, or both what comes in and what goes out. */
      readonly meters: 'ingress' | 'both';
    }
  | { readonly by: 'filters'; readonly in: string; readonly out: string };

export interface BillingAccount {
  readonly id: string;
  readonly name: string;
  /** Only flows that meet it count; empty: all. */
  readonly filter: string;
  readonly direction: BillingDirection;
  readonly plan: BillingPlan;
  readonly calendar: BillingCalendar;
}

/** What flows of one direction are, as a question to the store. */
export interface BillingScope {
  readonly filter: string;
  /**
   * Whether records of packets that another observation point told of are left out. Not for one interface: it is one
   * observation point for each direction, so nothing is told twice, and its records count whoever else told of them.
   */
  readonly deduplicated: boolean;
}

export function billingScopes({ filter, direction }: Pick<BillingAccount, 'filter' | 'direction'>): {
  readonly in: BillingScope;
  readonly out: BillingScope;
} {
  const scope = (condition: string, deduplicated: boolean): BillingScope => ({
    filter: filter.trim() === '' ? condition : `(${filter}) and (${condition})`,
    deduplicated,
  });
  switch (direction.by) {
    case 'networks': {
      const inside = (side: string) => `${side} in (${direction.networks.join(', ')})`;
      return {
        in: scope(`${inside('dstAddr')} and not ${inside('srcAddr')}`, true),
        out: scope(`${inside('srcAddr')} and not ${inside('dstAddr')}`, true),
      };
    }
    case 'interface': {
      const { exporter, ifIndex, meters } = direction;
      const at = `exporter = ${quoteIfNeeded(exporter)}`;
      const egress = meters === 'both' ? 'direction = egress' : 'not direction = egress';
      return {
        in: scope(`${at} and inIf = ${ifIndex} and not direction = egress`, false),
        out: scope(`${at} and outIf = ${ifIndex} and ${egress}`, false),
      };
    }
    case 'filters':
      return { in: scope(direction.in, true), out: scope(direction.out, true) };
  }
}

/**
 * Checks what the shape of an account does not say: filters, networks, amounts, zone. Throws a FilterError or a
 * UserError whose code ends in `_invalid`.
 */
export function checkBillingAccount(account: BillingAccount): void {
  const { direction, calendar, plan } = account;
  if (direction.by === 'networks') {
    if (direction.networks.length === 0) throw invalid('networks: at least one is needed');
    for (const network of direction.networks) {
      if (parseNetwork(network) === undefined) {
        throw invalid(`networks: ${JSON.stringify(network)} is none; 192.0.2.0/24 would be`);
      }
    }
  }
  const scopes = billingScopes(account);
  for (const { filter } of [scopes.in, scopes.out]) parseFilter(filter, { lists: {} });
  checkTimeZone(calendar.timeZone);
  if (calendar.startDay < 1 || calendar.startDay > START_DAY_MAX) {
    throw invalid(
      `startDay is ${calendar.startDay}; 1 to ${START_DAY_MAX} is allowed, so that every month has it`,
    );
  }
  chargeOf({ in: [], out: [] }, plan);
}

function invalid(message: string): UserError {
  return new UserError('billing_account_invalid', message, 2);
}
