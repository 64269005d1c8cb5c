/** `weir collect --user`: root for the sockets, somebody else for all that comes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { runWeir, startWeir } from './weir-process.ts';

const uid = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout);
const missing = process.getuid?.() === 0 && uid > 0 ? undefined : 'needs root and a user "nobody"';
const folder = temporaryFolder();
// Others may pass through it, or the data folder could not be reached.
chmodSync(folder, 0o755);

/** Real, effective, saved and file system user of every thread. */
function usersOf(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const lines = tasks.map((task) => readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8'));
  return lines.flatMap((text) => (/^Uid:\s(.*)$/m.exec(text)?.[1] ?? '').split('\t').map(Number));
}

function capabilitiesOf(pid: number): string | undefined {
  return /^CapEff:\s(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

function ownersBelow(place: string): number[] {
  const { uid: owner } = statSync(place);
  if (!statSync(place).isDirectory()) return [owner];
  return [owner, ...readdirSync(place).flatMap((entry) => ownersBelow(path.join(place, entry)))];
}

test.skipIf(missing !== undefined)(
  'sockets below 1024 are open, every thread is somebody else, records are stored, the folder is theirs',
  async () => {
    const data = path.join(folder, 'data');
    const weir = startWeir([
      ...['collect', '--data', data, '--user', 'nobody', '--http', '127.0.0.1:0'],
      ...['--listen', 'udp/127.0.0.1:983', '--listen', 'tcp/127.0.0.1:983'],
    ]);
    await weir.said(/running as nobody/);
    expect(new Set(usersOf(weir.pid))).toEqual(new Set([uid]));
    expect(capabilitiesOf(weir.pid)).toBe('0000000000000000');
    const sent = runWeir(['generate', '--to', 'udp/127.0.0.1:983', '--records', '5000', '--rate', '20000']);
    expect(sent.status).toBe(0);
    expect(await weir.stop()).toBe(0);
    expect(weir.output()).toMatch(/holds 5000 flow records/);
    expect(new Set(ownersBelow(data))).toEqual(new Set([uid]));
  },
  60_000,
);

test('a user who is none is told of before anything is opened', () => {
  const { status, stderr } = runWeir([
    'collect',
    '--data',
    path.join(folder, 'none'),
    '--user',
    'no such user',
  ]);
  expect(status).toBe(2);
  expect(stderr).toContain('--user: found "no such user"; allowed: a user of this machine');
});

test.skipIf(missing !== undefined)(
  'runAs in the configuration is as --user, which goes before it',
  async () => {
    const config = path.join(folder, 'collector.json');
    writeFileSync(config, JSON.stringify({ runAs: 'nobody', sources: [] }), { mode: 0o644 });
    const weir = startWeir(['collect', '--config', config, '--data', path.join(folder, 'as'), '--no-http']);
    await weir.said(/running as nobody/);
    expect(new Set(usersOf(weir.pid))).toEqual(new Set([uid]));
    expect(await weir.stop()).toBe(0);
    writeFileSync(config, JSON.stringify({ runAs: 'no such user', sources: [] }));
    const asked = ['collect', '--config', config, '--data', path.join(folder, 'none'), '--no-http'];
    expect(runWeir(asked)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('runAs: found "no such user"; allowed: a user of this machine'),
    });
    const both = runWeir([...asked, '--user', 'nor this']);
    expect(both.stderr).toContain('--user: found "nor this"');
  },
  60_000,
);

test.skipIf(missing !== undefined)(
  'a data folder that the user cannot reach is told of',
  () => {
    const closed = path.join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const asked = ['collect', '--data', path.join(closed, 'data'), '--user', 'nobody', '--no-http'];
    const { status, stderr } = runWeir([...asked, '--listen', 'udp/127.0.0.1:0']);
    expect(status).toBe(2);
    expect(stderr).toContain('is closed to them');
  },
  30_000,
);
