/** Detections, alerts and notifications put together, for a device. */
import path from 'node:path';
import type { Clock, Lifecycle, Logger, MetricsSnapshot } from '@weir/base';
import { type AlertBook, createAlertBook } from '../alerts/alert-book.ts';
import { createAlertMetrics } from '../alerts/alert-metrics.ts';
import { createAlertTopic } from '../alerts/alert-routes.ts';
import type { AnalysisQueue } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import type { Mailer } from '../notifications/mailer.ts';
import { createNotificationTopic } from '../notifications/notification-routes.ts';
import { createNotifier } from '../notifications/notifier.ts';
import { createDetectionTopic } from './detection-routes.ts';
import { createDetectionRunner } from './detection-runner.ts';
import { openDetectionSettings } from './detection-settings.ts';
import { createDryRuns } from './dry-run.ts';
import { createFeedFolder } from './feed-folder.ts';

export interface AlertingOptions {
  readonly dataDirectory: string;
  readonly queue: AnalysisQueue;
  readonly lifecycle: Lifecycle;
  /** When the first record that is kept ended (ms); undefined while there is none. */
  readonly firstRecordMs: () => Promise<number | undefined>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Alerting {
  readonly alerts: AlertBook;
  readonly mailer: Mailer;
  readonly topics: readonly ApiTopic[];
  readonly metrics: () => Promise<MetricsSnapshot>;
}

/** Creates the parts and adds them to the lifecycle. */
export function createAlerting({
  dataDirectory,
  queue,
  lifecycle,
  firstRecordMs,
  clock,
  logger,
}: AlertingOptions): Alerting {
  const shared = { dataDirectory, clock, logger };
  const alerts = lifecycle.add('alerts', createAlertBook(shared));
  const notifier = lifecycle.add('notifications', createNotifier({ ...shared, alerts }));
  const settings = openDetectionSettings(dataDirectory, logger);
  const feeds = createFeedFolder(path.join(dataDirectory, 'feeds'), logger);
  const dryRuns = createDryRuns({ queue, settings, feeds });
  const runner = lifecycle.add(
    'detections',
    createDetectionRunner({ ...shared, queue, alerts, settings, feeds, firstRecordMs }),
  );
  const nowMs = () => clock.nowMs();
  return {
    alerts,
    mailer: notifier.mailer,
    topics: [
      createAlertTopic({ alerts, queue, nowMs }),
      createDetectionTopic({ runner, settings, dryRuns, feeds, nowMs }),
      createNotificationTopic(notifier),
    ],
    metrics: createAlertMetrics({ alerts, detections: runner, notifier }),
  };
}
