/**
 * `/agents`: exporters of our own, shown and edited here. People ask under the roles of the console; the agents'
 * own routes (`enrol`, `self/…`) know them by token and secret, over TLS or from this machine only.
 */
import { UserError } from '@weir/base';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import type { problemSchema } from '../answers.ts';
import { isLoopbackAddress } from '../host-guard.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import type { AgentRegister } from './agent-register.ts';
import { agentsAnswerSchema, editSchema, enrolSchema, reportSchema } from './agent-schema.ts';

/** Settings and status of an exporter with a hundred interfaces are some 20 KiB. */
const REPORT_OCTETS_MAX = 256 * 1024;

const tokenAnswerSchema = z.object({
  token: z.string().describe('Shown once; good for one agent'),
  expiresAt: z.number(),
});
const editAnswerSchema = z.object({ id: z.string() });
const doneSchema = z.object({ done: z.literal(true) });
const enrolledSchema = z.object({ id: z.string(), secret: z.string() });
const commandSchema = z.object({
  nextReportMs: z.number(),
  change: z
    .object({ id: z.string(), basis: z.string(), set: z.unknown(), unset: z.array(z.string()) })
    .optional(),
});

export interface AgentTopicOptions {
  readonly register: AgentRegister;
  /**
   * SHA-256 of the public key (SubjectPublicKeyInfo) of the server's own certificate, base64url: part of a token, so that
   * an agent trusts exactly this server. undefined without TLS of our own.
   */
  readonly keyPin: () => string | undefined;
  /** Address that the server listens on. */
  readonly host: string;
  readonly nowMs: () => number;
}

export function createAgentTopic(options: AgentTopicOptions): ApiTopic {
  return {
    addRoutes(api) {
      addPeoplesRoutes(api, options);
      addAgentsRoutes(api, options);
    },
  };
}

function addPeoplesRoutes(api: FastifyInstance, { register, keyPin, host, nowMs }: AgentTopicOptions): void {
  const reachability = () => {
    const reachable = !isLoopbackAddress(host) && keyPin() !== undefined;
    if (reachable) return { reachable };
    const whyNotReachable = isLoopbackAddress(host)
      ? `This server listens on ${host}: only exporters on this machine reach it, or others through a proxy with TLS.`
      : 'This server has no TLS: exporters elsewhere enrol through a proxy with TLS only.';
    return { reachable, whyNotReachable };
  };
  api.get('/agents', describeRoute('Exporters of our own', undefined, agentsAnswerSchema), () => ({
    now: nowMs(),
    agents: register.list(),
    ...reachability(),
  }));
  api.post(
    '/agents/tokens',
    {
      ...describeRoute('A token that enrols one agent', undefined, tokenAnswerSchema),
      config: { role: 'admin' },
    },
    (request) => {
      const { token, expiresAt } = register.createToken(nameOf(request));
      const pin = keyPin();
      return { token: pin === undefined ? token : `${token}.${pin}`, expiresAt };
    },
  );
  api.put('/agents/:id/settings', describeBody('Edits settings', editSchema, editAnswerSchema), (request) =>
    register.edit(idOf(request), editSchema.parse(request.body), nameOf(request)),
  );
  api.delete(
    '/agents/:id/settings',
    describeRoute('Withdraws an edit that waits', undefined, doneSchema),
    (request) => {
      register.withdraw(idOf(request));
      return { done: true };
    },
  );
  api.delete(
    '/agents/:id',
    { ...describeRoute('Removes an agent', undefined, doneSchema), config: { role: 'admin' } },
    (request) => {
      register.remove(idOf(request));
      return { done: true };
    },
  );
}

function addAgentsRoutes(api: FastifyInstance, { register }: AgentTopicOptions): void {
  const open = { config: { role: 'public' as const }, bodyLimit: REPORT_OCTETS_MAX };
  api.post(
    '/agents/enrol',
    { ...describeBody('For agents: enrols', enrolSchema, enrolledSchema), ...open },
    (request, reply) => {
      if (!isPrivate(request)) return refuse(reply, 403, 'tls_needed', 'an agent enrols over TLS only');
      const { token, name, platform } = enrolSchema.parse(request.body);
      try {
        return register.enrol(token, { name, platform, address: request.ip });
      } catch (error) {
        if (!(error instanceof UserError) || error.code !== 'agent_token_refused') throw error;
        return refuse(reply, 401, error.code, error.message);
      }
    },
  );
  api.post(
    '/agents/self/report',
    {
      ...describeBody('For agents: status, and what is asked of them', reportSchema, commandSchema),
      ...open,
    },
    (request, reply) => {
      const id = agentAsking(request, register);
      if (id === undefined) return refuseAgent(reply);
      return register.report(id, reportSchema.parse(request.body), request.ip);
    },
  );
  api.post(
    '/agents/self/leave',
    { ...describeRoute('For agents: ends the enrolment', undefined, doneSchema), ...open },
    (request, reply) => {
      const id = agentAsking(request, register);
      if (id === undefined) return refuseAgent(reply);
      register.remove(id);
      return { done: true };
    },
  );
}

/** A secret must not cross a network in the clear; a proxy with TLS asks from this machine. */
const isPrivate = (request: FastifyRequest): boolean =>
  request.protocol === 'https' || isLoopbackAddress(request.socket.remoteAddress ?? '');

function agentAsking(request: FastifyRequest, register: AgentRegister): string | undefined {
  const [scheme = '', credential = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'bearer' || !isPrivate(request)) return undefined;
  return register.authenticate(credential);
}

const refuseAgent = (reply: FastifyReply): FastifyReply =>
  refuse(reply, 401, 'agent_unknown', 'this agent is not enrolled here, or not any more: enrol again');

function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ error: { code, message } } satisfies z.infer<typeof problemSchema>);
}

const idOf = (request: FastifyRequest): string => z.object({ id: z.string() }).parse(request.params).id;

const nameOf = (request: FastifyRequest): string => request.identity?.name ?? 'local';
