import { expect, test } from 'vitest';
import { createMetricsRegistry, renderMetrics } from './metrics.ts';

test('metrics of two threads are read when asked and summed by name and labels', async () => {
  let datagrams = 1;
  const first = createMetricsRegistry();
  first.counter({ name: 'weir_datagrams_total', help: 'Datagrams.', labelNames: ['source'] }, () => [
    { labels: { source: 'a' }, value: datagrams },
  ]);
  const second = createMetricsRegistry();
  second.counter({ name: 'weir_datagrams_total', help: 'Datagrams.', labelNames: ['source'] }, () => [
    { labels: { source: 'a' }, value: 10 },
    { labels: { source: 'b' }, value: 5 },
  ]);
  second.gauge({ name: 'weir_flows', help: 'Flows.' }, () => 7);
  await first.snapshot();
  datagrams = 2;
  const text = await renderMetrics([await first.snapshot(), await second.snapshot()]);
  expect(text).toContain('weir_datagrams_total{source="a"} 12');
  expect(text).toContain('weir_datagrams_total{source="b"} 5');
  expect(text).toContain('weir_flows 7');
});
