import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { silentLogger, UserError } from '@weir/base';
import { afterAll, expect, test } from 'vitest';
import { askControl, createControlServer } from './control-socket.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-control-'));
afterAll(() => rmSync(folder, { recursive: true }));

function create(name: string, handlers: Parameters<typeof createControlServer>[1]) {
  const socketPath = path.join(folder, name, 'control.sock');
  return { socketPath, server: createControlServer(socketPath, handlers, silentLogger) };
}

test('a request is answered, a refusal is thrown, and nobody there is undefined', async () => {
  const { socketPath, server } = create('answers', {
    status: () => ({ flows: 3 }),
    fail() {
      throw new UserError('no_such_thing', 'there is none');
    },
  });
  expect(await askControl(socketPath, 'status', 5_000)).toBeUndefined();
  await server.start();
  expect(await askControl(socketPath, 'status', 5_000)).toEqual({ flows: 3 });
  await expect(askControl(socketPath, 'fail', 5_000)).rejects.toMatchObject({ code: 'no_such_thing' });
  await expect(askControl(socketPath, 'frobnicate', 5_000)).rejects.toThrow('allowed: status, fail');
  await expect(askControl(socketPath, 'toString', 5_000)).rejects.toMatchObject({ code: 'control_unknown' });
  await server.stop();
  expect(await askControl(socketPath, 'status', 5_000)).toBeUndefined();
});

test('who asked to stop hears how it went, though the server stops meanwhile', async () => {
  const { promise, resolve } = Promise.withResolvers<object>();
  const asked = Promise.withResolvers<void>();
  const { socketPath, server } = create('stops', {
    stop() {
      asked.resolve();
      return promise;
    },
  });
  await server.start();
  const answer = askControl(socketPath, 'stop', 5_000);
  await asked.promise;
  const stopping = server.stop();
  resolve({ records: 7 });
  expect(await answer).toEqual({ records: 7 });
  await stopping;
});

test('the socket of a process that died is replaced, that of one that lives is not', async () => {
  const first = create('taken', { status: () => ({}) });
  await first.server.start();
  const second = create('taken', { status: () => ({}) });
  await expect(second.server.start()).rejects.toMatchObject({ code: 'already_running' });
  await first.server.stop();
  writeFileSync(first.socketPath, '');
  await second.server.start();
  expect(await askControl(first.socketPath, 'status', 5_000)).toEqual({});
  await second.server.stop();
});

test('whoever sends anything else loses the connection and nothing more', async () => {
  const { socketPath, server } = create('noise', { status: () => ({}) });
  await server.start();
  const noisy = connect(socketPath);
  const closed = new Promise((resolve) => noisy.once('close', resolve));
  noisy.on('error', () => {});
  noisy.write('x'.repeat(100_000));
  await closed;
  expect(await askControl(socketPath, 'status', 5_000)).toEqual({});
  await server.stop();
});

test('a path that is too long for a socket is refused with what is allowed', async () => {
  const { server } = create('x'.repeat(120), { status: () => ({}) });
  await expect(server.start()).rejects.toThrow('at most 107 octets');
});
