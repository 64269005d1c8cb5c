import { createManualClock, type Logger, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from './flow-store.ts';
import type { StoreOptions } from './store-options.ts';
import { batchOf, realisticRecord, seededRandom } from './test-batch.ts';
import { send, temporaryDirectory } from './test-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 2025-11-13 00:00 UTC. */
const MIDNIGHT_MS = 1_762_992_000_000;

let directory: ReturnType<typeof temporaryDirectory>;
let told: object[];

beforeEach(() => {
  directory = temporaryDirectory();
  told = [];
});

afterEach(() => directory.remove());

async function filled(options: Partial<StoreOptions>, hours: number) {
  const clock = createManualClock(MIDNIGHT_MS);
  const logger: Logger = {
    ...silentLogger,
    info: (facts: object | string, message?: string) => {
      if (message?.includes('retention')) told.push({ ...(facts as object), message });
    },
  };
  const dataDirectory = directory.path;
  const store = await openStore({ dataDirectory, logger, clock, options: { threads: 1, ...options } });
  for (let hour = 0; hour < hours; hour++) {
    const random = seededRandom(hour + 1);
    const at = MIDNIGHT_MS + hour * HOUR_MS;
    await send(store, [batchOf(Array.from({ length: 500 }, () => realisticRecord(random, at)))]);
  }
  await store.seal();
  await store.compact();
  return { store, clock };
}

const HOURS = `SELECT count(DISTINCT date_trunc('hour', "receivedAt")) AS n FROM flows`;

describe('by age', () => {
  test('records go before minutes, minutes before hours, and it is told before', async () => {
    const options = { retentionMs: 2 * DAY_MS, retentionMinutesMs: 4 * DAY_MS, retentionHoursMs: 8 * DAY_MS };
    const { store, clock } = await filled(options, 3);
    const next = async () => (await store.status()).retention.next;
    expect(await next()).toEqual({
      part: 'records',
      before: '2025-11-13T01:00:00.000Z',
      at: '2025-11-15T01:00:00.000Z',
      because: 'age',
    });
    clock.advance(1.5 * DAY_MS);
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(1);
    expect(told[0]).toMatchObject({ part: 'records', at: '2025-11-15T03:00:00.000Z' });
    clock.advance(DAY_MS);
    await expect.poll(async () => (await next())?.part, { timeout: 10_000 }).toBe('1m');
    expect((await store.sql(HOURS)).rows).toEqual([{ n: 0 }]);
    const levels = async () => [...new Set((await store.coverage()).rollups.map(({ level }) => level))];
    expect(await levels()).toEqual(['1m', '1h']);
    clock.advance(3 * DAY_MS);
    await expect.poll(levels, { timeout: 10_000 }).toEqual(['1h']);
    clock.advance(4 * DAY_MS);
    const later = () => {
      clock.advance(5000);
      return levels();
    };
    await expect.poll(later, { timeout: 10_000 }).toEqual([]);
    await store.close();
  });
});

describe('by octets', () => {
  test('the oldest records go first, and it is told before', async () => {
    const { store, clock } = await filled({}, 6);
    const { octets } = (await store.status()).retention;
    await store.close();
    const again = await openStore({
      dataDirectory: directory.path,
      logger: silentLogger,
      clock,
      options: { threads: 1, octetsMax: octets - 20_000 },
    });
    expect((await again.status()).retention.next).toMatchObject({ part: 'records', because: 'octets' });
    clock.advance(8 * HOUR_MS);
    await expect
      .poll(async () => (await again.sql(HOURS)).rows[0]!['n'], { timeout: 10_000 })
      .toBeLessThan(6);
    const { retention } = await again.status();
    expect(retention.octets).toBeLessThanOrEqual(octets - 20_000);
    const oldest = 'SELECT min("receivedAt") AS t FROM flows';
    expect((await again.sql(oldest)).rows[0]!['t']).not.toContain('T00:');
    expect((await again.coverage()).rollups.length).toBeGreaterThan(0);
    await again.close();
  });
});
