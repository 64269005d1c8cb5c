/** Alerts, detections and notifications as Prometheus metrics. */
import { ALERT_SEVERITIES, DETECTIONS } from '@weir/analysis';
import { createMetricsRegistry, type MetricsSnapshot } from '@weir/base';
import type { DetectionRunner } from '../detections/detection-runner.ts';
import type { Notifier } from '../notifications/notifier.ts';
import type { AlertBook } from './alert-book.ts';

interface Sources {
  readonly alerts: AlertBook;
  readonly detections: Pick<DetectionRunner, 'state'>;
  readonly notifier: Pick<Notifier, 'queue'>;
}

interface AlertMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly labelName: string;
  readonly help: string;
  readonly read: (sources: Sources) => Iterable<readonly [label: string, value: number]>;
}

const eachDetection =
  (name: 'runs' | 'failures' | 'findings' | 'elapsedMs', scale = 1): AlertMetric['read'] =>
  ({ detections }) =>
    DETECTIONS.map(({ id }) => [id, detections.state(id).counters[name] * scale]);

/** The same list makes the reference page. */
export const ALERT_METRICS: readonly AlertMetric[] = [
  {
    name: 'weir_alerts_open',
    kind: 'gauge',
    labelName: 'severity',
    help: 'Alerts that nobody has looked at.',
    read: ({ alerts }) => {
      const open = alerts.alerts().filter(({ state }) => state === 'open');
      return ALERT_SEVERITIES.map((each) => [each, open.filter(({ severity }) => severity === each).length]);
    },
  },
  {
    name: 'weir_alert_findings_total',
    kind: 'counter',
    labelName: 'outcome',
    help: 'Findings that were raised, and what became of them.',
    read: ({ alerts }) => Object.entries(alerts.counters()),
  },
  {
    name: 'weir_detection_runs_total',
    kind: 'counter',
    labelName: 'detection',
    help: 'Looks of a detection at new flows.',
    read: eachDetection('runs'),
  },
  {
    name: 'weir_detection_failures_total',
    kind: 'counter',
    labelName: 'detection',
    help: 'Looks that failed; their flows are not looked at again.',
    read: eachDetection('failures'),
  },
  {
    name: 'weir_detection_findings_total',
    kind: 'counter',
    labelName: 'detection',
    help: 'What it found, before grouping.',
    read: eachDetection('findings'),
  },
  {
    name: 'weir_detection_seconds_total',
    kind: 'counter',
    labelName: 'detection',
    help: 'Time that its looks took.',
    read: eachDetection('elapsedMs', 0.001),
  },
  {
    name: 'weir_notifications_total',
    kind: 'counter',
    labelName: 'outcome',
    help: 'Messages of alerts, and what became of them.',
    read: ({ notifier }) => Object.entries(notifier.queue.counters()),
  },
];

/** A function that reads them all. */
export function createAlertMetrics(sources: Sources): () => Promise<MetricsSnapshot> {
  const registry = createMetricsRegistry();
  for (const { name, kind, labelName, help, read } of ALERT_METRICS) {
    registry[kind]({ name, help, labelNames: [labelName] }, () =>
      [...read(sources)].map(([label, value]) => ({ labels: { [labelName]: label }, value })),
    );
  }
  return () => registry.snapshot();
}
