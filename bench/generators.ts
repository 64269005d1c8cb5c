/** The workload generators beside the repository (`../shared/bench`), compiled when a benchmark needs them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const SOURCES = path.resolve(import.meta.dirname, '../../shared/bench');
/** Kept between runs: the capture takes a while to make. */
export const WORK_FOLDER = path.join(os.tmpdir(), 'weir-bench');

/** Path of the compiled generator, or undefined where its source is not at hand. */
export function generator(name: 'ipfixgen' | 'pcapgen'): string | undefined {
  const source = path.join(SOURCES, `${name}.c`);
  if (!existsSync(source)) return undefined;
  mkdirSync(WORK_FOLDER, { recursive: true });
  const program = path.join(WORK_FOLDER, name);
  if (!existsSync(program)) execFileSync('gcc', ['-O2', '-o', program, source, '-lm']);
  return program;
}
