/** `/flow-sources`: what the collector listens to, edits of it that are staged, and their deployment. */
import { UserError } from '@weir/base';
import {
  type DeployResult,
  FLOW_SOURCE_TYPES,
  type FlowSourceEditor,
  type FlowSourceState,
  flowSourceSchema,
} from '@weir/collecting';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { roleReaches } from './access/role.ts';
import { problemSchema } from './answers.ts';

/** More than a collector runs, so that a list that is too long is told as a problem of the list. */
const STAGED_SOURCES_MAX = 256;

const parameterChangeSchema = z.object({
  path: z.string().describe('Names joined by dots: forwarding.port'),
  from: z.unknown().optional().describe('Not there where the parameter is new'),
  to: z.unknown().optional().describe('Not there where the parameter goes'),
});

const stateSchema = z.object({
  deployed: z.array(flowSourceSchema).describe('The sources that run, and disabled ones'),
  staged: z
    .array(z.record(z.string(), z.unknown()))
    .describe('The sources as they would be deployed; those that a problem names may be unfinished'),
  changes: z.array(
    z.object({
      kind: z.enum(['added', 'removed', 'changed', 'enabled', 'disabled']),
      name: z.string().describe('As it will be called'),
      parameters: z.array(parameterChangeSchema),
      restarts: z.boolean().describe('Whether its socket is closed for a moment'),
    }),
  ),
  problems: z
    .array(
      z.object({
        source: z.string().describe('Empty for the list as a whole'),
        parameter: z.string().describe('Names joined by dots; empty for the source as a whole'),
        message: z.string(),
      }),
    )
    .describe('What hinders a deployment, all of it'),
  editable: z.boolean(),
  whyNotEditable: z.string().optional(),
});

const deployedSchema = stateSchema.extend({
  results: z.array(
    z.object({
      name: z.string(),
      outcome: z
        .enum(['unchanged', 'adapted', 'started', 'stopped', 'restarted', 'failed'])
        .describe(
          'adapted: changed without a pause; failed: what it was before holds; the edit stays staged',
        ),
      message: z.string().optional(),
    }),
  ),
});

/** Unfinished sources are allowed: `problems` says what is wrong with them. */
const stagedBodySchema = z.object(
  { sources: z.array(z.record(z.string(), z.unknown())).max(STAGED_SOURCES_MAX) },
  { error: 'an object with the property "sources", a list of flow sources' },
);

const proposalParameters = z.strictObject({
  type: z.enum(FLOW_SOURCE_TYPES).optional().describe('What it is to accept'),
  from: z.string().max(64).optional().describe('Name of the source that it is built from'),
});

/** A write that is refused before anybody looks at what it says. */
class RefusedWrite extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** What the errors of an editor mean to who asked. */
const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  flow_source_unknown: 404,
  flow_source_invalid: 409,
  flow_sources_fixed: 409,
  config_changed: 409,
  config_unwritable: 409,
};

export function addFlowSourceRoutes(app: FastifyInstance, editor: FlowSourceEditor): void {
  app.register(async (routes) => {
    routes.setErrorHandler((error, request, reply) =>
      answerRefusal(error, reply, () => describeState(editor.state(), request)),
    );
    // An empty body is as good as {} where nothing is to be said.
    routes.removeContentTypeParser('application/json');
    routes.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      async (_request: unknown, body: string) => parseBody(body),
    );

    routes.get('/flow-sources', describe('Flow sources: deployed, staged, and the difference'), (request) =>
      describeState(editor.state(), request),
    );
    routes.put(
      '/flow-sources/staged',
      describe('Stages a list of sources, which may be unfinished', stateSchema, stagedBodySchema),
      async (request) => describeState(await editor.stage(stagedSources(request.body)), request),
    );
    routes.post('/flow-sources/discard', describe('Forgets what is staged'), async (request) =>
      describeState(await editor.discard(), request),
    );
    routes.post(
      '/flow-sources/deploy',
      describe('Makes the staged sources those that run', deployedSchema),
      async (request) => {
        const results: readonly DeployResult[] = await editor.deploy();
        return { results, ...describeState(editor.state(), request) };
      },
    );
    routes.get(
      '/flow-sources/proposal',
      {
        schema: {
          ...describe('A source to begin with', flowSourceSchema).schema,
          querystring: z.toJSONSchema(proposalParameters, { io: 'input' }),
        },
      },
      ({ query }) => {
        const { type, from } = proposalParameters.parse(query);
        return editor.propose(type, from);
      },
    );
  });
}

function describe(summary: string, answered: z.ZodType = stateSchema, body?: z.ZodType) {
  const problem = z.toJSONSchema(problemSchema);
  return {
    schema: {
      summary,
      ...(body === undefined ? {} : { body: z.toJSONSchema(body, { io: 'input' }) }),
      response: {
        200: z.toJSONSchema(answered, { unrepresentable: 'any' }),
        403: problem,
        409: problem,
        422: problem,
      },
    },
  };
}

/** Who may only look is told so. */
function describeState({ fixedBecause, ...state }: FlowSourceState, { identity }: FastifyRequest) {
  const mayWrite = identity !== null && roleReaches(identity.role, 'operator');
  const why =
    fixedBecause ?? (mayWrite ? undefined : 'your role may look, not change: operators and admins may');
  return { ...state, editable: why === undefined, ...(why === undefined ? {} : { whyNotEditable: why }) };
}

function parseBody(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new RefusedWrite(422, 'request', 'The body is not JSON.');
  }
}

function stagedSources(body: unknown) {
  const result = stagedBodySchema.safeParse(body);
  if (result.success) return result.data.sources;
  const allowed = `an object with the property "sources", a list of at most ${STAGED_SOURCES_MAX} flow sources`;
  throw new RefusedWrite(422, 'request', `This is no list of flow sources; allowed: ${allowed}.`);
}

/** A conflict is answered with the state, whose problems say what to mend. */
function answerRefusal(error: unknown, reply: FastifyReply, state: () => object): FastifyReply {
  if (error instanceof RefusedWrite) {
    const { status, code, message } = error;
    return reply.code(status).send({ error: { code, message } });
  }
  const status = error instanceof UserError ? STATUS_OF_ERROR[error.code] : undefined;
  if (!(error instanceof UserError) || status === undefined) throw error;
  const { code, message } = error;
  return reply.code(status).send({ error: { code, message }, ...(status === 409 ? state() : {}) });
}
