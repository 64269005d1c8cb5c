/** Lines to stdout, many in one write, no faster than the reader takes them. */
import process from 'node:process';

/** A pipe holds 64 KiB: about what the reader can take at once. */
const CHUNK_CHARACTERS = 64 * 1024;

export interface LineWriter {
  write(line: string): void;
  /** A promise while the reader is behind, else undefined: nobody waits for nothing. */
  room(): Promise<void> | undefined;
  /** Writes what is left and resolves when it is on its way. */
  end(): Promise<void>;
}

export function createLineWriter(stream: NodeJS.WritableStream = process.stdout): LineWriter {
  let pending: string[] = [];
  let pendingCharacters = 0;
  let behind: Promise<void> | undefined;

  function push(): void {
    const chunk = pending.join('');
    pending = [];
    pendingCharacters = 0;
    if (chunk === '' || stream.write(chunk) || behind !== undefined) return;
    behind = new Promise((resolve) => {
      stream.once('drain', () => {
        behind = undefined;
        resolve();
      });
    });
  }

  return {
    write(line) {
      pending.push(line, '\n');
      pendingCharacters += line.length + 1;
      if (pendingCharacters >= CHUNK_CHARACTERS) push();
    },
    room: () => behind,
    async end() {
      push();
      await behind;
    },
  };
}
