import { createRequire } from 'node:module';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/** Label values of one sample, by label name. */
export type MetricLabels = Record<string, string>;

/** A value read when somebody asks: a number, or one sample for each set of labels. */
export type ReadMetric = () => number | Iterable<{ labels: MetricLabels; value: number }>;

export interface MetricDefinition {
  /** Prometheus name, unit last: `weir_collector_datagrams_total`. */
  name: string;
  help: string;
  labelNames?: readonly string[];
}

/** A structured-cloneable picture of one thread's metrics. */
export type MetricsSnapshot = MetricObjectWithValues<MetricValue<string>>[];

/**
 * The metrics of one thread. Components count in plain numbers and register a reader here, so that the
 * hot path costs an addition and nothing else.
 */
export interface MetricsRegistry {
  counter(definition: MetricDefinition, read: ReadMetric): void;
  gauge(definition: MetricDefinition, read: ReadMetric): void;
  snapshot(): Promise<MetricsSnapshot>;
}

export function createMetricsRegistry(): MetricsRegistry {
  const { Counter, Gauge, Registry } = loadPromClient();
  const registry = new Registry();

  function samples(read: ReadMetric): Iterable<{ labels: MetricLabels; value: number }> {
    const value = read();
    return typeof value === 'number' ? [{ labels: {}, value }] : value;
  }

  return {
    counter({ name, help, labelNames = [] }, read) {
      new Counter({
        name,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        collect() {
          this.reset();
          for (const { labels, value } of samples(read)) this.inc(labels, value);
        },
      });
    },
    gauge({ name, help, labelNames = [] }, read) {
      new Gauge({
        name,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        collect() {
          this.reset();
          for (const { labels, value } of samples(read)) this.set(labels, value);
        },
      });
    },
    snapshot: () => registry.getMetricsAsJSON() as Promise<MetricsSnapshot>,
  };
}

/** Sums the snapshots of all threads and renders them in the Prometheus text format. */
export function renderMetrics(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  const { AggregatorRegistry } = loadPromClient();
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/** 90 modules, loaded when somebody has metrics: commands that end at once start without them. */
function loadPromClient(): typeof import('prom-client') {
  return createRequire(import.meta.url)('prom-client');
}
