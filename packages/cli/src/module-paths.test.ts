import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const HOOK = pathToFileURL(path.resolve(import.meta.dirname, '../bin/module-paths.js')).href;

describe('finding our own modules by name', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir modules %20-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, 'inner'));
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(path.join(folder, 'inner/leaf.ts'), 'export const url: string = import.meta.url;\n');
  writeFileSync(path.join(folder, 'plain.js'), "export const kind = 'plain';\n");
  writeFileSync(
    path.join(folder, 'root.ts'),
    "import { url } from './inner/leaf.ts';\nimport { kind } from './plain.js';\nexport const both = [url, kind];\n",
  );
  writeFileSync(path.join(folder, 'lost.ts'), "import './missing.ts';\n");

  function script(entry: string, print: string): string[] {
    const url = JSON.stringify(pathToFileURL(path.join(folder, entry)).href);
    const body = `import { resolveOwnModulesByName } from ${JSON.stringify(HOOK)};
      resolveOwnModulesByName(); const loaded = await import(${url}); console.log(${print});`;
    return ['--input-type=module', '--eval', body];
  }

  test('gives the module that Node would have found', () => {
    const text = execFileSync(process.execPath, script('root.ts', 'JSON.stringify(loaded.both)'), {
      encoding: 'utf8',
    });
    expect(JSON.parse(text)).toEqual([pathToFileURL(path.join(folder, 'inner/leaf.ts')).href, 'plain']);
  });

  test('fails with the name of a module that is not there', () => {
    const { status, stderr } = spawnSync(process.execPath, script('lost.ts', '1'), { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('missing.ts');
  });
});
