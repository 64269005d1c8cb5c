/** A server over a memory store, with a clock that stands still; what tests of the server start from. */
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { createMemoryStore, type MemoryRecord, type MemoryStore } from './memory-store.test-support.ts';
import { createServer, type Server, type ServerOptions } from './server.ts';
import type { SystemStatus } from './system-status.ts';

export const NOW_MS = 1_700_000_000_000;

export interface TestServer {
  readonly server: Server;
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly status: SystemStatus;
  /** GETs a path and parses the JSON of the answer. */
  get(
    path: string,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, never> }>;
}

export function createTestServer(
  options: Partial<ServerOptions> = {},
  records: MemoryRecord[] = [],
): TestServer {
  const store = createMemoryStore(records);
  const clock = createManualClock(NOW_MS);
  const status: SystemStatus = {
    version: '0.1.0',
    startedAt: NOW_MS - 1000,
    demo: false,
    metering: {
      state: 'off',
      reason: 'This user may not capture.',
      howToGrant: 'sudo setcap cap_net_raw+ep node',
    },
    listeners: [],
    exporters: [
      {
        address: '192.0.2.1',
        observationDomainId: 0,
        source: 'a',
        version: 10,
        records: 100,
        lost: 2,
        lastSeenAt: NOW_MS,
      },
    ],
    store: { dataDirectory: '/data', records: 0, octets: 0, oldestAt: null, newestAt: null },
  };
  const server = createServer({
    port: 0,
    store,
    clock,
    logger: silentLogger,
    status: async () => status,
    ...options,
  });
  return {
    server,
    store,
    clock,
    status,
    async get(path, headers = {}) {
      const answer = await server.inject({ path, headers: { host: 'localhost:8080', ...headers } });
      return { status: answer.statusCode, body: answer.json() };
    },
  };
}

/** A TCP record that ended `agoMs` before now. */
export function flow(agoMs: number, fields: Partial<MemoryRecord> = {}): MemoryRecord {
  const flowEnd = NOW_MS - agoMs;
  return {
    receivedAt: flowEnd,
    flowStart: flowEnd,
    flowEnd,
    octets: 1000,
    packets: 10,
    protocol: 6,
    srcAddr: '10.0.0.1',
    dstAddr: '10.0.0.2',
    srcPort: 40000,
    dstPort: 443,
    exporter: '192.0.2.1',
    ...fields,
  };
}
