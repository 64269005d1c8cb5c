/** `/access`: users, row filters, tokens and the audit log, for admins. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { People } from './access.ts';
import { auditEntrySchema } from './audit-log.ts';
import { ROLES } from './role.ts';
import { describeAccess, describeToken, tokenSchema } from './session-routes.ts';
import type { User } from './user-store.ts';

const AUDIT_LIMIT_MAX = 1000;

const rowFilter = z.string().max(4096).describe('A filter: only flows that meet it are shown; empty: all');
const password = z.string().min(1).max(1024);
const newUserBody = z.strictObject({
  name: z.string().min(1).max(100),
  role: z.enum(ROLES),
  password,
  rowFilter: rowFilter.default(''),
});
const changeBody = z.strictObject({
  role: z.enum(ROLES).optional(),
  rowFilter: rowFilter.optional(),
  password: password.optional(),
});
const roleBody = z.strictObject({ rowFilter });
const auditParameters = z.strictObject({
  limit: z.coerce.number().int().min(1).max(AUDIT_LIMIT_MAX).default(200),
  text: z.string().max(100).default('').describe('Only entries that hold this text'),
  outcome: auditEntrySchema.shape.outcome.optional(),
});

const usersSchema = z.object({
  users: z.array(
    z.object({
      name: z.string(),
      role: z.enum(ROLES),
      rowFilter: z.string(),
      createdAt: z.string(),
      passwordChangedAt: z.string(),
    }),
  ),
  rowFilters: z.partialRecord(z.enum(ROLES), z.string()).describe('Of roles; for all who have them'),
});
const tokensSchema = z.object({ tokens: z.array(tokenSchema) });
const auditSchema = z.object({ entries: z.array(auditEntrySchema).describe('The newest first') });
const nothing = z.object({});

/** Only admins, and no program that holds an admin's token. */
const config = { role: 'admin', peopleOnly: true } as const;

export function addUserRoutes(api: FastifyInstance, people: People): void {
  const { users, sessions, tokens } = people;
  const describe = () => ({ users: users.all().map(describeUser), rowFilters: users.roleFilters() });
  const route = (summary: string, answer: z.ZodType, body?: z.ZodType) => ({
    config,
    schema: describeAccess(summary, answer, body),
  });

  api.get('/access/users', route('Users, and the row filters of roles', usersSchema), describe);
  api.post('/access/users', route('Adds a user', usersSchema, newUserBody), async ({ body }) => {
    await users.add(newUserBody.parse(body));
    return describe();
  });
  api.patch<{ Params: { name: string } }>(
    '/access/users/:name',
    route('Changes role, row filter or password', usersSchema, changeBody),
    async ({ body, params: { name } }) => {
      const { role, rowFilter: filter, password: fresh } = changeBody.parse(body);
      users.change(name, {
        ...(role === undefined ? {} : { role }),
        ...(filter === undefined ? {} : { rowFilter: filter }),
      });
      if (fresh !== undefined) {
        await users.setPassword(name, fresh);
        sessions.closeAll({ kind: 'user', name: users.find(name)?.name ?? name });
      }
      return describe();
    },
  );
  api.delete<{ Params: { name: string } }>(
    '/access/users/:name',
    route('Removes a user, his sessions and his tokens', usersSchema),
    ({ params: { name } }) => {
      const removed = users.remove(name);
      sessions.closeAll({ kind: 'user', name: removed });
      tokens.removeOf({ kind: 'user', name: removed });
      return describe();
    },
  );
  api.put<{ Params: { role: string } }>(
    '/access/roles/:role',
    route('Sets the row filter of a role', usersSchema, roleBody),
    ({ body, params }) => {
      users.setRoleFilter(z.enum(ROLES).parse(params.role), roleBody.parse(body).rowFilter);
      return describe();
    },
  );
  api.get('/access/tokens', route('The tokens of all users', tokensSchema), () => ({
    tokens: tokens.all().map(describeToken),
  }));
  api.delete<{ Params: { id: string } }>(
    '/access/tokens/:id',
    route('Revokes a token', nothing),
    ({ params }) => {
      tokens.remove(params.id);
      return {};
    },
  );
  addAuditRoute(api, people);
}

function addAuditRoute(api: FastifyInstance, { auditLog }: People): void {
  const schema = {
    ...describeAccess('Who changed what, and who was refused', auditSchema),
    querystring: z.toJSONSchema(auditParameters, { io: 'input' }),
  };
  api.get('/access/audit', { config, schema }, ({ query }) => {
    const { limit, ...asked } = auditParameters.parse(query);
    return { entries: auditLog.read(limit, asked) };
  });
}

function describeUser({ name, role, rowFilter, createdAt, passwordChangedAt }: User) {
  return { name, role, rowFilter, createdAt, passwordChangedAt };
}
