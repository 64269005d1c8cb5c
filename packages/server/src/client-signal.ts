import type { FastifyReply } from 'fastify';

/** Aborted when a client had left by the time its answer was not yet written. */
const signals = new WeakMap<FastifyReply, AbortSignal>();

/**
 * Aborts when the client goes away before it has its answer. Fastify's own `request.signal` listens to the
 * request, which for a POST is closed as soon as its body has been read.
 */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const known = signals.get(reply);
  if (known !== undefined) return known;
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  signals.set(reply, controller.signal);
  return controller.signal;
}
