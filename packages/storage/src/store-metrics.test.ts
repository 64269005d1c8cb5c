import { renderMetrics } from '@weir/base';
import { expect, test } from 'vitest';
import { createStoreMetrics, STORE_METRICS } from './store-metrics.ts';
import { batchOf } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

test('the store counts in Prometheus metrics', async () => {
  const directory = temporaryDirectory();
  const store = await openTestStore(directory.path);
  const read = createStoreMetrics(store);
  await send(store, [batchOf([{ octets: 1 }, { octets: 2 }])]);
  await store.sql('SELECT 1');
  const text = await renderMetrics([await read()]);
  expect(text).toContain('weir_store_records 2\n');
  expect(text).toContain('weir_store_records_taken_total 2\n');
  expect(text).toContain('weir_store_queries_total 1\n');
  for (const { name } of STORE_METRICS) expect(text).toContain(`# HELP ${name} `);
  const status = await store.status();
  const names = Object.keys(status.counters);
  const counters = Object.fromEntries(names.map((name, index) => [name, 1e9 + index]));
  const values = STORE_METRICS.map((metric) => metric.read({ ...status, counters: counters as never }));
  expect(names.filter((name) => !values.includes(counters[name]!))).toEqual([]);
  await store.close();
  directory.remove();
});
