/** An exporter that enrols at a server, as people do it: its settings shown and edited there, applied here. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const mayCapture = process.getuid?.() === 0;
const PROFILE = {
  Other: { kept: true },
  FlowMetadata: { IpFixCollectors: ['Udp/127.0.0.1:9'], Direction: 'Both' },
};

interface Agent {
  id: string;
  online: boolean;
  revision?: string;
  settings?: Record<string, unknown>;
  status?: { state: string };
  edits: { outcome: string; message: string }[];
}

describe.skipIf(!mayCapture)('an enrolled exporter (skipped: needs root to capture)', () => {
  const folder = temporaryFolder();
  const profile = path.join(folder, 'Lab.profile');
  let server: RunningWeir | undefined;
  let exporter: RunningWeir | undefined;
  let url: string;

  beforeAll(async () => {
    writeFileSync(profile, JSON.stringify(PROFILE, null, 2));
    server = startWeir([
      'collect',
      ...['--data', path.join(folder, 'data')],
      ...['--listen', 'udp/127.0.0.1:0'],
      ...['--http', '127.0.0.1:0'],
    ]);
    url = /http:[^\s"]+/.exec(await server.said(/console at/))?.[0] ?? '';
    const { token } = (await send('POST', '/agents/tokens', {})) as { token: string };
    const enrolled = runWeir(['agent', 'enrol', url, '--token', token, '--profile', profile]);
    expect(enrolled, enrolled.stderr).toMatchObject({ status: 0 });
    const again = runWeir(['agent', 'enrol', url, '--token', token, '--profile', `${profile}`]);
    expect(again).toMatchObject({ status: 1, stderr: expect.stringMatching(/is there already/) });
    exporter = startWeir(['export', '--profile', profile, '--interface', 'lo']);
    await eventually(agent, ({ online }) => online);
  }, 60_000);

  afterAll(async () => {
    await exporter?.stop();
    await server?.stop();
  });

  async function send(method: string, resource: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${url}/api/v1${resource}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.json();
  }

  async function agent(): Promise<Agent> {
    const { agents } = (await send('GET', '/agents')) as { agents: Agent[] };
    return agents[0]!;
  }

  async function edit(set: object, unset: string[] = []): Promise<unknown> {
    const { id, revision } = await agent();
    return send('PUT', `/agents/${id}/settings`, { basis: revision, set, unset });
  }

  const ended = () =>
    eventually(agent, ({ edits }) => edits[0] !== undefined && edits[0].outcome !== 'waiting');

  test('its secret is for its own eyes, its settings and state are shown', async () => {
    expect(statSync(`${profile}.agent.json`).mode & 0o777).toBe(0o600);
    const { settings, status } = await agent();
    expect(settings).toMatchObject({ Direction: 'Both', IdleTimeout: 30_000 });
    expect(status).toMatchObject({ state: 'metering' });
  });

  test('an edit is in force there a moment later, and the rest of its file is untouched', async () => {
    await edit({ Direction: 'SendingToPeer', Interval: 60_000 });
    const { edits } = await ended();
    expect(edits[0]).toMatchObject({ outcome: 'applied' });
    expect(JSON.parse(readFileSync(profile, 'utf8'))).toEqual({
      Other: { kept: true },
      FlowMetadata: { ...PROFILE.FlowMetadata, Direction: 'SendingToPeer', Interval: 60_000 },
    });
    const { settings } = await eventually(
      agent,
      ({ settings }) => settings?.['Direction'] === 'SendingToPeer',
    );
    expect(settings).toMatchObject({ Interval: 60_000 });
  });

  test('what no exporter would take is refused by the server at once', async () => {
    expect(await edit({ Direction: 'Sideways' })).toMatchObject({
      error: { code: 'agent_edit_invalid', message: expect.stringMatching(/SendingToPeer/) },
    });
  });

  test('what this machine has not, and files that nobody here has named, are refused by the exporter', async () => {
    const before = readFileSync(profile, 'utf8');
    await edit({ Interfaces: ['nosuch0'] });
    expect((await ended()).edits[0]).toMatchObject({
      outcome: 'refused',
      message: expect.stringMatching(/nosuch0/),
    });
    await edit({ SpoolDirectory: '/etc/weir-spool' });
    expect((await ended()).edits[0]).toMatchObject({
      outcome: 'refused',
      message: expect.stringMatching(/only somebody on this machine/),
    });
    expect(readFileSync(profile, 'utf8')).toBe(before);
  });

  test('who leaves is gone from the list, and its file with it', async () => {
    expect(runWeir(['agent', 'leave', '--profile', profile])).toMatchObject({ status: 0 });
    expect(existsSync(`${profile}.agent.json`)).toBe(false);
    expect(await send('GET', '/agents')).toMatchObject({ agents: [] });
    await exporter?.said(/not enrolled here/);
  });
});
