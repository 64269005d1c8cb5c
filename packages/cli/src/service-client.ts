/** The process that owns a data folder, asked over its API by somebody who may read the folder. */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import path from 'node:path';
import { type ApiClient, createClient, PROCESS_KEY_FILE } from '@weir/server';
import { readServiceAddress } from './service-address.ts';

/** The folder of users, tokens and keys in a data folder. */
export const ACCESS_FOLDER = 'access';

/** Undefined when nobody answers: the owner may have died without taking its note away. */
export async function connectService(dataDirectory: string): Promise<ApiClient | undefined> {
  const owner = readServiceAddress(dataDirectory);
  if (owner === undefined) return undefined;
  const { url, certificate } = owner;
  const ask = certificate === undefined ? fetch : fetchPinned(certificate);
  try {
    if (!(await ask(new URL('/healthz', url))).ok) return undefined;
  } catch {
    return undefined;
  }
  return createClient({ url, token: processKey(dataDirectory), fetch: ask });
}

/** Where a login is demanded, the process leaves a key for whoever may read its folder. */
function processKey(dataDirectory: string): string | undefined {
  try {
    return readFileSync(path.join(dataDirectory, ACCESS_FOLDER, PROCESS_KEY_FILE), 'utf8').trim();
  } catch {
    return undefined;
  }
}

/**
 * Asks whoever shows this very certificate, whatever name is in it and whoever signed it: the address comes from the
 * folder, not from its name.
 */
function fetchPinned(certificate: string): typeof fetch {
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const asked = request(
        new URL(String(input)),
        {
          method: init.method ?? 'GET',
          headers: Object.fromEntries(new Headers(init.headers)),
          ca: readFileSync(certificate),
          allowPartialTrustChain: true,
          checkServerIdentity: () => undefined,
          ...(init.signal == null ? {} : { signal: init.signal }),
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 502 })),
          );
        },
      );
      asked.on('error', reject);
      asked.end(typeof init.body === 'string' ? init.body : undefined);
    });
}
