/** `/sql`: one SELECT of a person over the records, for whoever may see all of them. */
import { type Clock, UserError } from '@weir/base';
import type { SqlOptions, SqlResult } from '@weir/storage';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { clientSignal } from './client-signal.ts';
import { sqlParameters, timeWindow } from './parameters.ts';
import type { QueryGate } from './query-gate.ts';
import { describeBody } from './query-routes.ts';

export interface SqlStore {
  sql(text: string, options?: SqlOptions): Promise<SqlResult>;
}

export const sqlAnswerSchema = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.record(z.string(), z.unknown())),
  truncated: z.boolean().describe('Whether there were more rows than are answered'),
  tookMs: z.number(),
});
export type SqlAnswer = z.infer<typeof sqlAnswerSchema>;

export function addSqlRoute(app: FastifyInstance, store: SqlStore, gate: QueryGate, clock: Clock): void {
  const summary = 'One SELECT over flows, exporters and extra_layouts; it cannot change anything';
  app.post(
    '/sql',
    { ...describeBody(summary, sqlParameters, sqlAnswerSchema), config: { role: 'viewer' } },
    async (request, reply): Promise<SqlAnswer> => {
      const { sql, ...asked } = sqlParameters.parse(request.body);
      const range = isEmpty(asked) ? undefined : timeWindow(asked, clock.nowMs());
      const options = range === undefined ? {} : { range };
      const ask = (signal: AbortSignal) => store.sql(sql, { ...options, signal }).catch(toldInFull);
      const answer = await gate.run(`sql ${JSON.stringify([sql, range])}`, ask, clientSignal(reply));
      const { columns, rows, truncated, elapsedMs } = answer;
      return { columns: [...columns], rows: [...rows], truncated, tookMs: elapsedMs };
    },
  );
}

const isEmpty = (asked: object): boolean => Object.values(asked).every((value) => value === undefined);

/** Whoever writes SQL has to read what the engine says of it. */
function toldInFull(error: unknown): never {
  if (error instanceof UserError && (error.code === 'query_failed' || error.code === 'sql_refused')) {
    throw new UserError('sql_invalid', error.message);
  }
  throw error;
}
