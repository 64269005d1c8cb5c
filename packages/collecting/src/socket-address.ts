import { isIP } from 'node:net';
import { EXIT_USAGE, UserError } from '@weir/base';
import ipaddr from 'ipaddr.js';

/** An IP address (RFC 5952 form for IPv6, no brackets) and a port. */
export interface SocketAddress {
  readonly address: string;
  /** 0 … 65535; 0 asks the kernel for a free port and is only allowed where a call says so. */
  readonly port: number;
}

/** How exporters reach a listener (RFC 7011 section 10): datagrams, or messages in a byte stream. */
export const TRANSPORTS = ['udp', 'tcp', 'tls'] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** Where to listen: `udp/IP:PORT` taken apart. */
export interface ListenAddress extends SocketAddress {
  readonly transport: Transport;
}

export const PORT_MAX = 65535;
const LISTEN_ALLOWED =
  'udp/IP:PORT, tcp/IP:PORT or tls/IP:PORT, an IPv6 address in brackets, for example udp/0.0.0.0:4739 or tcp/[::]:4739';
const SOCKET_ADDRESS = /^(udp|tcp|tls)\/(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/i;

/**
 * Reads `udp/IP:PORT`, `tcp/…` or `tls/…` (the transport in any case). Throws UserError `listen_invalid`, exit code 2, which
 * says what was found and what is allowed. Port 0 is allowed: the kernel then chooses one.
 */
export function parseListen(text: string): ListenAddress {
  const found = parseAddress(text);
  if (found === undefined) {
    throw new UserError(
      'listen_invalid',
      `--listen: found "${text}"; allowed: ${LISTEN_ALLOWED}`,
      EXIT_USAGE,
    );
  }
  return found;
}

/** Reads `Udp/IP:PORT`; undefined when the text is anything else. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const found = parseAddress(text);
  if (found?.transport !== 'udp') return undefined;
  return { address: found.address, port: found.port };
}

function parseAddress(text: string): ListenAddress | undefined {
  const match = SOCKET_ADDRESS.exec(text);
  if (match === null) return undefined;
  const [, transport = '', bracketed, plain, digits] = match;
  const address = bracketed ?? plain ?? '';
  const port = Number(digits);
  if (port > PORT_MAX || isIP(address) !== (bracketed === undefined ? 4 : 6)) return undefined;
  return { transport: transport.toLowerCase() as Transport, address: canonicalAddress(address), port };
}

/** `IP:PORT`, IPv6 in brackets. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** An address as people compare it: IPv6 in the form of RFC 5952, with its zone kept. */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const [withoutZone, zone] = address.split('%');
  const canonical = ipaddr.IPv6.parse(withoutZone ?? address).toRFC5952String();
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}

/** Whether two sockets cannot be open at once: same port, and the same address or a wildcard of its family. */
export function addressesCollide(one: SocketAddress, other: SocketAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const [a, b] = [canonicalAddress(one.address), canonicalAddress(other.address)];
  if (a === b || a === '::' || b === '::') return true;
  const bothIPv4 = isIP(a) === 4 && isIP(b) === 4;
  return bothIPv4 && (a === '0.0.0.0' || b === '0.0.0.0');
}
