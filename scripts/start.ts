/** `npm start [-- OPTIONS]`: builds the console when it is missing or older than its source, then `weir up`. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');
const consoleFolder = path.join(root, 'packages/console');

function newestChangeMs(folder: string): number {
  let newestMs = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    newestMs = Math.max(newestMs, statSync(path.join(folder, entry)).mtimeMs);
  }
  return newestMs;
}

function consoleIsCurrent(): boolean {
  const built = path.join(consoleFolder, 'dist/index.html');
  return existsSync(built) && statSync(built).mtimeMs >= newestChangeMs(path.join(consoleFolder, 'src'));
}

if (!consoleIsCurrent()) {
  console.error('Building the console (only when it changed) …');
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const { status } = spawnSync(process.execPath, [vite, 'build', consoleFolder, '--logLevel', 'warn'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) process.exit(1);
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
