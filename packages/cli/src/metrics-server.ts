/** `/metrics` in the Prometheus text format, for a device that serves nothing else. */
import { createServer } from 'node:http';
import { type Component, type Logger, type MetricsRegistry, renderMetrics, UserError } from '@weir/base';
import { type Endpoint, formatEndpoint } from './endpoint.ts';

/** Serves `metrics` at `endpoint`. `start` throws a UserError when the port is taken. */
export function createMetricsServer(endpoint: Endpoint, metrics: MetricsRegistry, logger: Logger): Component {
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('only /metrics is here\n');
      return;
    }
    const text = await renderMetrics([await metrics.snapshot()]);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
  });

  return {
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) => {
          const where = formatEndpoint(endpoint);
          reject(new UserError('metrics_refused', `--metrics ${where}: cannot listen (${error.message})`));
        });
        server.listen(endpoint.port, endpoint.address, resolve);
      });
      const bound = server.address();
      const port = typeof bound === 'object' && bound !== null ? bound.port : endpoint.port;
      logger.info(`metrics at http://${formatEndpoint({ address: endpoint.address, port })}/metrics`);
    },
    async stop() {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
