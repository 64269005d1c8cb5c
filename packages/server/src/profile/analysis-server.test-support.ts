/** A real store in a folder of its own, and the routes of a topic over it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Clock, createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { type FastifyInstance, fastify } from 'fastify';
import { LOCAL } from '../access/identity.ts';
import { type AnalysisQueue, createAnalysisQueue } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { problemOf } from '../problem.ts';

export interface TestAnalyses {
  readonly store: FlowStore;
  readonly queue: AnalysisQueue;
  readonly clock: ManualClock;
  readonly folder: string;
  /** Answers of a topic's routes; `rowFilter` is that of who asks. */
  get(topic: ApiTopic, url: string, rowFilter?: string): Promise<{ status: number; body: unknown }>;
  close(): Promise<void>;
}

/** `nowMs` is the time of the clock; the store keeps all that is written, whenever it ended. */
export async function openTestAnalyses(nowMs: number): Promise<TestAnalyses> {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-analysis-'));
  const clock = createManualClock(nowMs);
  const store = await openStore({ dataDirectory: folder, logger: silentLogger });
  const queue = createAnalysisQueue({ store, clock: clock as Clock, logger: silentLogger });
  const apps: FastifyInstance[] = [];
  return {
    store,
    queue,
    clock,
    folder,
    async get(topic, url, rowFilter = '') {
      const app = fastify();
      apps.push(app);
      app.setValidatorCompiler(() => () => true);
      app.setSerializerCompiler(() => JSON.stringify);
      app.decorateRequest('identity', null);
      app.addHook('onRequest', async (request) => {
        request.identity = { ...LOCAL, rowFilter };
      });
      app.setErrorHandler((error, _request, reply) => {
        const { status, problem } = problemOf(error);
        return reply.code(status).send({ error: problem });
      });
      topic.addRoutes(app);
      const answer = await app.inject(url);
      return { status: answer.statusCode, body: answer.json() };
    },
    async close() {
      for (const app of apps) await app.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
