import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import fastifySwagger from '@fastify/swagger';
import {
  type Clock,
  type Component,
  createMetricsRegistry,
  type Logger,
  type MetricsSnapshot,
  renderMetrics,
  systemClock,
  UserError,
} from '@weir/base';
import type { FlowSourceEditor } from '@weir/collecting';
import { type FastifyInstance, fastify } from 'fastify';
import { addAccessGuard } from './access/access-guard.ts';
import { ANYONE, LOCAL } from './access/identity.ts';
import type { ApiTopic } from './analyses/api-topic.ts';
import { statusAnswerSchema } from './answers.ts';
import { clientSignal } from './client-signal.ts';
import { answerPage } from './console-pages.ts';
import { addEnrichmentRoutes, type EnrichmentObserver } from './enrichment-routes.ts';
import { addExporterRoutes, type ExporterObserver } from './exporter-routes.ts';
import { addFlowSourceRoutes } from './flow-source-routes.ts';
import { type Health, healthOf } from './health.ts';
import { createHostGuard, isCrossSite, isLoopbackAddress, SECURITY_HEADERS } from './host-guard.ts';
import { createListFolder } from './list-folder.ts';
import { createLiveFeed, type LiveFeed } from './live-feed.ts';
import { addLiveRoute } from './live-routes.ts';
import { problemOf, STATUS_CLIENT_GONE } from './problem.ts';
import { createQueryGate, type QueryGate } from './query-gate.ts';
import { addQueryRoutes, describeRoute } from './query-routes.ts';
import { createStoreQuestions, type QueryableStore } from './store-questions.ts';
import { createStatusRates, type SystemStatus } from './system-status.ts';

/** A plan is some hundred octets, a long filter some thousand. */
const BODY_OCTETS_MAX = 256 * 1024;
/** A request has to be here in this time; what slower clients send is no question. */
const REQUEST_TIMEOUT_MS = 15_000;
const CONNECTIONS_MAX = 512;
const PORT_DEFAULT = 8080;

export interface ServerOptions {
  /** Address to listen on; 127.0.0.1 when not given. */
  readonly host?: string;
  /** 8080 when not given; 0 for any free port. */
  readonly port?: number;
  readonly store: QueryableStore;
  /** Folder of the built console; without it only the API is served. */
  readonly consoleDirectory?: string | URL;
  /** Folder of named lists for filters, `NAME.txt` each. */
  readonly listsDirectory?: string;
  readonly status: () => Promise<SystemStatus>;
  /** Where flow sources are edited; without it there are no routes for them. */
  readonly flowSources?: FlowSourceEditor;
  /** Who exports; without it nothing is told of them beyond the status. */
  readonly exporters?: ExporterObserver;
  /** What records are enriched with; without it nothing is told of that. */
  readonly enrichment?: EnrichmentObserver;
  /** Analyses with routes of their own. */
  readonly topics?: readonly ApiTopic[];
  /** Metrics of all threads of the process; the server adds its own. */
  readonly metrics?: () => Promise<MetricsSnapshot[]>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

export interface Server extends Component {
  /** Where it listens: known after `start`. */
  address(): { host: string; port: number; url: string };
  counters(): ServerCounters;
  /** For tests: answers a request without a socket. */
  readonly inject: FastifyInstance['inject'];
}

export interface ServerCounters {
  requests: number;
  /** Answers by hundreds: `2xx`, `4xx`, `5xx`. */
  answers: Record<string, number>;
  refusedHosts: number;
  queries: ReturnType<QueryGate['counters']>;
  live: ReturnType<LiveFeed['counters']>;
}

/**
 * Creates the HTTP server: API under /api/v1, metrics, health, console. `start` rejects with UserError
 * `http_address_in_use` or `http_address_unavailable` when it cannot listen.
 */
export function createServer(options: ServerOptions): Server {
  const { host = '127.0.0.1', port = PORT_DEFAULT, store, logger, clock = systemClock } = options;
  const gate = createQueryGate(clock);
  const lists = options.listsDirectory === undefined ? undefined : createListFolder(options.listsDirectory);
  const questions = createStoreQuestions({
    store,
    gate,
    clock,
    ...(lists === undefined ? {} : { readList: lists.read }),
  });
  const rates = createStatusRates();
  const status = async () => rates(await options.status(), clock.nowMs());
  const feed = createLiveFeed({ questions, status, clock, logger });
  const counts = { requests: 0, answers: { '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 }, refusedHosts: 0 };
  const counters = (): ServerCounters => ({ ...counts, queries: gate.counters(), live: feed.counters() });
  const registry = createServerMetrics(counters);

  const app = fastify({
    bodyLimit: BODY_OCTETS_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    exposeHeadRoutes: true,
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  // Requests are checked with zod in the routes; the JSON schemas there are documentation.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  guard(app, host, counts);
  addAccessGuard(app, {
    identify: () => (isLoopbackAddress(host) ? LOCAL : ANYONE),
    onRefusal: ({ method, url }, { code }) =>
      logger.debug(`${method} ${url.slice(0, 100)} was refused: ${code}`),
  });
  count(app, counts);
  answerProblems(app, logger, options.consoleDirectory);
  app.register(fastifySwagger, { openapi: OPENAPI });
  app.register(
    async (api) => {
      api.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
      api.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
      api.get(
        '/status',
        describeRoute('What is metered, received and kept', undefined, statusAnswerSchema),
        status,
      );
      addQueryRoutes(api, questions, lists, clock);
      addLiveRoute(api, feed, clock);
      if (options.exporters !== undefined) addExporterRoutes(api, options.exporters, () => clock.nowMs());
      if (options.enrichment !== undefined) addEnrichmentRoutes(api, options.enrichment);
      if (options.flowSources !== undefined) addFlowSourceRoutes(api, options.flowSources);
      for (const topic of options.topics ?? []) topic.addRoutes(api);
    },
    { prefix: '/api/v1' },
  );
  app.get('/healthz', { schema: { hide: true } }, async (): Promise<Health> => {
    const status = await options.exporters?.status();
    return status === undefined ? { status: 'ok', reasons: [] } : healthOf(status);
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const snapshots = [await registry.snapshot(), ...((await options.metrics?.()) ?? [])];
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await renderMetrics(snapshots));
  });
  serveConsole(app, options.consoleDirectory);

  let listening = { host, port, url: '' };
  return {
    async start() {
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw listenError(error, host, port);
      }
      const bound = app.server.address();
      const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
      listening = {
        host,
        port: boundPort,
        url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
      };
      feed.start();
      if (!isLoopbackAddress(host)) {
        logger.warn(`${listening.url} is open to all who reach this machine: there is no login.`);
      }
    },
    async stop() {
      feed.stop();
      await app.close();
    },
    address: () => listening,
    counters,
    inject: app.inject.bind(app),
  };
}

const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Weir',
    version: '1',
    description: 'Questions about IP flows. All times are UTC; octets are octets of the IP layer.',
  },
} as const;

/** Refuses who must not ask; adds the security headers to every answer, refusals included. */
function guard(app: FastifyInstance, host: string, counts: { refusedHosts: number }): void {
  const isKnownHost = createHostGuard(host, [host, hostname()]);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (!isKnownHost(request.headers.host)) {
      counts.refusedHosts += 1;
      const message = `The name in the Host header is not one of this server. Open it as http://${host}.`;
      return reply.code(421).send({ error: { code: 'host', message } });
    }
    if (request.url.startsWith('/api/') && isCrossSite(request.headers['sec-fetch-site'])) {
      return reply.code(403).send({ error: { code: 'cross_site', message: 'Other sites may not ask.' } });
    }
  });
}

function count(app: FastifyInstance, counts: { requests: number; answers: Record<string, number> }): void {
  app.addHook('onResponse', async (_request, reply) => {
    counts.requests += 1;
    const hundreds = `${Math.floor(reply.statusCode / 100)}xx`;
    counts.answers[hundreds] = (counts.answers[hundreds] ?? 0) + 1;
  });
}

function answerProblems(app: FastifyInstance, logger: Logger, consoleDirectory?: string | URL): void {
  app.setErrorHandler((error, request, reply) => {
    if (clientSignal(reply).aborted) return reply.code(STATUS_CLIENT_GONE).send();
    const { status, problem } = problemOf(error);
    if (status === 500) logger.error({ error: String(error), url: request.url }, 'A request failed.');
    if (status === 503) reply.header('retry-after', '2');
    return reply.code(status).send({ error: problem });
  });
  app.setNotFoundHandler((request, reply) => {
    if (answerPage(request, reply, consoleDirectory)) return reply;
    const message = `There is nothing at ${request.url.slice(0, 200)}.`;
    return reply.code(404).send({ error: { code: 'not_found', message } });
  });
}

/** The console's files; names under /assets/ carry a hash of their content and never change. */
function serveConsole(app: FastifyInstance, directory: string | URL | undefined): void {
  if (directory === undefined) return;
  const root = typeof directory === 'string' ? directory : fileURLToPath(directory);
  if (!existsSync(root)) {
    app.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply.type('text/plain').send('The console is not built: npx vite build packages/console\n'),
    );
    return;
  }
  app.register(fastifyStatic, {
    root,
    cacheControl: false,
    setHeaders(reply, path) {
      const immutable = path.includes('/assets/');
      reply.header('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') {
    return new UserError(
      'http_address_in_use',
      `port ${port} on ${host} is in use by another program; use --http IP:PORT for another one`,
    );
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    const why = code === 'EACCES' ? 'this user may not open it' : 'this machine has no such address';
    return new UserError(
      'http_address_unavailable',
      `cannot listen on ${host} port ${port}: ${why}; use --http IP:PORT`,
    );
  }
  return error;
}

function createServerMetrics(counters: () => ServerCounters) {
  const registry = createMetricsRegistry();
  const answers = () =>
    Object.entries(counters().answers).map(([hundreds, value]) => ({ labels: { status: hundreds }, value }));
  registry.counter(
    { name: 'weir_server_answers_total', help: 'HTTP answers by status', labelNames: ['status'] },
    answers,
  );
  const queries = () =>
    Object.entries(counters().queries).map(([outcome, value]) => ({ labels: { outcome }, value }));
  registry.counter(
    {
      name: 'weir_server_queries_total',
      help: 'Questions to the store by what became of them',
      labelNames: ['outcome'],
    },
    queries,
  );
  registry.counter(
    { name: 'weir_server_refused_hosts_total', help: 'Requests with a foreign Host header' },
    () => counters().refusedHosts,
  );
  registry.gauge(
    { name: 'weir_server_live_clients', help: 'Pages that follow the traffic' },
    () => counters().live.clients,
  );
  return registry;
}
