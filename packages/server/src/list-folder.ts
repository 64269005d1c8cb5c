/** The named lists of filters (`@name`): files `NAME.txt` in one folder, read again when they change. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

export interface ListFolder {
  /** The lines of a list; undefined when there is none of that name. */
  read(name: string): readonly string[] | undefined;
  /** All names, in order. */
  names(): string[];
}

/** 16 MB: half a million addresses. A larger file is no list. */
const LIST_OCTETS_MAX = 16 * 1024 * 1024;
const EXTENSION = '.txt';
/** No name that could leave the folder. */
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,99}$/u;

interface ReadList {
  readonly version: string;
  readonly lines: readonly string[];
}

export function createListFolder(directory: string): ListFolder {
  const known = new Map<string, ReadList>();
  return {
    read(name) {
      if (!NAME.test(name)) return undefined;
      const list = readList(path.join(directory, `${name}${EXTENSION}`), known.get(name));
      if (list === undefined) known.delete(name);
      else known.set(name, list);
      return list?.lines;
    },
    names() {
      try {
        return readdirSync(directory)
          .filter((file) => file.endsWith(EXTENSION))
          .map((file) => file.slice(0, -EXTENSION.length))
          .filter((name) => NAME.test(name))
          .sort();
      } catch {
        return []; // there is no such folder
      }
    },
  };
}

function readList(file: string, known: ReadList | undefined): ReadList | undefined {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    if (size > LIST_OCTETS_MAX) return undefined;
    const version = `${ino} ${size} ${mtimeMs}`;
    if (known?.version === version) return known;
    return { version, lines: readFileSync(file, 'utf8').split(/\r?\n/) };
  } catch {
    return undefined; // no file, or none that may be read
  }
}
