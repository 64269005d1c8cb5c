#!/usr/bin/env node
// The one executable. Weir runs on the Node that the repository pins: where another one started this file, it
// hands over to the pinned one, with the same arguments, signals and exit code.
import process from 'node:process';
import { keepCompiledCode } from './compile-cache.js';
import { resolveOwnModulesByName } from './module-paths.js';
import { environmentWith, NODE_MAJOR_NEEDED, pinnedNode } from './pinned-node.js';

async function handOver(node) {
  const { spawn } = await import('node:child_process');
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit', env: environmentWith(node) });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal signals the whole group: the child has it already. A second SIGINT would mean "at once".
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('exit', (code) => process.exit(code ?? 1));
}

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_NEEDED) {
  keepCompiledCode();
  resolveOwnModulesByName();
  import('../src/main.ts').then(({ main }) => main(process.argv));
} else {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(`weir needs Node ${NODE_MAJOR_NEEDED} or later; this is ${process.versions.node}`);
    process.exit(2);
  }
  handOver(node);
}
