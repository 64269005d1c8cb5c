import type { CollectorStatus } from '@weir/collecting';
import { expect, test } from 'vitest';
import { healthOf } from './health.ts';

type Source = CollectorStatus['sources'][number];

function source(of: { state?: string; problem?: string; alarms?: object[]; exporters?: object[] }): Source {
  const { state = 'listening', problem, alarms = [], exporters = [] } = of;
  const listener = { alarms, exporters };
  return {
    source: { name: 'edge' },
    state,
    problem,
    remarks: [],
    restarts: 0,
    listener,
  } as unknown as Source;
}

test('a collector without fault is ok, and disabled sources are none', () => {
  const health = healthOf({ sources: [source({}), source({ state: 'disabled' })] });
  expect(health).toEqual({ status: 'ok', reasons: [] });
});

test('names what does not work', () => {
  const silent = (address: string) => ({ address, alarms: [{ code: 'silent', message: '', sinceMs: 0 }] });
  const exporters = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4', '192.0.2.5'].map(silent);
  const alarms = [{ code: 'kernel_drops', message: 'the kernel dropped 5 datagrams', sinceMs: 0 }];
  const failed = source({ state: 'failed', problem: 'port 2055 is in use' });
  expect(healthOf({ sources: [failed, source({ alarms, exporters })] })).toEqual({
    status: 'degraded',
    reasons: [
      'flow source "edge": port 2055 is in use',
      'flow source "edge": the kernel dropped 5 datagrams',
      'exporters with the alarm silent: 192.0.2.1, 192.0.2.2, 192.0.2.3 and 2 more',
    ],
  });
});
