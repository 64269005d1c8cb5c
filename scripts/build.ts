/**
 * `npm run build`: makes the package `weir` in dist/package, ready for `npm pack`: the command line as JavaScript, the
 * built console, and what they need. The console is built when its source has changed.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { bundleProgram } from './bundle.ts';
import { buildConsole, consoleIsCurrent } from './console-build.ts';
import { dependenciesBelow, packageManifest, packagesOf, thirdParty } from './package-files.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = path.join(root, 'dist/package');

if (!consoleIsCurrent() && !buildConsole()) process.exit(1);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const chunks = await bundleProgram(root, folder);
cpSync(path.join(root, 'packages/console/dist'), path.join(folder, 'console/dist'), { recursive: true });
for (const file of ['LICENSE', 'README.md']) cpSync(path.join(root, file), path.join(folder, file));
const bundled = packagesOf(
  root,
  chunks.flatMap(({ moduleIds }) => moduleIds),
);
const inConsole = dependenciesBelow(root, 'packages/console');
writeFileSync(path.join(folder, 'THIRD-PARTY'), thirdParty(root, [...bundled, ...inConsole]));
writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(packageManifest(root), null, 2)}\n`);
console.log(`dist/package: ${chunks.length} files of code, ${new Set(bundled).size} packages in them`);
