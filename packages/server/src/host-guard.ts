/**
 * Whom the server talks to. A page of another origin must not read or burden it, and DNS rebinding (a
 * foreign name that suddenly resolves to this machine) must not make it look like the same origin: the
 * Host header has to be an IP address, `localhost`, or a name that this machine is known by.
 */
import { isIP } from 'node:net';

/** The host of a Host header without port and brackets, in lower case; undefined when it is none. */
export function hostOf(header: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/i.exec(header ?? '');
  return match?.[1]?.replace(/^\[|\]$/g, '').toLowerCase();
}

const isLoopbackName = (host: string): boolean => host === 'localhost' || host.endsWith('.localhost');

export const isLoopbackAddress = (host: string): boolean =>
  host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host) || isLoopbackName(host);

/**
 * Decides on Host headers for a server bound to `boundHost`. Bound to loopback, only loopback's own names
 * pass; else any IP address (which cannot be rebound) and the names of the machine. The names that a configuration gives
 * always pass: a proxy before a server on loopback asks with them.
 */
export function createHostGuard(
  boundHost: string,
  names: readonly string[],
  configured: readonly string[] = [],
): (header: string | undefined) => boolean {
  const known = new Set(names.map((name) => name.toLowerCase()));
  const always = new Set(configured.map((name) => name.toLowerCase()));
  const loopbackOnly = isLoopbackAddress(boundHost.toLowerCase());
  return (header) => {
    const host = hostOf(header);
    if (host === undefined) return false;
    if (isLoopbackAddress(host) || always.has(host)) return true;
    return !loopbackOnly && (isIP(host) !== 0 || known.has(host));
  };
}

/**
 * Whether the browser says that another site caused the request (Fetch Metadata). Other clients say nothing.
 */
export function isCrossSite(secFetchSite: string | string[] | undefined): boolean {
  return secFetchSite === 'cross-site' || secFetchSite === 'same-site';
}

/** Sent with every answer. Scripts, styles and data come from here only; nobody may frame it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
