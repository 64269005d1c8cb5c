// `node scripts/run.js SCRIPT.ts …`: runs a script of this folder on the pinned Node, whatever Node npm runs on.
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { environmentWith, NODE_MAJOR_NEEDED, pinnedNode } from '../packages/cli/bin/pinned-node.js';

const node = pinnedNode();
if (node === undefined) {
  console.error(
    `Node ${NODE_MAJOR_NEEDED} is needed; this is ${process.versions.node}, and npm ci pinned none for ${process.platform}-${process.arch}`,
  );
  process.exit(2);
}
const root = path.resolve(import.meta.dirname, '..');
const [script = '', ...rest] = process.argv.slice(2);
const environment = environmentWith(node);
environment.PATH = `${path.join(root, 'node_modules/.bin')}${path.delimiter}${environment.PATH}`;
// The pinned Node comes first: node_modules/.bin may hold a link to another platform's.
environment.PATH = `${path.dirname(node)}${path.delimiter}${environment.PATH}`;
const child = spawn(node, [path.join(root, script), ...rest], {
  stdio: 'inherit',
  cwd: root,
  env: environment,
});
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code) => process.exit(code ?? 1));
