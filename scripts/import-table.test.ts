import { describe, expect, test } from 'vitest';
import { IMPORT_TABLE, importViolations, readPackages, specifiersOf } from './import-table.ts';

const root = new URL('..', import.meta.url).pathname;

describe('the import table', () => {
  test('holds in this repository', () => {
    const { files, manifests } = readPackages(root);
    expect(files.length).toBeGreaterThan(10);
    expect(importViolations(files, manifests)).toEqual([]);
  });

  test('names every package', () => {
    expect(new Set(readPackages(root).manifests.map((manifest) => manifest.package))).toEqual(
      new Set(Object.keys(IMPORT_TABLE)),
    );
  });

  test.each([
    ["import { x } from '@weir/storage';", 'must not import storage'],
    ["import { x } from '@weir/ipfix/src/template.ts';", 'reaches past the door of ipfix'],
    ["export * from '../../ipfix/src/index.ts';", 'leaves its package'],
    ["const door = await import('@weir/base');", 'does not declare'],
  ])('refuses %s', (text, expected) => {
    const file = { package: 'collecting', path: 'src/listener.ts', text };
    const manifest = { package: 'collecting', dependencies: ['@weir/ipfix', '@weir/storage'] };
    expect(importViolations([file], [manifest]).join()).toContain(expected);
  });

  test('refuses a circle', () => {
    expect(importViolations([], [], { a: ['b'], b: ['a'] }).join()).toContain('a → b → a');
  });
});

test('specifiersOf sees multi-line, side-effect and dynamic imports', () => {
  const text =
    "import {\n  a,\n  b,\n} from 'x';\nimport 'y';\nexport type { T } from './t.ts';\nawait import('z');";
  expect(specifiersOf(text)).toEqual(['x', 'y', './t.ts', 'z']);
});
