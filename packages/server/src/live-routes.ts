import { parseFilter } from '@weir/analysis';
import type { Clock } from '@weir/base';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { rowFilterOf } from './access/identity.ts';
import type { LiveEvent, LiveFeed } from './live-feed.ts';
import { liveParameters } from './parameters.ts';
import { GateError } from './query-gate.ts';

/** A comment this often keeps proxies from closing a silent stream; that its reader still may is looked at, too. */
const HEARTBEAT_MS = 10_000;
/**
 * A client that is this far behind is dropped: it reconnects and gets the newest state instead of the
 * backlog.
 */
const BACKLOG_OCTETS_MAX = 2 * 1024 * 1024;
const RECONNECT_AFTER_MS = 2000;
const LAST_MS_DEFAULT = 15 * 60_000;

/** `/live`: server-sent events `pulse`, `series`, `flows`, `top` and `status`. */
export function addLiveRoute(
  app: FastifyInstance,
  feed: LiveFeed,
  clock: Clock,
  stillMay: (request: FastifyRequest) => boolean,
): void {
  const schema = {
    summary: 'Server-sent events: what changed, every second',
    produces: ['text/event-stream'],
  };
  app.get('/live', { schema, config: { narrowed: true } }, (request, reply) => {
    const { last, ...asked } = liveParameters.parse(request.query);
    parseFilter(asked.filter, { lists: 'unread' });
    const stream = reply.raw;
    const backlog: LiveEvent[] = [];
    let send = (event: LiveEvent): void => void backlog.push(event);
    const question = { ...asked, lastMs: last ?? LAST_MS_DEFAULT, rowFilter: rowFilterOf(request) };
    const unsubscribe = feed.subscribe(question, (event) => send(event));
    if (unsubscribe === undefined) throw new GateError('busy', 'Too many pages follow the traffic already.');

    reply.hijack();
    stream.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    stream.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
    const cancelHeartbeat = clock.every(HEARTBEAT_MS, () => {
      if (stillMay(request)) stream.write(': heartbeat\n\n');
      else stream.destroy(); // logged out, or narrowed further: it asks again, and is refused
    });
    send = ({ name, data }) => {
      if (stream.writableLength > BACKLOG_OCTETS_MAX) stream.destroy();
      else stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    for (const event of backlog) send(event);
    stream.on('close', () => {
      cancelHeartbeat();
      unsubscribe();
    });
  });
}
