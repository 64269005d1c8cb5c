import { createRequire } from 'node:module';

export type Koffi = typeof import('koffi')['default'];

/** The FFI module, loaded when it is first needed: without it everything but native calls works. Throws. */
export function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi;
}

/** What a person needs of why a library or module did not load. */
export function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
}
