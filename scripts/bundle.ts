/**
 * The command line as JavaScript: one file for what starts, one for each command and worker, and more for what
 * several of them share, all in cli/lib.
 *
 * They are CommonJS modules, because they start in less time: Node resolves and links ES modules in several steps, and
 * for each `import` from one of its own modules it reads all that this exports, which opens standard input for `process`.
 */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';

/** What stays a dependency of the package: native code, and data that is read as files. */
export const UNBUNDLED = [
  'koffi',
  '@duckdb/node-api',
  '@duckdb/node-bindings',
  '@ip-location-db/asn',
  '@ip-location-db/geo-whois-asn-country',
] as const;

const PROGRAM = 'packages/cli/bin/weir.js';
const WORKER = /new URL\('(\.\/(?:[\w-]+\/)*([\w-]+))\.ts', import\.meta\.url\)/g;

/** Writes the bundle into `folder` and resolves with its files. Rejects when something in it would not be found. */
export async function bundleProgram(root: string, folder: string): Promise<OutputChunk[]> {
  const program = path.join(root, PROGRAM);
  const workers = workerEntries(root);
  const bundle = await rolldown({
    cwd: root,
    platform: 'node',
    input: { 'bin/weir': program, ...workers },
    external: [...UNBUNDLED],
    // Its `main` is a module that asks for others by computed names.
    resolve: { alias: { 'jsonc-parser': path.join(root, 'node_modules/jsonc-parser/lib/esm/main.js') } },
    treeshake: {
      moduleSideEffects: [
        { test: new RegExp(`${PROGRAM}$|-worker\\.ts$|/node_modules/`), sideEffects: true },
        { test: /\/packages\//, sideEffects: false },
      ],
    },
    plugins: [sourcesForBundle(), lazyBuiltIns()],
    onLog(level, log) {
      if (level === 'warn') console.error(log.message);
    },
  });
  const { output } = await bundle.write({
    dir: path.join(folder, 'cli'),
    format: 'cjs',
    entryFileNames: '[name].js',
    chunkFileNames: 'lib/[name].js',
    comments: { legal: true, jsdoc: false, annotation: false },
    cleanDir: true,
  });
  await bundle.close();
  const chunks = output.filter((file) => file.type === 'chunk');
  for (const chunk of chunks) refuseLostFiles(chunk);
  return chunks;
}

/** The files that the sources start as workers, by the names that they have in the bundle. */
function workerEntries(root: string): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const file of globSync('packages/*/src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue;
    const source = path.join(root, file);
    for (const [, relative, name] of readFileSync(source, 'utf8').matchAll(WORKER)) {
      const entry = path.resolve(path.dirname(source), `${relative}.ts`);
      const other = entries[`lib/${name}`];
      if (other !== undefined && other !== entry) throw new Error(`two workers are called ${name}`);
      entries[`lib/${name}`] = entry;
    }
  }
  return entries;
}

/** What sources say that is so in the repository only. */
function sourcesForBundle(): Plugin {
  return {
    name: 'sources-for-bundle',
    load: {
      filter: { id: /\/packages\/cli\/bin\/module-paths\.js$/ },
      handler: () => 'export function resolveOwnModulesByName() {}',
    },
    transform: {
      filter: { id: [/\/packages\/[\w-]+\/src\/.*\.ts$/, /\/pdfkit\/js\/pdfkit\.node\.mjs$/] },
      handler: (code) =>
        code
          .replaceAll(WORKER, "new URL('./$2.js', import.meta.url)")
          .replaceAll(/createRequire\(import\.meta\.url\)\('(pino|prom-client)'\)/g, "require('$1')")
          .replaceAll("require$1('#standard-fonts/", "require('#standard-fonts/"),
    },
  };
}

/** The bundler's own helpers, which a file without need of them loads all the same. */
const RUNTIME = /^const require_rolldown_runtime = require\("[./\w]+rolldown-runtime\.js"\);\n/m;

/**
 * Node's own modules are loaded when something of theirs is first used: of crypto, net or zlib most commands need
 * nothing, and loading them takes longer than metering a small capture.
 */
function lazyBuiltIns(): Plugin {
  const declaration =
    /^(?:let|const) ([\w$]+) = require\("(node:[\w/]+)"\);\n(?:\1 = [\w$.]*__toESM\(\1(?:, 1)?\);\n)?/gm;
  return {
    name: 'lazy-built-ins',
    renderChunk(code) {
      const lazy = code.replaceAll(declaration, (eager: string, name: string, specifier: string) => {
        const members = membersUsed(code.replace(eager, ''), name);
        return members === undefined ? eager : lazyModule(name, specifier, members);
      });
      return lazy.split('require_rolldown_runtime').length > 2 ? lazy : lazy.replace(RUNTIME, '');
    },
  };
}

/** What `code` uses of the object `name`, or undefined when it uses the object itself. */
function membersUsed(code: string, name: string): Set<string> | undefined {
  const use = new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}(?![\\w$])(?:\\.(\\w+))?`, 'g');
  const members = new Set<string>();
  for (const [, member] of code.matchAll(use)) {
    if (member === undefined) return undefined;
    members.add(member);
  }
  return members;
}

function lazyModule(name: string, specifier: string, members: ReadonlySet<string>): string {
  const module = `${name}$module`;
  const loaded = `(${module} ??= require("${specifier}"))`;
  const getters = [...members].map((member) => {
    return `get ${member}() { return ${member === 'default' ? loaded : `${loaded}.${member}`}; }`;
  });
  return `let ${module};\nconst ${name} = { ${getters.join(', ')} };\n`;
}

/** A worker or a module that is named by a path of the repository would be missed only when it is needed. */
function refuseLostFiles({ fileName, code }: OutputChunk): void {
  const lost = /new URL\(['"][^'"]*\.ts['"]|require\$\d+\(['"][.#]/.exec(code);
  if (lost !== null) throw new Error(`${fileName} asks for a file that is not in the bundle: ${lost[0]}`);
  if (fileName === 'bin/weir.js' && /^(?:\w.* = )?require\("\.\.\/lib\//m.test(code)) {
    throw new Error(`${fileName} loads more than itself before compiled code is kept`);
  }
}
