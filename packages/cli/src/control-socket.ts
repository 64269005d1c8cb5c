/**
 * How a person's command talks to the process in the background: JSON lines over a Unix socket (Windows: a
 * named pipe). `{"request":"status"}` is answered by `{"ok":true,"answer":{…}}` or
 * `{"ok":false,"code":"…","message":"…"}`. Who may open the socket's file may ask.
 */
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type Component, type Logger, UserError } from '@weir/base';

/** Requests are one word; whoever sends more is no client of ours. */
const REQUEST_OCTETS_MAX = 4_096;
/** sockaddr_un.sun_path of Linux, without its final 0. */
const SOCKET_PATH_OCTETS_MAX = 107;

type ControlHandlers = Readonly<Record<string, () => object | Promise<object>>>;

type Reply =
  | { readonly ok: true; readonly answer: object }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * Answers at `socketPath`, whose folder it makes. `start` throws a UserError `already_running` when another
 * process answers there; the file of one that died is replaced.
 */
export function createControlServer(
  socketPath: string,
  handlers: ControlHandlers,
  logger: Logger,
): Component {
  const connections = new Set<Socket>();
  /** Answers that are being worked out: who asked to stop hears how it went. */
  const pending = new Set<Promise<void>>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    eachRequest(socket, (line) => {
      const answering = answer(socket, line, handlers, logger);
      pending.add(answering);
      void answering.then(() => pending.delete(answering));
    });
  });

  return {
    async start() {
      if (isFile(socketPath)) await clear(socketPath);
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) => reject(refused(socketPath, error)));
        server.listen(socketPath, resolve);
      });
      if (isFile(socketPath)) chmodSync(socketPath, 0o660);
    },
    async stop() {
      if (!server.listening) return;
      await Promise.all(pending);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.end();
      await closed;
    },
  };
}

/**
 * Sends one request and returns the answer. Undefined when nobody answers there; throws a UserError with
 * what the other side refuses.
 */
export async function askControl(
  socketPath: string,
  request: string,
  patienceMs: number,
): Promise<object | undefined> {
  const line = await exchange(socketPath, request, patienceMs);
  if (line === undefined) return undefined;
  const reply = JSON.parse(line) as Reply;
  if (reply.ok) return reply.answer;
  throw new UserError(reply.code, reply.message);
}

/** Named pipes of Windows have no file. */
function isFile(socketPath: string): boolean {
  return !socketPath.startsWith('\\\\');
}

async function clear(socketPath: string): Promise<void> {
  if (Buffer.byteLength(socketPath) > SOCKET_PATH_OCTETS_MAX) {
    const allowed = `at most ${SOCKET_PATH_OCTETS_MAX} octets; name another folder with --state`;
    throw new UserError('state_path', `${socketPath}: too long for a socket (allowed: ${allowed})`);
  }
  try {
    mkdirSync(path.dirname(socketPath), { recursive: true });
  } catch (error) {
    throw refused(socketPath, error as Error);
  }
  if (!existsSync(socketPath)) return;
  if ((await exchange(socketPath, 'status', 1_000)) !== undefined) {
    throw new UserError('already_running', `${socketPath}: an exporter answers there already`);
  }
  rmSync(socketPath, { force: true });
}

function refused(socketPath: string, error: Error): UserError {
  return new UserError('control_refused', `${socketPath}: cannot be opened (${error.message})`);
}

function eachRequest(socket: Socket, take: (line: string) => void): void {
  let octets = 0;
  socket.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    if (octets > REQUEST_OCTETS_MAX) socket.destroy();
  });
  createInterface({ input: socket })
    .on('line', take)
    .on('error', () => {});
}

async function answer(
  socket: Socket,
  line: string,
  handlers: ControlHandlers,
  logger: Logger,
): Promise<void> {
  const reply = await replyTo(line, handlers, logger);
  if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
}

async function replyTo(line: string, handlers: ControlHandlers, logger: Logger): Promise<Reply> {
  const name = requestOf(line);
  const handler = name !== undefined && Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  if (handler === undefined) {
    const allowed = Object.keys(handlers).join(', ');
    return { ok: false, code: 'control_unknown', message: `unknown request (allowed: ${allowed})` };
  }
  try {
    return { ok: true, answer: await handler() };
  } catch (error) {
    if (error instanceof UserError) return { ok: false, code: error.code, message: error.message };
    logger.error({ error: String(error) }, `the request '${name}' failed`);
    return { ok: false, code: 'control_failed', message: String(error) };
  }
}

function requestOf(line: string): string | undefined {
  try {
    const { request } = JSON.parse(line);
    return typeof request === 'string' ? request : undefined;
  } catch {
    return undefined;
  }
}

/** The first line of the answer; undefined when nobody is there, or it hangs up or is silent too long. */
function exchange(socketPath: string, request: string, patienceMs: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const timer = setTimeout(() => end(undefined), patienceMs);
    function end(line: string | undefined): void {
      clearTimeout(timer);
      socket.destroy();
      resolve(line);
    }
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'EPERM') {
        const remedy = 'ask as the user that started it, or as root';
        reject(new UserError('control_denied', `${socketPath}: may not be opened by this user; ${remedy}`));
      }
      end(undefined);
    });
    socket.on('close', () => end(undefined));
    createInterface({ input: socket })
      .once('line', end)
      .on('error', () => {});
    socket.write(`${JSON.stringify({ request })}\n`);
  });
}
