import { constants } from 'node:fs';
import { access, mkdir, open, realpath, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const MODE_DEFAULT = 0o640;

/**
 * Replaces a file's content: readers see the old one or the new one, also after a power cut. The file keeps its
 * mode, and its owner where we may give it; a symbolic link goes on pointing where it did.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const former = await stat(target).catch(() => undefined);
  const temporary = `${target}.tmp`;
  await mkdir(dirname(target), { recursive: true });
  const file = await open(temporary, 'w', (former?.mode ?? MODE_DEFAULT) & 0o777);
  try {
    await file.writeFile(text);
    if (former !== undefined) await file.chown(former.uid, former.gid).catch(() => {});
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, target);
}

/** Rejects with the system's error when `replaceFile` could not. */
export async function checkReplaceable(path: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  await access(dirname(target), constants.W_OK);
}
