import { expect, test } from 'vitest';
import { createTestServer } from './test-server.test-support.ts';

const counters = {
  sessions: undefined,
  origins: { addresses: 7, searches: 3 },
  hostNames: { learned: 2, evicted: 0 },
  labels: { refused: 1, batchFull: 4, held: 9 },
};
const enrichment = {
  status: () => ({
    attribution: 'data by somebody',
    originsDate: undefined,
    networks: 3,
    users: 0,
    reloads: 1,
    reloadFailures: 0,
  }),
  asName: (number: number) => (number === 64_496 ? 'Example' : undefined),
  stages: async () => [{ source: 'edge', counters }],
};

test('tells of the data, its licence, and what was done with it', async () => {
  const { get } = createTestServer({ enrichment });
  expect((await get('/api/v1/enrichment')).body).toEqual({
    attribution: 'data by somebody',
    originsDate: null,
    networks: 3,
    users: 0,
    reloads: 1,
    reloadFailures: 0,
    sources: [
      {
        source: 'edge',
        sessions: null,
        addressesLookedUp: 7,
        hostNamesLearned: 2,
        labelsHeld: 9,
        labelsRefused: 5,
      },
    ],
  });
});

test('names autonomous systems', async () => {
  const { get } = createTestServer({ enrichment });
  expect((await get('/api/v1/as-names?number=64496,64497')).body).toEqual({ names: { 64496: 'Example' } });
  for (const number of ['', 'x', '1,', '4294967296', Array(1001).fill(1).join(',')]) {
    expect((await get(`/api/v1/as-names?number=${number}`)).status).toBe(400);
  }
});
