/**
 * `npm test [-- VITEST ARGUMENTS]`: all tests. Installs the Debian packages that some of them need when it can;
 * in CI their absence is a failure, elsewhere those tests are skipped with the reason. Ends with the counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { buildConsole } from './console-build.ts';
import { installMissingTools } from './debian-tools.ts';

const root = path.resolve(import.meta.dirname, '..');

function runVitest(reportFile: string): number {
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  return (
    spawnSync(process.execPath, [vitest, ...args, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
      .status ?? 1
  );
}

const missing = installMissingTools();
if (missing.length > 0 && process.env['CI'] === 'true') {
  console.error(`CI lacks the tools ${missing.join(', ')}, which tests need`);
  process.exit(1);
}
if (!buildConsole()) process.exit(1);

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-test-'));
const reportFile = path.join(folder, 'report.json');
const status = runVitest(reportFile);
if (existsSync(reportFile)) {
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = report;
  console.log(
    `${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped`,
  );
}
rmSync(folder, { recursive: true, force: true });
process.exit(status);
