/** Where the process that owns a data folder answers, so that `weir query` can ask it instead of the folder. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const FILE_NAME = 'service.json';

export interface ServiceAddress {
  readonly pid: number;
  /** Base URL of the HTTP API. */
  readonly url: string;
  /** File of the certificate that it shows, where it speaks TLS. */
  readonly certificate?: string;
}

export function writeServiceAddress(dataDirectory: string, url: string, certificate?: string): void {
  const address: ServiceAddress = {
    pid: process.pid,
    url,
    ...(certificate === undefined ? {} : { certificate: path.resolve(certificate) }),
  };
  writeFileSync(path.join(dataDirectory, FILE_NAME), `${JSON.stringify(address)}\n`);
}

export function removeServiceAddress(dataDirectory: string): void {
  rmSync(path.join(dataDirectory, FILE_NAME), { force: true });
}

/** What the folder's owner has written, or undefined; the owner may have died since. */
export function readServiceAddress(dataDirectory: string): ServiceAddress | undefined {
  try {
    const address = JSON.parse(readFileSync(path.join(dataDirectory, FILE_NAME), 'utf8'));
    return typeof address.url === 'string' && typeof address.pid === 'number' ? address : undefined;
  } catch {
    return undefined;
  }
}
