/** A machine on which no interface is up when `weir up` starts: metering begins when one comes up. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namespacesMissing } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type RunningWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = namespacesMissing();
const namespace = `weir-none-${process.pid}`;

function ip(...args: string[]): void {
  expect(spawnSync('ip', args).status).toBe(0);
}

describe.skipIf(missing !== undefined)(`no interface is up ${missing ?? ''}`, () => {
  let weir: RunningWeir | undefined;

  beforeAll(() => ip('netns', 'add', namespace));
  afterAll(async () => {
    await weir?.stop('SIGKILL');
    spawnSync('ip', ['netns', 'del', namespace]);
  });

  test('weir up meters what comes up', async () => {
    const args = ['up', '--data', path.join(folder, 'data'), '--http', '0.0.0.0:8080'];
    weir = startWeir(args, ['ip', 'netns', 'exec', namespace]);
    await weir.said(/no interface is up: metering begins when one comes up/);
    ip('-n', namespace, 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'other0');
    ip('-n', namespace, 'link', 'set', 'late0', 'up');
    await weir.said(/the interfaces that are up have changed: metering late0/);
    expect(await weir.stop()).toBe(0);
    weir = undefined;
  });
});
