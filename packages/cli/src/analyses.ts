/** The analyses of a collector device: each is a topic of the API, and a component that works by the clock. */
import path from 'node:path';
import type { Clock, Lifecycle, Logger, MetricsSnapshot } from '@weir/base';
import {
  type AnalysisQueue,
  type ApiTopic,
  createAlerting,
  createAnalysisQueue,
  createBilling,
  createBillingTopic,
  createCapacity,
  createCapacityTopic,
  createListFolder,
  createPerformanceTopic,
  createPolicyAnalysis,
  createPolicyTopic,
  createProfileKeeper,
  createProfileTopic,
  createReportDesk,
  createReportTopic,
  createSubjectTopic,
  createUsageMetrics,
} from '@weir/server';
import type { FlowStore } from '@weir/storage';

export interface AnalysesOptions {
  readonly store: FlowStore;
  /** Each analysis keeps its definitions and results in a folder of its name here. */
  readonly dataDirectory: string;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Analyses {
  readonly topics: readonly ApiTopic[];
  readonly queue: AnalysisQueue;
  readonly metrics: () => Promise<MetricsSnapshot[]>;
}

/** Creates the analyses and adds them to the lifecycle. */
export function createAnalyses({
  store,
  dataDirectory,
  lifecycle,
  clock,
  logger,
}: AnalysesOptions): Analyses {
  const queue = createAnalysisQueue({ store, clock, logger });
  const alerting = createAlerting({
    dataDirectory,
    queue,
    lifecycle,
    firstRecordMs: async () => (await store.coverage()).raw?.fromMs,
    clock,
    logger,
  });
  const { alerts } = alerting;
  const billing = lifecycle.add('billing', createBilling({ queue, dataDirectory, alerts, clock, logger }));
  const capacity = lifecycle.add('capacity', createCapacity({ queue, dataDirectory, alerts, clock, logger }));
  const policy = lifecycle.add(
    'policy',
    createPolicyAnalysis({ queue, alerts, dataDirectory, clock, logger }),
  );
  const { mailer } = alerting;
  const reports = lifecycle.add(
    'reports',
    createReportDesk({ queue, alerts, billing, capacity, policy, mailer, dataDirectory, clock, logger }),
  );
  const usageMetrics = createUsageMetrics({ billing, capacity, reports });
  const keeper = lifecycle.add(
    'profile',
    createProfileKeeper({ queue, alerts, dataDirectory, clock, logger }),
  );
  const readList = createListFolder(path.join(dataDirectory, 'lists')).read;
  const profiled = { queue, keeper, alerts, readList, nowMs: () => clock.nowMs() };
  return {
    topics: [
      ...alerting.topics,
      createBillingTopic(billing, () => clock.nowMs()),
      createCapacityTopic(capacity),
      createPolicyTopic(policy, clock),
      createReportTopic(reports, () => clock.nowMs()),
      createProfileTopic(profiled),
      createPerformanceTopic(profiled),
      createSubjectTopic(profiled),
    ],
    queue,
    metrics: async () => [await alerting.metrics(), await usageMetrics()],
  };
}
