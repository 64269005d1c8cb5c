import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeOfUptime, timeSinceInit } from './sys-uptime.ts';

const EXPORT_MS = 1_700_000_000_000;
const WRAP_MS = 4294967296;

test.each([
  ['a flow of the last minute', 100_000, 160_000, -60_000],
  ['a flow that ended while its header was written', 160_500, 160_000, 500],
  ['a flow from before the wrap', WRAP_MS - 1000, 5000, -6000],
  ['an exporter up for 45 days, reading an old capture', 2393, 3_892_237_029, 2393 - 3_892_237_029],
])('%s', (_, uptimeMs, headerUptimeMs, distanceMs) => {
  expect(timeOfUptime(uptimeMs, EXPORT_MS, headerUptimeMs) - EXPORT_MS).toBe(distanceMs);
});

test('both ways of counting agree for an exporter that booted any time ago and flows of the last month', () => {
  const up = fc.integer({ min: 40 * 86_400_000, max: 1e12 });
  fc.assert(
    fc.property(up, fc.integer({ min: 0, max: 20 * 86_400_000 }), (upMs, ageMs) => {
      const uptimeMs = (upMs - ageMs) % WRAP_MS;
      expect(timeOfUptime(uptimeMs, EXPORT_MS, upMs % WRAP_MS)).toBe(EXPORT_MS - ageMs);
      expect(timeSinceInit(EXPORT_MS - upMs, uptimeMs, EXPORT_MS)).toBe(EXPORT_MS - ageMs);
    }),
  );
});
