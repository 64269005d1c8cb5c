// Finds the Node that the repository pins. Plain JavaScript: any Node from 20 up runs it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

export const NODE_MAJOR_NEEDED = 24;

/**
 * Path of the Node to run Weir with: the pinned one in a node_modules at or above this folder, else the one
 * that runs this when it is new enough, else undefined. The package is looked up by its name and not in
 * node_modules/.bin, where npm 10 makes no link to it.
 */
export function pinnedNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const program = process.platform === 'win32' ? 'node.exe' : 'node';
  const location = `node_modules/node-${platform}-${process.arch}/bin/${program}`;
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, location);
    if (existsSync(candidate)) return candidate;
    if (path.dirname(folder) === folder) break;
  }
  return Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_NEEDED ? process.execPath : undefined;
}

/** The environment for a child, with the folder of `node` first on the PATH, so that its children get it too. */
export function environmentWith(node) {
  return { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}` };
}
