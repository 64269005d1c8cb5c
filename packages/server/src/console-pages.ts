import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Addresses of pages have one or two plain words and never look like a file or a resource of the API. */
const PAGE_ADDRESS = /^\/[a-z][a-z-]{0,40}(?:\/[a-z][a-z-]{0,40})?\/?(?:\?|$)/;
const NOT_PAGES = /^\/(?:api|assets|metrics|healthz)(?:[/?]|$)/;

/**
 * Answers a browser that opens the address of a page (`/explore?…`) with the console itself, which finds the
 * page; false when the request is for anything else, or there is no console in `directory`.
 */
export function answerPage(
  request: FastifyRequest,
  reply: FastifyReply,
  directory: string | URL | undefined,
): boolean {
  if (directory === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
  if (!PAGE_ADDRESS.test(request.url) || NOT_PAGES.test(request.url)) return false;
  if (!String(request.headers.accept ?? '').includes('text/html')) return false;
  const root = typeof directory === 'string' ? directory : fileURLToPath(directory);
  if (!existsSync(path.join(root, 'index.html'))) return false;
  reply.code(200).header('cache-control', 'no-cache').sendFile('index.html');
  return true;
}
