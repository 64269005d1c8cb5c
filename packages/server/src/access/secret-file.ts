/** Files that only their owner may read: users, tokens, keys. */
import {
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Ten thousand users or tokens are far below; what is larger is another file. */
const FILE_OCTETS_MAX = 16 * 1024 * 1024;

/** Replaces the file: readers see the old text or the new one, also after a power cut. */
export function writeSecretFile(file: string, text: string): void {
  const folder = path.dirname(file);
  if (mkdirSync(folder, { recursive: true, mode: FOLDER_MODE }) !== undefined)
    giveToOwner(folder, path.dirname(folder));
  const temporary = `${file}.tmp`;
  rmSync(temporary, { force: true });
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const descriptor = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL, FILE_MODE);
  try {
    fchmodSync(descriptor, FILE_MODE);
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  giveToOwner(temporary, folder);
  renameSync(temporary, file);
}

/** What root writes into a folder of somebody else is theirs: a service that is not root has to read it. */
function giveToOwner(file: string, folder: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  chownSync(file, uid, gid);
}

export function removeSecretFile(file: string): void {
  rmSync(file, { force: true });
}

/** A JSON file that other processes may replace, too. */
export interface SharedJson<Value> {
  /** What the file says now; `initial` when there is none. Throws what `parse` throws. */
  read(): Value;
  write(value: Value): void;
}

/** Reads `file` again only when it was replaced. */
export function createSharedJson<Value>(
  file: string,
  initial: Value,
  parse: (value: unknown) => Value,
): SharedJson<Value> {
  let known: { mark: string; value: Value } | undefined;
  return {
    read() {
      const mark = markOf(file);
      if (mark === undefined) return initial;
      if (known?.mark !== mark) known = { mark, value: parse(JSON.parse(readFileSync(file, 'utf8'))) };
      return known.value;
    },
    write(value) {
      writeSecretFile(file, `${JSON.stringify(value, null, 2)}\n`);
      known = undefined;
    },
  };
}

/** Changes when the file is replaced or written; undefined when there is none. */
function markOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (found.size > FILE_OCTETS_MAX) throw new Error(`${file} is larger than ${FILE_OCTETS_MAX} octets`);
  return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
}
