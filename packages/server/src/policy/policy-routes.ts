/** `/policy`: the intended policy and its versions, what became of it, and what another one would change. */
import {
  checkPolicy,
  importNftables,
  importPolicyCsv,
  type PolicyDocument,
  type PolicyRule,
  parsePolicyText,
  policyOf,
  withRule,
} from '@weir/analysis';
import { type Clock, UserError } from '@weir/base';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { ApiTopic } from '../analyses/api-topic.ts';
import { clientSignal } from '../client-signal.ts';
import { pdfDocument } from '../documents/pdf-document.ts';
import { timeWindow } from '../parameters.ts';
import { describeBody, describeRoute } from '../query-routes.ts';
import type { PolicyAnalysis } from './policy.ts';
import { type AuditedPolicy, auditCsv, auditDocument } from './policy-audit.ts';
import type { PolicyQuestion } from './policy-evaluator.ts';
import {
  cellParameters,
  changeBody,
  changeEvidenceBody,
  changeSchema,
  checkBody,
  checkedSchema,
  documentSchema,
  evidenceSchema,
  importBody,
  importedSchema,
  matrixSchema,
  policyAnswerSchema,
  saveBody,
  sourcesSchema,
  trendParameters,
  trendSchema,
  versionParameters,
  versionsSchema,
  windowParameters,
} from './policy-schema.ts';

/** A ruleset of a thousand rules is 300 KB. */
const BODY_OCTETS_MAX = 8 * 1024 * 1024;
/** A day: what a policy is judged by when nothing else is asked for. */
const LAST_MS_DEFAULT = 86_400_000;
/** So that pages which ask at once, and then for a cell, share an answer. */
const ROUNDING_MS = 10_000;
const VIEWER = { role: 'viewer' } as const;

export function createPolicyTopic(policy: PolicyAnalysis, clock: Clock): ApiTopic {
  return {
    addRoutes(api) {
      addDocumentRoutes(api, policy);
      addQuestionRoutes(api, policy, clock);
      addChangeRoutes(api, policy, clock);
      addAuditRoutes(api, policy, clock);
    },
  };
}

function withBody(summary: string, body: z.ZodType, answer: z.ZodType) {
  return { ...describeBody(summary, body, answer), bodyLimit: BODY_OCTETS_MAX };
}

function addDocumentRoutes(api: FastifyInstance, policy: PolicyAnalysis): void {
  const { book, watch } = policy;
  const answer = () => {
    const current = book.current();
    const warnings = current === undefined ? [] : policy.warnings(current.document);
    return {
      document: current?.document ?? null,
      version: current?.version ?? null,
      file: book.file,
      problems: [...book.problems(), ...warnings],
      watch: watch.status(),
    };
  };
  const checked = (document: PolicyDocument | undefined) =>
    document === undefined ? [] : policy.warnings(document);

  api.get('/policy', describeRoute('The intended policy', undefined, policyAnswerSchema), answer);
  api.put(
    '/policy',
    withBody('Saves a policy as a new version', saveBody, policyAnswerSchema),
    async (request) => {
      const { document, comment, basedOn } = saveBody.parse(request.body);
      await book.save(document, whoAsks(request), comment, basedOn);
      return answer();
    },
  );
  api.post(
    '/policy/check',
    { ...withBody('What is wrong with a policy', checkBody, checkedSchema), config: VIEWER },
    (request) => {
      const { text, document: value } = checkBody.parse(request.body);
      const { document, problems } = text === undefined ? checkPolicy(value) : parsePolicyText(text);
      return { document: document ?? null, problems: [...problems, ...checked(document)] };
    },
  );
  api.post(
    '/policy/import',
    {
      ...withBody('A policy made of a firewall’s rules or of a table', importBody, importedSchema),
      config: VIEWER,
    },
    (request) => {
      const { from, text, self, interfaces } = importBody.parse(request.body);
      const imported = from === 'csv' ? importPolicyCsv(text) : importRuleset(text, { self, interfaces });
      const { problems } = checkPolicy(imported.document);
      return { ...imported, problems: [...problems, ...checked(imported.document)] };
    },
  );
  api.get('/policy/versions', describeRoute('Versions, newest first', undefined, versionsSchema), () => ({
    versions: book.versions(),
  }));
  api.get(
    '/policy/versions/:version',
    describeRoute('The policy of a version', undefined, documentSchema),
    (request) => book.document(versionParameters.parse(request.params).version),
  );
  api.post(
    '/policy/versions/:version/revert',
    describeRoute('Makes an old version the newest', undefined, policyAnswerSchema),
    async (request) => {
      await book.revert(versionParameters.parse(request.params).version, whoAsks(request));
      return answer();
    },
  );
}

/** What is no JSON although it begins so is the asker's mistake. */
function importRuleset(...[text, options]: Parameters<typeof importNftables>) {
  try {
    return importNftables(text, options);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError('ruleset_invalid', `nftables: no JSON: ${error.message}`);
  }
}

const whoAsks = ({ identity }: FastifyRequest) => identity?.name ?? 'unknown';

function windowOf(asked: z.infer<typeof windowParameters>, clock: Clock): PolicyQuestion {
  const last = asked.last ?? (asked.from === undefined ? LAST_MS_DEFAULT : undefined);
  const nowMs = Math.floor(clock.nowMs() / ROUNDING_MS) * ROUNDING_MS;
  const { fromMs, toMs } = timeWindow({ last, from: asked.from, to: asked.to }, nowMs);
  return { fromMs, toMs, filter: asked.filter };
}

function addQuestionRoutes(api: FastifyInstance, policy: PolicyAnalysis, clock: Clock): void {
  api.get(
    '/policy/matrix',
    describeRoute(
      'The policy held against what was seen and what was dropped',
      windowParameters,
      matrixSchema,
    ),
    async (request, reply) => {
      const question = windowOf(windowParameters.parse(request.query), clock);
      const { policy: current, ...answer } = await policy.matrix(question, clientSignal(reply));
      return { ...answer, version: current.version };
    },
  );
  api.get(
    '/policy/cell',
    describeRoute('Who is behind a cell of the matrix', cellParameters, evidenceSchema),
    (request, reply) => {
      const { source, destination, service, rule, outcome, ...asked } = cellParameters.parse(request.query);
      const choice = {
        ...(source === undefined ? {} : { from: source }),
        ...(destination === undefined ? {} : { to: destination }),
        ...(service === undefined ? {} : { service }),
        ...(rule === undefined ? {} : { rule }),
        ...(outcome === undefined ? {} : { outcome }),
      };
      return policy.cell(choice, windowOf(asked, clock), clientSignal(reply));
    },
  );
  api.get(
    '/policy/drops',
    describeRoute(
      'Sources with most packets dropped, by the firewall’s rule',
      windowParameters,
      sourcesSchema,
    ),
    async (request, reply) => {
      const question = windowOf(windowParameters.parse(request.query), clock);
      return { sources: await policy.droppedSources(question, clientSignal(reply)) };
    },
  );
  api.get('/policy/trend', describeRoute('Sums by day', trendParameters, trendSchema), (request) => ({
    days: policy.watch.trend().slice(-trendParameters.parse(request.query).days),
  }));
}

function addChangeRoutes(api: FastifyInstance, policy: PolicyAnalysis, clock: Clock): void {
  api.post(
    '/policy/change',
    {
      ...withBody('What another policy, or one more rule, would change', changeBody, changeSchema),
      config: VIEWER,
    },
    (request, reply) => {
      const { document, rule, position, ...asked } = changeBody.parse(request.body);
      const after = proposed(policy, document, rule, position);
      return policy.change(after, windowOf(asked, clock), clientSignal(reply));
    },
  );
  api.post(
    '/policy/change/evidence',
    { ...withBody('Who is behind a line of a change', changeEvidenceBody, evidenceSchema), config: VIEWER },
    (request, reply) => {
      const { document, rule, position, line, ...asked } = changeEvidenceBody.parse(request.body);
      const after = proposed(policy, document, rule, position);
      return policy.changeEvidence(after, line, windowOf(asked, clock), clientSignal(reply));
    },
  );
}

function proposed(
  { book }: PolicyAnalysis,
  document: unknown,
  rule: unknown,
  position: number | undefined,
): PolicyDocument {
  if (rule === undefined) return policyOf(checkPolicy(document));
  const current = book.current();
  if (current === undefined && document === undefined)
    throw new UserError('policy_unknown', 'there is no policy that the rule could be added to');
  const base = document === undefined ? current?.document : policyOf(checkPolicy(document));
  return policyOf(checkPolicy(base === undefined ? document : withRule(base, rule as PolicyRule, position)));
}

function addAuditRoutes(api: FastifyInstance, policy: PolicyAnalysis, clock: Clock): void {
  const audited = async (request: FastifyRequest, reply: FastifyReply): Promise<AuditedPolicy> => {
    const question = windowOf(windowParameters.parse(request.query), clock);
    const { policy: current, ...answer } = await policy.matrix(question, clientSignal(reply));
    const name = current.document.name ?? 'Policy';
    return { ...answer, name, version: current.version, filter: question.filter };
  };
  const file = (reply: FastifyReply, { toMs }: AuditedPolicy, extension: string) =>
    reply.header(
      'content-disposition',
      `attachment; filename="policy-${new Date(toMs).toISOString().slice(0, 10)}.${extension}"`,
    );
  api.get(
    '/policy/audit.csv',
    describeRoute(
      'The state of the policy, a row for each cell, service and state',
      windowParameters,
      z.string(),
    ),
    async (request, reply) => {
      const policyNow = await audited(request, reply);
      return file(reply, policyNow, 'csv').type('text/csv; charset=utf-8').send(auditCsv(policyNow));
    },
  );
  api.get(
    '/policy/audit.pdf',
    describeRoute('The state of the policy as a document', windowParameters, z.string()),
    async (request, reply) => {
      const policyNow = await audited(request, reply);
      const octets = await pdfDocument(auditDocument(policyNow, clock.nowMs()));
      return file(reply, policyNow, 'pdf').type('application/pdf').send(octets);
    },
  );
}
