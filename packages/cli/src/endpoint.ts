import { isIP } from 'node:net';
import { EXIT_USAGE, UserError } from '@weir/base';

/** A numeric address and a port. */
export interface Endpoint {
  address: string;
  port: number;
}

/** `192.0.2.1:2055` or `[2001:db8::1]:2055`. Throws UserError `usage_endpoint`. */
export function parseEndpoint(text: string, option: string, portMin = 0): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? Number.NaN);
  const family = match?.[1] === undefined ? 4 : 6;
  if (
    isIP(address === 'localhost' ? '127.0.0.1' : address) !== family ||
    !(port >= portMin && port <= 65535)
  ) {
    const allowed = `IP:PORT with the port from ${portMin} to 65535, IPv6 in brackets`;
    throw new UserError(
      'usage_endpoint',
      `${option}: '${text}' is not allowed (allowed: ${allowed})`,
      EXIT_USAGE,
    );
  }
  return { address: address === 'localhost' ? '127.0.0.1' : address, port };
}

/** Where to send to: `Udp/IP:PORT`, the protocol in any case. Throws UserError `usage_endpoint`. */
export function parseUdpDestination(text: string, option: string): Endpoint {
  const match = /^udp\/(.+)$/i.exec(text);
  if (match?.[1] === undefined) {
    throw new UserError(
      'usage_endpoint',
      `${option}: '${text}' is not allowed (allowed: Udp/IP:PORT, IPv6 in brackets)`,
      EXIT_USAGE,
    );
  }
  return parseEndpoint(match[1], option, 1);
}

/** The inverse of parseEndpoint. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `IP:PORT`, or `PORT` alone for loopback. */
export function parseLocalEndpoint(text: string, option: string): Endpoint {
  return parseEndpoint(/^\d+$/.test(text) ? `127.0.0.1:${text}` : text, option);
}
