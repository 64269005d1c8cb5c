#!/usr/bin/env node
// The one executable. Weir runs on the Node that the repository pins (24): where an older one started this file,
// it hands over to the pinned one, with the same arguments, signals and exit code.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const NODE_MAJOR_NEEDED = 24;

function pinnedNode() {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules/.bin/node');
    if (existsSync(candidate)) return candidate;
    if (path.dirname(folder) === folder) return undefined;
  }
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code ?? 1));
}

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_NEEDED) {
  const { main } = await import('../src/main.ts');
  await main(process.argv);
} else {
  const node = pinnedNode();
  if (node === undefined) {
    console.error(`weir needs Node ${NODE_MAJOR_NEEDED} or later; this is ${process.versions.node}`);
    process.exit(2);
  }
  handOver(node);
}
