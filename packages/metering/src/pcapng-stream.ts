/**
 * pcapng that other programs stream into the meter: the way by which an overlay program of any language says
 * what it carried and what it refused. Through a named pipe that is there, or through a Unix socket that we
 * listen on.
 *
 * A socket has several writers at once, each with a stream of its own; the stream of one that is damaged ends
 * its connection and no other's. In a pipe all writers share one stream, so they must take turns; after
 * damage it is read on from the next section header, with which every writer begins.
 */
import { closeSync, constants, existsSync, openSync, statSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, Socket } from 'node:net';
import { UserError } from '@weir/base';
import { PcapngStreamReader, type PcapngStreamTarget } from './pcapng-stream-reader.ts';

/** Writers of a socket at once; each holds at most 512 KiB. */
const WRITERS_MAX = 16;
/** When a stopping meter has seen no octet in so many turns of the event loop, there are no more. */
const QUIET_TURNS = 3;
const DRAIN_TURNS_MAX = 1000;

export interface PcapngStreamStatus {
  readonly path: string;
  /** Writers now; of a pipe, 1 from the first octet to the end. */
  readonly writers: number;
  readonly framesPassed: number;
  readonly framesDropped: number;
  /** Times that a stream was damaged or ended within a block. */
  readonly damages: number;
  /** Writers turned away because there were WRITERS_MAX. */
  readonly writersRefused: number;
  /** What was wrong the last time. */
  readonly problem: string | undefined;
}

export class PcapngStream {
  readonly path: string;
  readonly #target: PcapngStreamTarget;
  readonly #readers = new Map<Socket, PcapngStreamReader>();
  #server: Server | undefined;
  #pipe: Socket | undefined;
  #isClosed = false;
  #octets = 0;
  #framesPassedBefore = 0;
  #framesDroppedBefore = 0;
  #damagesBefore = 0;
  #writersRefused = 0;
  #problem: string | undefined;

  constructor(path: string, target: PcapngStreamTarget) {
    this.path = path;
    this.#target = target;
  }

  /** Octets read so far; that they grow is a reason not to sleep. */
  get octets(): number {
    return this.#octets;
  }

  /** Opens the pipe or listens. Throws a UserError `drop_source_failed` or `drop_source_busy`. */
  async open(): Promise<void> {
    if (!existsSync(this.path)) return this.#listen();
    const found = statSync(this.path);
    if (found.isFIFO()) return this.#openPipe();
    if (!found.isSocket()) throw failed(this.path, 'neither a named pipe nor a socket');
    if (await isListening(this.path)) {
      throw new UserError('drop_source_busy', `${this.path}: another process listens on it`);
    }
    unlinkSync(this.path);
    return this.#listen();
  }

  status(): PcapngStreamStatus {
    let framesPassed = this.#framesPassedBefore;
    let framesDropped = this.#framesDroppedBefore;
    let damages = this.#damagesBefore;
    let problem = this.#problem;
    let writers = 0;
    for (const [socket, reader] of this.#readers) {
      framesPassed += reader.framesPassed;
      framesDropped += reader.framesDropped;
      damages += reader.damages;
      problem = reader.problem ?? problem;
      if (socket !== this.#pipe || socket.bytesRead > 0) writers += 1;
    }
    return {
      path: this.path,
      writers,
      framesPassed,
      framesDropped,
      damages,
      writersRefused: this.#writersRefused,
      problem,
    };
  }

  /** Reads what writers have written so far. */
  async drain(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; turn < DRAIN_TURNS_MAX && quiet < QUIET_TURNS; turn += 1) {
      const before = this.#octets;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.#octets === before ? quiet + 1 : 0;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#server?.close();
    for (const socket of this.#readers.keys()) socket.destroy();
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer((socket) => this.#attach(socket, new PcapngStreamReader(this.#target)));
      server.maxConnections = WRITERS_MAX;
      server.on('drop', () => {
        this.#writersRefused += 1;
      });
      server.once('error', (error) => reject(failed(this.path, error.message)));
      server.listen(this.path, () => resolve());
      this.#server = server;
    });
  }

  /** Opened without waiting for a writer. */
  #openPipe(): void {
    this.#pipe = new Socket({ fd: openForReading(this.path), readable: true, writable: false });
    this.#attach(this.#pipe, new PcapngStreamReader(this.#target, true));
  }

  #attach(socket: Socket, reader: PcapngStreamReader): void {
    this.#readers.set(socket, reader);
    socket.on('data', (chunk: Uint8Array) => {
      this.#octets += chunk.length;
      reader.push(chunk);
      if (reader.isOver) socket.destroy();
    });
    // A writer that dies is as good as one that ends; `close` follows.
    socket.on('error', () => {});
    socket.on('end', () => this.#endStream(socket, reader));
    socket.on('close', () => this.#endStream(socket, reader));
  }

  /**
   * Takes the counts of a stream that has ended, once. A pipe is opened again before it is closed at the end
   * of its writer, so that it has a reader at all times and the next writer loses nothing.
   */
  #endStream(socket: Socket, reader: PcapngStreamReader): void {
    if (!this.#readers.delete(socket)) return;
    reader.end();
    this.#framesPassedBefore += reader.framesPassed;
    this.#framesDroppedBefore += reader.framesDropped;
    this.#damagesBefore += reader.damages;
    this.#problem = reader.problem ?? this.#problem;
    if (socket === this.#pipe && !this.#isClosed) this.#reopenPipe();
  }

  #reopenPipe(): void {
    try {
      this.#openPipe();
    } catch (error) {
      // The pipe was removed: there is nothing to read any more, and the status says so.
      this.#problem = error instanceof Error ? error.message : String(error);
    }
  }
}

function openForReading(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (statSync(path).isFIFO()) return fd;
    closeSync(fd);
  } catch (error) {
    throw failed(path, error instanceof Error ? error.message : String(error));
  }
  throw failed(path, 'no longer a named pipe');
}

/** Whether somebody accepts connections there; a socket that a dead process left behind refuses them. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

function failed(path: string, reason: string): UserError {
  return new UserError('drop_source_failed', `${path}: pcapng cannot be read from it: ${reason}`);
}
