import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A folder that is removed when the test file has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
