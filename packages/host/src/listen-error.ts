import { UserError } from '@weir/base';

/** Where a receiver listens. */
export interface ListenTarget {
  readonly address: string;
  readonly port: number;
}

/** `udp/192.0.2.1:4739`, `udp/[2001:db8::1]:4739`. */
export function describeUdpEndpoint({ address, port }: ListenTarget): string {
  return address.includes(':') ? `udp/[${address}]:${port}` : `udp/${address}:${port}`;
}

/** One line for a socket that could not be opened for listening; `errorName` is the name of errno. */
export function listenError(target: ListenTarget, errorName: string): UserError {
  const where = `cannot listen on ${describeUdpEndpoint(target)}`;
  switch (errorName) {
    case 'EADDRINUSE':
      return new UserError('port_busy', `${where}: another process uses this port`);
    case 'EADDRNOTAVAIL':
      return new UserError('address_unavailable', `${where}: this machine has no such address`);
    case 'EACCES':
    case 'EPERM':
      return new UserError(
        'listen_denied',
        `${where}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE`,
      );
    default:
      return new UserError('listen_failed', `${where}: ${errorName}`);
  }
}
