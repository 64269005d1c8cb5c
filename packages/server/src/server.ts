import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import fastifyCompress from '@fastify/compress';
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
import type { AccessSettings, FlowSourceEditor, HttpSettings } from '@weir/collecting';
import { type FastifyInstance, fastify } from 'fastify';
import { type AccessCounters, createAccess } from './access/access.ts';
import { rowFilterOf } from './access/identity.ts';
import { addOidcRoutes } from './access/oidc-routes.ts';
import { addSessionRoutes } from './access/session-routes.ts';
import { addUserRoutes } from './access/user-routes.ts';
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
import { OPENAPI_OPTIONS } from './openapi-document.ts';
import { problemOf, STATUS_CLIENT_GONE } from './problem.ts';
import { createQueryGate, type QueryGate } from './query-gate.ts';
import { addQueryRoutes, describeRoute } from './query-routes.ts';
import { type ApiRoute, collectRoutes } from './route-table.ts';
import { addSqlRoute } from './sql-routes.ts';
import { createStoreQuestions, type QueryableStore } from './store-questions.ts';
import { createStatusRates, narrowStatus, type SystemStatus } from './system-status.ts';
import { createHttpServer, createTlsListener } from './tls-listener.ts';

/** A plan is some hundred octets, a long filter some thousand. */
const BODY_OCTETS_MAX = 256 * 1024;
/** A request has to be here in this time; what slower clients send is no question. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Looked for this often; Node's own 30 s would let a client that sends a header a minute sit there for long. */
const SLOW_CLIENTS_LOOKED_FOR_MS = 5_000;
/** A socket on which nothing moved for so long; live events beat every ten seconds, the longest question takes 30. */
const SILENT_SOCKET_MS = 120_000;
/** Below, the header that says so costs more than gzip saves. */
const COMPRESSED_FROM_OCTETS = 1024;
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
  /** How it is served: TLS, names, proxies. */
  readonly http?: HttpSettings | undefined;
  /** Who may ask; by default everybody on this machine, elsewhere whoever logs in. */
  readonly access?: AccessSettings | undefined;
  /** Folder of users, tokens and the audit log; needed where a login is. */
  readonly accessDirectory?: string;
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
  /** All routes, and who may ask them; complete after `start`. */
  routes(): readonly ApiRoute[];
  /** Takes a renewed certificate into use. */
  reload(): Promise<void>;
  /** For tests: answers a request without a socket. */
  readonly inject: FastifyInstance['inject'];
}

export interface ServerCounters {
  requests: number;
  /** Answers by hundreds: `2xx`, `4xx`, `5xx`. */
  answers: Record<string, number>;
  refusedHosts: number;
  access: AccessCounters;
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
  const access = createAccess({
    host,
    directory: options.accessDirectory,
    settings: options.access,
    clock,
    logger,
  });
  const counters = (): ServerCounters => ({
    ...counts,
    access: { ...access.counters },
    queries: gate.counters(),
    live: feed.counters(),
  });
  const registry = createServerMetrics(counters);

  const { tls, names = [], proxies = [] } = options.http ?? {};
  const app = fastify({
    serverFactory: (handler) => createHttpServer(tls, SOCKETS, handler),
    bodyLimit: BODY_OCTETS_MAX,
    forceCloseConnections: true,
    // A proxy on this machine is believed, and those that the configuration names.
    trustProxy: ['loopback', ...proxies],
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    exposeHeadRoutes: true,
  });
  const certificate = tls === undefined ? undefined : createTlsListener(tls, app.server, clock, logger);
  app.server.setTimeout(SILENT_SOCKET_MS);
  app.server.maxConnections = CONNECTIONS_MAX;
  // Requests are checked with zod in the routes; the JSON schemas there are documentation.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  const routes = collectRoutes(app);
  guard(app, host, names, counts);
  access.addGuard(app);
  count(app, counts);
  answerProblems(app, logger, options.consoleDirectory);
  app.register(fastifyCompress, { threshold: COMPRESSED_FROM_OCTETS, encodings: ['gzip'] });
  app.register(fastifySwagger, OPENAPI_OPTIONS);
  app.register(
    async (api) => {
      api.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
      api.get('/openapi.json', { schema: { hide: true }, config: { narrowed: true } }, () => app.swagger());
      api.get(
        '/status',
        {
          ...describeRoute('What is metered, received and kept', undefined, statusAnswerSchema),
          config: { narrowed: true },
        },
        async (request) => {
          const answer = await status();
          return rowFilterOf(request) === '' ? answer : narrowStatus(answer);
        },
      );
      addSessionRoutes(api, access);
      if (access.people !== undefined) addUserRoutes(api, access.people);
      addQueryRoutes(api, questions, lists, clock);
      if (store.sql !== undefined) addSqlRoute(api, { sql: store.sql }, gate, clock);
      addLiveRoute(api, feed, clock, access.stillMay);
      if (options.exporters !== undefined) addExporterRoutes(api, options.exporters, () => clock.nowMs());
      if (options.enrichment !== undefined) addEnrichmentRoutes(api, options.enrichment);
      if (options.flowSources !== undefined) addFlowSourceRoutes(api, options.flowSources);
      for (const topic of options.topics ?? []) topic.addRoutes(api);
    },
    { prefix: '/api/v1' },
  );
  if (access.people?.oidc !== undefined) addOidcRoutes(app, access, access.people, access.people.oidc);
  app.get('/healthz', { schema: { hide: true }, config: { role: 'public' } }, async ({ identity }) => {
    const collector = await options.exporters?.status();
    const health: Health = collector === undefined ? { status: 'ok', reasons: [] } : healthOf(collector);
    // Whether it works is everybody's business, what does not only of who may look.
    return identity?.rowFilter === '' ? health : { status: health.status };
  });
  app.get('/metrics', { schema: { hide: true } }, async (_request, reply) => {
    const snapshots = [await registry.snapshot(), ...((await options.metrics?.()) ?? [])];
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(await renderMetrics(snapshots));
  });
  serveConsole(app, options.consoleDirectory);

  let listening = { host, port, url: '' };
  return {
    async start() {
      await certificate?.start();
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
        url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
      };
      feed.start();
      access.opened(openedUrl(listening, names), boundPort);
      if (!isLoopbackAddress(host) && tls === undefined) {
        logger.warn(
          `${listening.url} is not encrypted: passwords can be read on the way; see http.tls in the configuration`,
        );
      }
    },
    async stop() {
      feed.stop();
      certificate?.stop();
      await app.close();
      access.closed();
    },
    address: () => listening,
    routes: () => routes,
    reload: async () => certificate?.renew(),
    counters,
    inject: app.inject.bind(app),
  };
}

/** Clients that are slow on purpose hold a connection for so long, and no longer. */
const SOCKETS = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  headersTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: SLOW_CLIENTS_LOOKED_FOR_MS,
} as const;

/** Where people open it: an address that stands for all of the machine's is none to type. */
function openedUrl(
  { host, port, url }: { host: string; port: number; url: string },
  names: readonly string[],
): string {
  const isAny = host === '0.0.0.0' || host === '::';
  const [name = isAny ? hostname() : undefined] = names;
  return name === undefined ? url : `${url.split(':')[0]}://${name}:${port}`;
}

/** Refuses who must not ask; adds the security headers to every answer, refusals included. */
function guard(
  app: FastifyInstance,
  host: string,
  names: readonly string[],
  counts: { refusedHosts: number },
): void {
  const isKnownHost = createHostGuard(host, [host, hostname()], names);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (!isKnownHost(request.headers.host)) {
      counts.refusedHosts += 1;
      const remedy = `Open it as ${host}, or name it in http.names of the configuration.`;
      const message = `The name in the Host header is not one of this server. ${remedy}`;
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
    preCompressed: true,
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
  const access = () =>
    Object.entries(counters().access).map(([outcome, value]) => ({ labels: { outcome }, value }));
  registry.counter(
    {
      name: 'weir_server_access_total',
      help: 'Log-ins, those that failed, requests that were refused, and those of clients that asked too much',
      labelNames: ['outcome'],
    },
    access,
  );
  registry.gauge(
    { name: 'weir_server_live_clients', help: 'Pages that follow the traffic' },
    () => counters().live.clients,
  );
  return registry;
}
