/** Builds the console, or finds that nothing changed since it was built. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');
const consoleFolder = path.join(root, 'packages/console');

/** Answers whether it is built; what went wrong is on stderr. */
export function buildConsole(): boolean {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const { status } = spawnSync(process.execPath, [vite, 'build', consoleFolder, '--logLevel', 'warn'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return status === 0;
}

/** Whether the built console is as new as its source. */
export function consoleIsCurrent(): boolean {
  const built = path.join(consoleFolder, 'dist/index.html');
  return existsSync(built) && statSync(built).mtimeMs >= newestChangeMs(path.join(consoleFolder, 'src'));
}

function newestChangeMs(folder: string): number {
  let newestMs = 0;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    newestMs = Math.max(newestMs, statSync(path.join(folder, entry)).mtimeMs);
  }
  return newestMs;
}
