/** `npm run check`: everything about the source that a machine can tell, all of it, then a verdict. */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { importViolations, readPackages } from './import-table.ts';

const root = new URL('..', import.meta.url).pathname;

function run(name: string, command: string, args: readonly string[]): boolean {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  return verdict(name, status === 0);
}

function verdict(name: string, good: boolean): boolean {
  console.log(`${good ? 'ok    ' : 'FAILED'}  ${name}`);
  return good;
}

function checkImports(): boolean {
  const { files, manifests } = readPackages(root);
  const violations = importViolations(files, manifests);
  for (const violation of violations) console.log(violation);
  return verdict('import table', violations.length === 0);
}

const results = [
  run('types', 'tsc', ['-p', '.']),
  run('lint and format', 'biome', ['ci', '.']),
  checkImports(),
  run('generated references', process.execPath, ['scripts/generate.ts', '--check']),
  run('dead code', 'knip', ['--no-progress', '--no-config-hints']),
];
process.exit(results.every(Boolean) ? 0 : 1);
