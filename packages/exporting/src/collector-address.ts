/** One entry of `IpFixCollectors`: `Transport/Host:Port`. */
import { isIPv4, isIPv6 } from 'node:net';
import { suggestion } from './suggestion.ts';

/** The transports that the profile knows by name; RFC 7011 section 10 and RFC 5153. */
export const TRANSPORTS = ['Udp', 'Tcp', 'Tls', 'Dtls', 'Sctp'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** The transports that this version can open. */
export const SUPPORTED_TRANSPORTS: readonly Transport[] = ['Udp', 'Tcp', 'Tls'];

export interface CollectorAddress {
  readonly transport: Transport;
  /** An IP address without brackets, or a host name. */
  readonly host: string;
  /** 4 or 6 for an address, 0 for a host name that is still to be resolved. */
  readonly family: 0 | 4 | 6;
  readonly port: number;
  /** As the profile writes it; also the collector's name in logs and counters. */
  readonly text: string;
}

/** Where in the text something is wrong, and what. */
export interface AddressProblem {
  readonly index: number;
  readonly message: string;
}

const FORM = '"Udp/IP:Port" (IPv6 in brackets), for example "Udp/192.0.2.1:4739" or "Udp/[2001:db8::1]:4739"';
/** RFC 1123 section 2.1: labels of letters, digits and hyphens; underscores are seen in the wild. */
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** Parses an entry; a problem says what was found and what is allowed. */
export function parseCollectorAddress(text: string): CollectorAddress | AddressProblem {
  const slash = text.indexOf('/');
  if (slash < 0) return { index: 0, message: `has no transport, allowed: ${FORM}` };
  const transport = TRANSPORTS.find((name) => name === text.slice(0, slash));
  if (transport === undefined) return unknownTransport(text.slice(0, slash));
  if (!SUPPORTED_TRANSPORTS.includes(transport)) {
    const supported = SUPPORTED_TRANSPORTS.map((name) => `${name}/`).join(', ');
    return {
      index: 0,
      message: `transport ${transport}/ is not supported by this version, allowed: ${supported}`,
    };
  }
  const endpoint = splitEndpoint(text, slash + 1);
  if ('message' in endpoint) return endpoint;
  const family = hostFamily(endpoint.host, slash + 1);
  if (typeof family !== 'number') return family;
  const port = parsePort(endpoint.portText, endpoint.portIndex);
  if (typeof port !== 'number') return port;
  return { transport, host: endpoint.host, family, port, text };
}

function unknownTransport(found: string): AddressProblem {
  const allowed = SUPPORTED_TRANSPORTS.map((name) => `${name}/`).join(', ');
  return {
    index: 0,
    message: `unknown transport "${found}"${suggestion(found, TRANSPORTS)}, allowed: ${allowed}`,
  };
}

interface Endpoint {
  readonly host: string;
  readonly portText: string;
  readonly portIndex: number;
}

function splitEndpoint(text: string, start: number): Endpoint | AddressProblem {
  const endpoint = text.slice(start);
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(endpoint);
  if (bracketed !== null) {
    const host = bracketed[1] ?? '';
    if (!isIPv6(host)) return { index: start, message: `"${host}" is not an IPv6 address, allowed: ${FORM}` };
    return withPort(host, bracketed[2], start + host.length + 3);
  }
  if (isIPv6(endpoint) || endpoint.split(':').length > 2) {
    return { index: start, message: `IPv6 address without brackets, allowed: ${FORM}` };
  }
  const [host = '', portText] = endpoint.split(':');
  return withPort(host, portText, start + host.length + 1);
}

function withPort(host: string, portText: string | undefined, portIndex: number): Endpoint | AddressProblem {
  if (host === '') return { index: portIndex - 1, message: `has no address, allowed: ${FORM}` };
  if (portText === undefined || portText === '') {
    return { index: portIndex - 1, message: `has no port, allowed: ${FORM}` };
  }
  return { host, portText, portIndex };
}

function parsePort(text: string, index: number): number | AddressProblem {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  return { index, message: `bad port "${text}", allowed: 1 to 65535` };
}

function hostFamily(host: string, index: number): 0 | 4 | 6 | AddressProblem {
  if (isIPv6(host)) return isUnspecified6(host) ? unspecified(host, index) : 6;
  if (isIPv4(host)) return host === '0.0.0.0' || host === '255.255.255.255' ? unspecified(host, index) : 4;
  const lastLabel = host.split('.').findLast((label) => label !== '') ?? '';
  if (/^[0-9]+$/.test(lastLabel)) {
    return {
      index,
      message: `"${host}" is not an IPv4 address (four numbers from 0 to 255), allowed: ${FORM}`,
    };
  }
  if (HOST_NAME.test(host)) return 0;
  return { index, message: `"${host}" is neither an IP address nor a host name, allowed: ${FORM}` };
}

function isUnspecified6(host: string): boolean {
  return /^[0:]+$/.test(host);
}

function unspecified(host: string, index: number): AddressProblem {
  return { index, message: `"${host}" is not the address of one collector, allowed: ${FORM}` };
}
