/** `npm start [-- OPTIONS]`: builds the console when it is missing or older than its source, then `weir up`. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { buildConsole, consoleIsCurrent } from './console-build.ts';

const root = path.resolve(import.meta.dirname, '..');

if (!consoleIsCurrent()) {
  console.error('Building the console (only when it changed) …');
  if (!buildConsole()) process.exit(1);
}

const weir = spawn(
  process.execPath,
  [path.join(root, 'packages/cli/bin/weir.js'), 'up', ...process.argv.slice(2)],
  {
    stdio: 'inherit',
  },
);
// A terminal sends Ctrl-C to the whole group: this process waits for weir to end cleanly.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => weir.kill('SIGTERM'));
weir.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
