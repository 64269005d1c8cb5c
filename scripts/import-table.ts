/**
 * Who may import whom. The table is the architecture (ARCHITECTURE.md): a package that is not in a row's list
 * may not be imported from that row's package, and nobody reaches past another package's door.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  base: [],
  ipfix: ['base'],
  host: ['base'],
  metering: ['ipfix', 'host', 'base'],
  exporting: ['ipfix', 'host', 'base'],
  collecting: ['ipfix', 'host', 'base'],
  analysis: ['ipfix', 'base'],
  storage: ['analysis', 'ipfix', 'base'],
  server: ['storage', 'analysis', 'collecting', 'ipfix', 'base'],
  console: ['analysis', 'ipfix'],
  cli: ['server', 'storage', 'analysis', 'collecting', 'exporting', 'metering', 'host', 'ipfix', 'base'],
};

/** One source file of a package, as the check sees it. */
export interface SourceFile {
  package: string;
  /** Path from the package's folder, with `/`. */
  path: string;
  text: string;
}

export interface PackageManifest {
  package: string;
  dependencies: readonly string[];
}

const SPECIFIER =
  /(?:^|[\s;}])(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** The module specifiers that a source text imports, re-exports or loads dynamically. */
export function specifiersOf(text: string): string[] {
  return [...text.matchAll(SPECIFIER)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Every way in which the files break the table; empty when they keep it. */
export function importViolations(
  files: readonly SourceFile[],
  manifests: readonly PackageManifest[],
  table: Readonly<Record<string, readonly string[]>> = IMPORT_TABLE,
): string[] {
  const violations = circlesOf(table);
  const declared = new Map(manifests.map((manifest) => [manifest.package, new Set(manifest.dependencies)]));
  for (const file of files) {
    for (const specifier of specifiersOf(file.text)) {
      const violation = violationOf(file, specifier, table, declared.get(file.package) ?? new Set());
      if (violation !== undefined) violations.push(`packages/${file.package}/${file.path}: ${violation}`);
    }
  }
  for (const manifest of manifests) {
    for (const dependency of manifest.dependencies) {
      const sibling = siblingOf(dependency);
      if (sibling === undefined || (table[manifest.package] ?? []).includes(sibling)) continue;
      violations.push(`packages/${manifest.package}/package.json: must not depend on ${dependency}`);
    }
  }
  return violations;
}

function violationOf(
  file: SourceFile,
  specifier: string,
  table: Readonly<Record<string, readonly string[]>>,
  declared: ReadonlySet<string>,
): string | undefined {
  if (specifier.startsWith('.')) {
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file.path), specifier));
    return target.startsWith('..') ? `leaves its package with '${specifier}'` : undefined;
  }
  const sibling = siblingOf(specifier);
  if (sibling === undefined) return undefined;
  if (specifier !== `@weir/${sibling}`) return `reaches past the door of ${sibling} with '${specifier}'`;
  const allowed = table[file.package];
  if (allowed === undefined) return `package ${file.package} has no row in the import table`;
  if (!allowed.includes(sibling))
    return `must not import ${sibling} (allowed: ${allowed.join(', ') || 'nothing'})`;
  if (!declared.has(specifier)) return `imports ${specifier}, which its package.json does not declare`;
  return undefined;
}

function siblingOf(specifier: string): string | undefined {
  return /^@weir\/([^/]+)/.exec(specifier)?.[1];
}

function circlesOf(table: Readonly<Record<string, readonly string[]>>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  function visit(name: string, trail: readonly string[]): void {
    if (trail.includes(name)) {
      circles.push(
        `the import table has a circle: ${[...trail.slice(trail.indexOf(name)), name].join(' → ')}`,
      );
      return;
    }
    if (done.has(name)) return;
    for (const next of table[name] ?? []) visit(next, [...trail, name]);
    done.add(name);
  }
  for (const name of Object.keys(table)) visit(name, []);
  return circles;
}

/** Reads the packages below `root` (the repository). */
export function readPackages(root: string): { files: SourceFile[]; manifests: PackageManifest[] } {
  const files: SourceFile[] = [];
  const manifests: PackageManifest[] = [];
  for (const name of readdirSync(path.join(root, 'packages'))) {
    const folder = path.join(root, 'packages', name);
    const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    manifests.push({ package: name, dependencies: Object.keys(manifest.dependencies ?? {}) });
    const source = path.join(folder, 'src');
    for (const entry of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!/\.tsx?$/.test(entry)) continue;
      const file = path.join(source, entry);
      files.push({
        package: name,
        path: `src/${entry.split(path.sep).join('/')}`,
        text: readFileSync(file, 'utf8'),
      });
    }
  }
  return { files, manifests };
}
