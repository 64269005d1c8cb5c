import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Collector } from './collector.ts';
import { createFlowSource, defaultFlowSources, type FlowSource } from './flow-source.ts';
import { flowSourceBreaches } from './flow-source-check.ts';
import { createFlowSourceEditor, type FlowSourceEditor } from './flow-source-editor.ts';
import { type FlowSourceOrigin, fixedFlowSources, flowSourcesInFile } from './flow-source-origin.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-editor-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A collector that starts everything but sources named "broken". */
function fakeCollector(sources: readonly FlowSource[]): Pick<Collector, 'sources' | 'deploy'> {
  let running = sources;
  return {
    sources: () => running,
    async deploy(next) {
      expect(flowSourceBreaches(next)).toEqual([]);
      const results = next.map(({ name }) => ({
        name,
        outcome: name === 'broken' ? ('failed' as const) : ('started' as const),
      }));
      running = next.filter(({ name }) => name !== 'broken');
      return { results, sources: running };
    },
  };
}

const file = () => join(folder, 'collector.json');

async function open(
  origin: FlowSourceOrigin = flowSourcesInFile(file(), defaultFlowSources()),
  pinned: FlowSource[] = [],
): Promise<FlowSourceEditor> {
  const collector = fakeCollector([...pinned, ...origin.read()]);
  const editor = createFlowSourceEditor({
    collector,
    origin,
    pinned,
    dataDirectory: folder,
    logger: silentLogger,
  });
  await editor.start();
  return editor;
}

const A = { name: 'a', monitoringPort: 9995 };

describe('staging', () => {
  test('the default sources are deployed and nothing is staged', async () => {
    const editor = await open();
    expect(editor.state()).toEqual({
      deployed: defaultFlowSources(),
      staged: defaultFlowSources(),
      changes: [],
      problems: [],
      fixedBecause: undefined,
    });
  });

  test('the difference is told parameter by parameter', async () => {
    const editor = await open();
    const [netflow, ipfix] = defaultFlowSources() as [FlowSource, FlowSource];
    const { changes, problems } = await editor.stage([
      { ...netflow, enabled: false },
      { ...ipfix, name: 'renamed', forwarding: { port: 9 } },
      A,
    ]);
    expect(problems).toEqual([]);
    expect(changes).toMatchObject([
      {
        kind: 'disabled',
        name: 'default_Netflow',
        parameters: [{ path: 'enabled', from: true, to: false }],
        restarts: false,
      },
      {
        kind: 'changed',
        name: 'renamed',
        parameters: [
          { path: 'name', from: 'default_IPFIX', to: 'renamed' },
          { path: 'forwarding.port', from: 1025, to: 9 },
        ],
        restarts: true,
      },
      { kind: 'added', name: 'a' },
    ]);
    expect((await editor.stage(defaultFlowSources())).changes).toEqual([]);
  });

  test('every problem is told, and nothing is deployed while there is one', async () => {
    const editor = await open();
    const { problems, staged } = await editor.stage([
      { name: 'x', monitoringPort: 0, colour: 'red', forwarding: { destinations: ['nowhere'] } },
      A,
      { name: 'A', monitoringPort: 9995, tls: { certificate: 'c', key: 'k' } },
      {},
    ]);
    expect(problems.map(({ source, parameter }) => `${source} ${parameter}`)).toEqual([
      'x monitoringPort',
      'x forwarding.destinations.0',
      'x colour',
      'sources[3] name',
      'sources[3] monitoringPort',
      'A name',
      'A monitoringPort',
      'A tls',
    ]);
    expect(staged[3]).toMatchObject({ name: '', monitoringPort: null, enabled: true });
    await expect(editor.deploy()).rejects.toMatchObject({ code: 'flow_source_invalid' });
    expect(editor.state().deployed).toEqual(defaultFlowSources());
    expect((await editor.discard()).problems).toEqual([]);
  });

  test('outlives a restart, and only for the same configuration', async () => {
    await (await open()).stage([A]);
    expect((await open()).state().changes).toHaveLength(3);
    const other = join(folder, 'other.json');
    writeFileSync(other, '{}');
    expect((await open(flowSourcesInFile(other))).state().changes).toEqual([]);
  });

  test('sources of the command line are not edited', async () => {
    const editor = await open(fixedFlowSources([createFlowSource(A)], 'because'));
    expect(editor.state()).toMatchObject({ fixedBecause: 'because', changes: [] });
    await expect(editor.stage([])).rejects.toMatchObject({ code: 'flow_sources_fixed' });
    await expect(editor.deploy()).rejects.toMatchObject({ code: 'flow_sources_fixed' });
  });
});

describe('deploying', () => {
  test('runs what was staged and writes it down for the next start', async () => {
    const editor = await open();
    await editor.stage([A]);
    expect(await editor.deploy()).toEqual([{ name: 'a', outcome: 'started' }]);
    expect(editor.state()).toMatchObject({ changes: [], deployed: [A] });
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ sources: [A] });
    expect((await open()).state()).toMatchObject({ changes: [], deployed: [A] });
  });

  test('what failed stays staged and is not written down', async () => {
    const editor = await open();
    await editor.stage([A, { name: 'broken', monitoringPort: 9996 }]);
    await editor.deploy();
    expect(editor.state()).toMatchObject({ deployed: [A], changes: [{ kind: 'added', name: 'broken' }] });
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ sources: [A] });
  });

  test('pinned sources are neither shown nor written, and nobody takes their sockets', async () => {
    const pinned = createFlowSource({ name: 'demo', monitoringPort: 7000 });
    const editor = await open(undefined, [pinned]);
    expect(editor.state().deployed).toEqual(defaultFlowSources());
    const { problems } = await editor.stage([{ name: 'Demo', monitoringPort: 7000 }]);
    expect(problems.map(({ parameter }) => parameter)).toEqual(['name', 'monitoringPort']);
    await editor.stage([A]);
    expect(await editor.deploy()).toEqual([{ name: 'a', outcome: 'started' }]);
  });

  test('a file that somebody edited meanwhile is not written over', async () => {
    writeFileSync(file(), '{"sources": []}');
    const editor = await open(flowSourcesInFile(file()));
    await editor.stage([A]);
    writeFileSync(file(), '{"sources": [{"name": "theirs", "monitoringPort": 1}]}');
    await expect(editor.deploy()).rejects.toMatchObject({ code: 'config_changed' });
    await editor.reload();
    expect(editor.state()).toMatchObject({ deployed: [{ name: 'theirs' }], staged: [A] });
    await editor.deploy();
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ sources: [A] });
  });

  test('a file that cannot be used changes nothing', async () => {
    writeFileSync(file(), '{"sources": []}');
    const editor = await open(flowSourcesInFile(file()));
    writeFileSync(file(), '{"sources": 1}');
    await expect(editor.reload()).rejects.toMatchObject({ code: 'config_invalid' });
    expect(editor.state().deployed).toEqual([]);
  });

  test('what cannot be started after a reload is staged, so that no deployment takes it from the file', async () => {
    writeFileSync(file(), '{"sources": []}');
    const editor = await open(flowSourcesInFile(file()));
    writeFileSync(file(), '{"sources": [{"name": "broken", "monitoringPort": 1}]}');
    await editor.reload();
    expect(editor.state()).toMatchObject({ deployed: [], staged: [{ name: 'broken' }] });
  });
});

describe('a proposal', () => {
  test('takes the next free port and a free name', async () => {
    const editor = await open();
    expect(editor.propose('IPFIX', undefined)).toEqual(
      createFlowSource({ name: 'IPFIX 4740', type: 'IPFIX', monitoringPort: 4740 }),
    );
    await editor.stage([...defaultFlowSources(), { name: 'NetFlow 2057', monitoringPort: 2056 }]);
    expect(editor.propose('NetFlow', undefined)).toMatchObject({
      name: 'NetFlow 2057 2',
      monitoringPort: 2057,
    });
  });

  test('takes the rest from the source that it is built from', async () => {
    const editor = await open();
    await editor.stage([
      {
        name: 'branches',
        monitoringPort: 4740,
        type: 'IPFIX',
        transport: 'tls',
        tls: { certificate: 'c', key: 'k' },
        monitoringAddress: '::1',
      },
    ]);
    expect(editor.propose(undefined, 'branches')).toMatchObject({
      name: 'IPFIX 4741',
      type: 'IPFIX',
      transport: 'tls',
      tls: { certificate: 'c', key: 'k' },
      monitoringAddress: '::1',
    });
    const netflow = editor.propose('NetFlow v9', 'branches');
    expect(netflow).toMatchObject({ transport: 'udp', monitoringAddress: '::1' });
    expect(netflow.tls).toBeUndefined();
    expect(() => editor.propose('IPFIX', 'nobody')).toThrow('there is no flow source "nobody"');
  });
});
