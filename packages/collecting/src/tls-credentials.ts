/**
 * Who we are to exporters over TLS and who may speak to us (RFC 7011 section 11.3). The files are read again
 * when they change, because certificates are renewed while collectors run; what cannot be used is refused
 * and the former certificate stays.
 */
import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type PeerCertificate, type SecureContextOptions } from 'node:tls';
import { EXIT_USAGE, UserError } from '@weir/base';
import type { TlsSettings } from './flow-source.ts';

/** A key with its chain and a list of authorities stay far below; what is larger is another file. */
const FILE_OCTETS_MAX = 4 << 20;

export type Credentials = Required<Pick<SecureContextOptions, 'cert' | 'key'>> & { ca?: Buffer };

export interface TlsCredentials {
  readonly current: Credentials;
  /**
   * Looks whether a file changed since the last look. Resolves to what is new, to undefined when nothing is,
   * and rejects with UserError when the files cannot be used as they are.
   */
  renewed(): Promise<Credentials | undefined>;
}

/** Reads the files. Rejects with UserError `tls_unusable`, exit code 2, naming the file and what is wrong. */
export async function loadTlsCredentials(settings: TlsSettings): Promise<TlsCredentials> {
  let marks = await marksOf(settings);
  let current = await load(settings);
  return {
    get current() {
      return current;
    },
    async renewed() {
      const found = await marksOf(settings);
      if (found === marks) return undefined;
      marks = found;
      current = await load(settings);
      return current;
    },
  };
}

async function load({ certificate, key, clientCa }: TlsSettings): Promise<Credentials> {
  const credentials = {
    cert: await readPem(certificate, 'tls.certificate'),
    key: await readPem(key, 'tls.key'),
    ...(clientCa === undefined ? {} : { ca: await readPem(clientCa, 'tls.clientCa') }),
  };
  if (clientCa !== undefined && credentials.ca !== undefined) checkCertificate(credentials.ca, clientCa);
  checkCertificate(credentials.cert, certificate);
  try {
    createSecureContext(credentials);
  } catch (error) {
    throw unusable(
      `${certificate} and ${key}: ${(error as Error).message}; allowed: a certificate with its key`,
    );
  }
  return credentials;
}

function checkCertificate(pem: Buffer, file: string): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw unusable(`${file}: ${(error as Error).message}; allowed: certificates as PEM`);
  }
}

async function readPem(file: string, parameter: string): Promise<Buffer> {
  let pem: Buffer;
  try {
    pem = await readFile(file);
  } catch (error) {
    throw unusable(`${parameter}: ${file} cannot be read (${(error as Error).message})`);
  }
  if (pem.length > FILE_OCTETS_MAX) throw unusable(`${parameter}: ${file} is larger than ${FILE_OCTETS_MAX}`);
  return pem;
}

/** Changes when a file is written, replaced or gone; symbolic links are followed, as renewals change those. */
async function marksOf({ certificate, key, clientCa }: TlsSettings): Promise<string> {
  const files = [certificate, key, ...(clientCa === undefined ? [] : [clientCa])];
  const marks = files.map(async (file) => {
    const found = await stat(file).catch(() => undefined);
    return found === undefined ? 'gone' : `${found.ino} ${found.mtimeMs} ${found.ctimeMs} ${found.size}`;
  });
  return (await Promise.all(marks)).join('; ');
}

/** The names in an exporter's certificate: its DNS names (RFC 6125: those before the common name), then that. */
export function subjectsOf(certificate: PeerCertificate): string[] {
  const alternatives = (certificate.subjectaltname ?? '').split(', ');
  const dnsNames = alternatives.filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4));
  const commonName: string | string[] | undefined = certificate.subject?.CN;
  const commonNames = commonName === undefined ? [] : [commonName].flat();
  return [...dnsNames, ...commonNames];
}

/** Whether one of the names is on the list, in which `*.` stands for exactly one label. */
export function isAllowedSubject(names: readonly string[], allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true;
  return allowed.some((entry) => names.some((name) => matches(name.toLowerCase(), entry.toLowerCase())));
}

function matches(name: string, entry: string): boolean {
  if (!entry.startsWith('*.')) return name === entry;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === entry.slice(1);
}

function unusable(message: string): UserError {
  return new UserError('tls_unusable', message, EXIT_USAGE);
}
