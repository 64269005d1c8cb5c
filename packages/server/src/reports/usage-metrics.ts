/** Billing, capacity and reports as Prometheus metrics. */
import { createMetricsRegistry, type MetricsSnapshot } from '@weir/base';
import type { Billing } from '../billing/billing.ts';
import type { Capacity } from '../capacity/capacity.ts';
import type { ReportDesk } from './reports.ts';

interface Sources {
  readonly billing: Pick<Billing, 'counters'>;
  readonly capacity: Pick<Capacity, 'counters'>;
  readonly reports: Pick<ReportDesk, 'counters'>;
}

interface UsageMetric {
  readonly name: string;
  readonly help: string;
  readonly read: (sources: Sources) => object;
}

/** The same list makes the reference page. */
export const USAGE_METRICS: readonly UsageMetric[] = [
  {
    name: 'weir_billing_total',
    help: 'What was done for accounts: looks, records counted, late ones, days read, periods closed, failures.',
    read: ({ billing }) => billing.counters(),
  },
  {
    name: 'weir_capacity_total',
    help: 'Hours that were added to histories, failures, and interfaces that were turned away.',
    read: ({ capacity }) => capacity.counters(),
  },
  {
    name: 'weir_reports_total',
    help: 'Reports that were made, made up, sent, and what failed.',
    read: ({ reports }) => reports.counters(),
  },
];

/** A function that reads them all. */
export function createUsageMetrics(sources: Sources): () => Promise<MetricsSnapshot> {
  const registry = createMetricsRegistry();
  for (const { name, help, read } of USAGE_METRICS) {
    registry.counter({ name, help, labelNames: ['what'] }, () =>
      Object.entries(read(sources)).map(([what, value]) => ({ labels: { what }, value: Number(value) })),
    );
  }
  return () => registry.snapshot();
}
