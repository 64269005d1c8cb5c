/** A server that demands a login, with an admin, an operator and a viewer who may see one network only. */
import { scryptSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { InjectOptions } from 'fastify';
import type { MemoryRecord } from '../memory-store.test-support.ts';
import type { ServerOptions } from '../server.ts';
import { createTestServer, type TestServer } from '../test-server.test-support.ts';
import type { Role } from './role.ts';

export const PASSWORD = 'correct horse battery';
/** The parameters stand beside the hash, so that tests need not wait for what shall be slow. */
const CHEAP = { N: 2, r: 1, p: 1 } as const;
const CHEAP_HASH = {
  salt: Buffer.from('salt').toString('base64'),
  hash: scryptSync(PASSWORD, 'salt', 32, CHEAP).toString('base64'),
  ...CHEAP,
};
const HOST = '127.0.0.1:8080';

/** What tests look into: of what is no JSON `text`. */
export interface AnswerBody {
  readonly [name: string]: unknown;
  readonly id: string;
  readonly secret: string;
  readonly users: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

export interface Answer {
  readonly status: number;
  readonly body: AnswerBody;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The cookie that was set, as a browser sends it. */
  readonly cookie: string | undefined;
}

export interface AccessServer extends TestServer {
  readonly folder: string;
  ask(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, asked?: Asked): Promise<Answer>;
  addUser(name: string, role: Role, rowFilter?: string): void;
  /** Logs in; returns the cookie. */
  logIn(name: string, password?: string): Promise<string>;
  close(): Promise<void>;
}

export interface Asked {
  readonly as?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly from?: string;
}

export function createAccessServer(
  options: Partial<ServerOptions> = {},
  records: MemoryRecord[] = [],
): AccessServer {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-access-'));
  const made = createTestServer(
    { access: { login: 'always' }, accessDirectory: folder, ...options },
    records,
  );
  const users: object[] = [];

  async function ask(method: string, url: string, asked: Asked = {}): Promise<Answer> {
    const { as, body, headers = {}, from } = asked;
    const answer = await made.server.inject({
      method: method as NonNullable<InjectOptions['method']>,
      url,
      headers: {
        host: HOST,
        ...(method === 'GET' ? {} : { 'x-weir-request': '1' }),
        ...(as === undefined
          ? {}
          : as.startsWith('weir_')
            ? { authorization: `Bearer ${as}` }
            : { cookie: as }),
        ...headers,
      },
      ...(from === undefined ? {} : { remoteAddress: from }),
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const set = String(answer.headers['set-cookie'] ?? '').split(';')[0];
    const isJson = String(answer.headers['content-type']).includes('json');
    return {
      status: answer.statusCode,
      body: isJson ? answer.json<AnswerBody>() : ({ text: answer.body } as unknown as AnswerBody),
      headers: answer.headers,
      cookie: set === '' ? undefined : set,
    };
  }

  return {
    ...made,
    folder,
    ask,
    addUser(name, role, rowFilter = '') {
      const now = new Date(made.clock.nowMs()).toISOString();
      users.push({ name, role, rowFilter, password: CHEAP_HASH, createdAt: now, passwordChangedAt: now });
      writeFileSync(path.join(folder, 'users.json'), JSON.stringify({ users }));
    },
    async logIn(name, password = PASSWORD) {
      const { cookie, status } = await ask('POST', '/api/v1/session', { body: { name, password } });
      if (cookie === undefined) throw new Error(`${name} was not let in: ${status}`);
      return cookie;
    },
    async close() {
      await made.server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
