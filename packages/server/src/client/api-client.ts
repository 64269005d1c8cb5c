/**
 * A typed client of the API, for programs in TypeScript: `createClient({ url, token }).get('query', { by: 'srcAddr' })`.
 * Parameters and answers have the types of the schemas that the server checks and documents them with.
 */
import type { PlanSource, QueryPlan, QueryResult } from '@weir/analysis';
import type { z } from 'zod';
import type { SessionAnswer } from '../access/session-routes.ts';
import type {
  FlowsAnswer,
  ListsAnswer,
  Problem,
  Pulse,
  QueryAnswer,
  SeriesAnswer,
  StatusAnswer,
  ValuesAnswer,
} from '../answers.ts';
import type { AsNamesAnswer, asNamesParameters, EnrichmentAnswer } from '../enrichment-routes.ts';
import type { ExportersAnswer, exportersParameters } from '../exporter-routes.ts';
import type {
  flowsParameters,
  pulseParameters,
  queryParameters,
  seriesParameters,
  valuesParameters,
} from '../parameters.ts';
import type { MatrixAnswer } from '../policy/policy.ts';
import type { windowParameters } from '../policy/policy-schema.ts';

interface Resource<Answer, Parameters = Readonly<Record<string, never>>> {
  readonly parameters: Parameters;
  readonly answer: Answer;
}

/** What can be read, by its path under `/api/v1`. */
export interface ApiResources {
  readonly query: Resource<QueryAnswer, z.input<typeof queryParameters>>;
  readonly series: Resource<SeriesAnswer, z.input<typeof seriesParameters>>;
  readonly flows: Resource<FlowsAnswer, z.input<typeof flowsParameters>>;
  readonly pulse: Resource<Pulse, z.input<typeof pulseParameters>>;
  readonly values: Resource<ValuesAnswer, z.input<typeof valuesParameters>>;
  readonly lists: Resource<ListsAnswer>;
  readonly status: Resource<StatusAnswer>;
  readonly session: Resource<SessionAnswer>;
  readonly exporters: Resource<ExportersAnswer, z.input<typeof exportersParameters>>;
  readonly enrichment: Resource<EnrichmentAnswer>;
  readonly 'policy/matrix': Resource<MatrixAnswer, z.input<typeof windowParameters>>;
  readonly 'as-names': Resource<AsNamesAnswer, z.input<typeof asNamesParameters>>;
}

export interface ClientOptions {
  /** Where the console is: `https://weir.example.org`. */
  readonly url: string;
  /** A token made in the console, where a login is demanded. */
  readonly token?: string | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface ApiClient {
  /** Rejects with ApiError when the server answers with a problem. */
  get<Name extends keyof ApiResources>(
    resource: Name,
    parameters?: ApiResources[Name]['parameters'],
    signal?: AbortSignal,
  ): Promise<ApiResources[Name]['answer']>;
  /** Answers a plan of `@weir/analysis`. */
  plan(plan: QueryPlan, signal?: AbortSignal): Promise<QueryResult & { readonly sql: string }>;
  /** Asks for a resource that ApiResources does not name; resolves with its JSON, whose shape is the asker's to know. */
  ask<Answer>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer>;
  /** Where a plan would be answered from, and what would be read. */
  estimate(plan: QueryPlan): Promise<PlanSource & { readonly notes: string[]; readonly sql: string }>;
}

/** What the API answered instead of data; `problem.code` is stable. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.message);
    this.status = status;
    this.problem = problem;
  }
}

export function createClient(options: ClientOptions): ApiClient {
  const { url, token, fetch: ask = fetch } = options;

  async function request<Answer>(path: string, init: RequestInit): Promise<Answer> {
    const headers = {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const response = await ask(new URL(`/api/v1/${path}`, url), { ...init, headers });
    if (!response.ok) throw new ApiError(response.status, await readProblem(response));
    return (await response.json()) as Answer;
  }

  const within = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
  const post = <Answer>(path: string, body: unknown, signal?: AbortSignal) =>
    request<Answer>(path, { method: 'POST', body: JSON.stringify(body), ...within(signal) });

  return {
    get(resource, parameters = {}, signal) {
      const search = new URLSearchParams();
      for (const [name, value] of Object.entries(parameters)) {
        if (value !== undefined) search.set(name, String(value));
      }
      return request(`${resource}?${search}`, within(signal));
    },
    ask: (method, path, body) =>
      request(path, { method, ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }) }),
    plan: (plan, signal) => post('query', plan, signal),
    estimate: (plan) => post('query/estimate', plan),
  };
}

async function readProblem(response: Response): Promise<Problem> {
  try {
    const { error } = (await response.json()) as { error?: Problem };
    if (error !== undefined) return error;
  } catch {
    // Not ours: something between the client and Weir answered.
  }
  return { code: 'http', message: `The server answered ${response.status} ${response.statusText}.` };
}
