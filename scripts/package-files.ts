/** What stands beside the code in the package: its manifest, and the licences of what the code contains. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { UNBUNDLED } from './bundle.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license?: string;
  readonly engines: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
}

/** The manifest of the package. Versions are those that the workspaces pin. */
export function packageManifest(root: string): object {
  const { description, license, engines, optionalDependencies } = readManifest(root);
  return {
    name: 'weir',
    version: readManifest(path.join(root, 'packages/cli')).version,
    description,
    license,
    type: 'commonjs',
    bin: { weir: 'cli/bin/weir.js' },
    engines,
    dependencies: Object.fromEntries(UNBUNDLED.map((name) => [name, pinnedVersion(root, name)])),
    optionalDependencies,
  };
}

function pinnedVersion(root: string, name: string): string {
  for (const folder of readdirSync(path.join(root, 'packages'))) {
    const version = readManifest(path.join(root, 'packages', folder)).dependencies?.[name];
    if (version !== undefined) return version;
  }
  throw new Error(`no package of ours depends on ${name}`);
}

/** Folders, from the root, of the packages of others that the files belong to. */
export function packagesOf(root: string, files: readonly string[]): string[] {
  const folders = files.map((file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return folders.filter((folder) => folder !== undefined).map((folder) => path.relative(root, folder));
}

/** Folders of all packages of others that the package in `folder` needs at run time. */
export function dependenciesBelow(root: string, folder: string): string[] {
  const found = new Set<string>();
  const waiting = [folder];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name of Object.keys(readManifest(path.join(root, next)).dependencies ?? {})) {
      const location = installedAt(root, next, name);
      if (name.startsWith('@weir/') || location === undefined || found.has(location)) continue;
      found.add(location);
      waiting.push(location);
    }
  }
  return [...found];
}

/** Where Node finds a package for code in `folder`: in the nearest node_modules. */
function installedAt(root: string, folder: string, name: string): string | undefined {
  for (let from = folder; ; from = path.dirname(from)) {
    const location = path.join(from, 'node_modules', name);
    if (existsSync(path.join(root, location))) return location;
    if (from === '.') return undefined;
  }
}

/** The text of THIRD-PARTY: each package whose code was taken, its version, its licence, and the words of that. */
export function thirdParty(root: string, folders: readonly string[]): string {
  const sections = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license = 'see below' } = readManifest(path.join(root, folder));
    return [`${name} ${version} (${license})`, ...licenceTexts(path.join(root, folder))].join('\n\n');
  });
  return `Weir contains code of these packages.\n\n${sections.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}

/** What a package says of its licence in files of its own. */
function licenceTexts(folder: string): string[] {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(?:licen[cs]e|copying|notice)/i.test(entry.name))
    .map(({ name }) => name);
  return files.sort().map((file) => readFileSync(path.join(folder, file), 'utf8').trim());
}
