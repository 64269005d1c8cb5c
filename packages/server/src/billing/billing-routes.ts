/** `/billing`: accounts, statements as JSON, PDF and CSV. */
import { BIN_MS } from '@weir/analysis';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { pdfDocument } from '../documents/pdf-document.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import type { Billing } from './billing.ts';
import {
  accountRequestSchema,
  accountSchema,
  statementSchema,
  statementWithBinsSchema,
} from './billing-schema.ts';
import { binsCsv, statementCsv, statementDocument } from './statement-document.ts';

const accountParameters = z.object({ id: z.string().max(80) });
const statementParameters = accountParameters.extend({ period: z.string().max(20) });
const overviewSchema = z.object({
  accounts: z.array(z.object({ account: accountSchema, statement: statementSchema.nullable() })),
});

/** `current` stands for the newest period. */
const periodOf = (name: string): string | undefined => (name === 'current' ? undefined : name);

export function createBillingTopic(billing: Billing, nowMs: () => number): ApiTopic {
  return {
    addRoutes(api) {
      addAccountRoutes(api, billing);
      addStatementRoutes(api, billing, nowMs);
    },
  };
}

function addAccountRoutes(api: FastifyInstance, billing: Billing): void {
  api.get(
    '/billing/accounts',
    describeRoute('Accounts with their current statement', undefined, overviewSchema),
    () => ({
      accounts: billing.accounts().map((account) => ({
        account,
        statement: billing.periods(account.id).length === 0 ? null : billing.statement(account.id).statement,
      })),
    }),
  );
  api.post(
    '/billing/accounts',
    describeBody(
      'Adds an account, whose bins are read from the records',
      accountRequestSchema,
      accountSchema,
    ),
    (request) => billing.create(request.body),
  );
  api.put(
    '/billing/accounts/:id',
    describeBody(
      'Changes an account; other flows: its bins are read again',
      accountRequestSchema,
      accountSchema,
    ),
    (request) => billing.change(accountParameters.parse(request.params).id, request.body),
  );
  api.delete(
    '/billing/accounts/:id',
    describeRoute('Removes an account and its bins', undefined, z.object({})),
    async (request) => {
      await billing.remove(accountParameters.parse(request.params).id);
      return {};
    },
  );
}

function addStatementRoutes(api: FastifyInstance, billing: Billing, nowMs: () => number): void {
  const path = '/billing/accounts/:id/statements/:period';
  const read = (params: unknown) => {
    const { id, period } = statementParameters.parse(params);
    return billing.statement(id, periodOf(period));
  };
  api.get(
    '/billing/accounts/:id/statements',
    describeRoute(
      'Periods of an account, newest first',
      undefined,
      z.object({ periods: z.array(z.string()) }),
    ),
    (request) => ({ periods: billing.periods(accountParameters.parse(request.params).id) }),
  );
  api.get(
    path,
    describeRoute('A statement with its bins; `current` is the newest', undefined, statementWithBinsSchema),
    (request) => {
      const { statement, bins } = read(request.params);
      return { ...statement, binMs: BIN_MS, bins };
    },
  );
  api.get(
    `${path}/pdf`,
    describeRoute('A statement as PDF', undefined, z.string()),
    async (request, reply) => {
      const { statement, bins } = read(request.params);
      const name = `statement-${statement.account.id}-${statement.period.name}.pdf`;
      reply.header('content-disposition', `attachment; filename="${name}"`).type('application/pdf');
      return reply.send(Buffer.from(await pdfDocument(statementDocument(statement, bins, nowMs()))));
    },
  );
  for (const [last, make] of [
    ['csv', ({ statement }: ReturnType<typeof read>) => statementCsv(statement)],
    ['bins.csv', ({ statement, bins }: ReturnType<typeof read>) => binsCsv(statement, bins)],
  ] as const) {
    api.get(
      `${path}/${last}`,
      describeRoute(`A statement: ${last}`, undefined, z.string()),
      (request, reply) => {
        const found = read(request.params);
        const name = `statement-${found.statement.account.id}-${found.statement.period.name}-${last.replace('.csv', '')}.csv`;
        reply.header('content-disposition', `attachment; filename="${name}"`).type('text/csv; charset=utf-8');
        return reply.send(make(found));
      },
    );
  }
  api.post(
    `${path}/reread`,
    describeRoute('Reads the bins of a period again from the records', undefined, z.object({})),
    async (request) => {
      const { id, period } = statementParameters.parse(request.params);
      await billing.reread(id, period);
      return {};
    },
  );
}
