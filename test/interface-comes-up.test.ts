/** A machine on which no interface is up when Weir starts, as at boot: metering begins when one comes up. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namespacesMissing } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = namespacesMissing();
const namespace = `weir-none-${process.pid}`;
const prefix = ['ip', 'netns', 'exec', namespace];

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
    weir = startWeir(args, prefix);
    await weir.said(/no interface is up: metering begins when one comes up/);
    comeUp();
    await weir.said(/the interfaces that are up have changed: metering late0/);
    expect(await weir.stop()).toBe(0);
    weir = undefined;
    ip('-n', namespace, 'link', 'del', 'late0');
  });

  // The route to a collector on loopback is away as well.
  test.each(['Udp/127.0.0.1:4739', 'Tcp/127.0.0.1:4739'])(
    'weir export to %s waits, says so, and ends cleanly; then it meters what comes up',
    async (collector) => {
      const profile = path.join(folder, 'Boot.profile');
      const state = path.join(folder, 'state');
      writeFileSync(profile, JSON.stringify({ FlowMetadata: { IpFixCollectors: [collector] } }));
      const args = ['export', '--profile', profile, '--state', path.join(state, 'Boot')];
      const status = () => runWeir(['status', profile, '--state', state], { prefix });

      weir = startWeir(args, prefix);
      await weir.said(/no interface is up: metering begins when one comes up/);
      expect(status()).toMatchObject({ status: 0, stderr: '' });
      expect(status().stdout).toMatch(/^Boot is waiting: no interface is up: .*, process \d+/);
      expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);

      weir = startWeir(args, prefix);
      await weir.said(/no interface is up/);
      comeUp();
      await weir.said(/the interfaces that are up have changed: metering late0/);
      expect(status().stdout).toMatch(/^Boot is metering, [\s\S]* interface +late0: up/m);
      expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);
      expect(weir.output()).not.toContain('unexpected');
      weir = undefined;
      ip('-n', namespace, 'link', 'del', 'late0');
    },
    60_000,
  );

  test('weir export waits for an interface that the profile names, as an overlay at boot', async () => {
    const profile = path.join(folder, 'Overlay.profile');
    const state = path.join(folder, 'state');
    const FlowMetadata = { IpFixCollectors: ['Udp/127.0.0.1:4739'], Interfaces: ['late0'] };
    writeFileSync(profile, JSON.stringify({ FlowMetadata }));
    const status = () => runWeir(['status', profile, '--state', state], { prefix }).stdout;
    weir = startWeir(['export', '--profile', profile, '--state', path.join(state, 'Overlay')], prefix);
    await weir.said(/there is no late0: metered when it comes up/);
    expect(status()).toMatch(/^Overlay is waiting: there is no late0/);
    comeUp();
    await weir.said(/"interface":"late0","state":"up"/);
    await eventually(
      async () => status(),
      (said) => /^Overlay is metering, [\s\S]* interface +late0: up/m.test(said),
    );
    expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);
    weir = undefined;
  }, 60_000);
});

function comeUp(): void {
  ip('-n', namespace, 'link', 'add', 'late0', 'type', 'veth', 'peer', 'name', 'other0');
  ip('-n', namespace, 'link', 'set', 'late0', 'up');
}
