/**
 * A bounded hand-over of buffers from one producer thread to one consumer thread.
 *
 * The producer owns a fixed number of ArrayBuffers. `acquire` gives it one to fill; `send` transfers it (no
 * copy) with a small note; the consumer hands it back when it has taken the contents out. When the
 * consumer is slow, `acquire` returns undefined: the producer then stops taking input, and the kernel's
 * buffer, not this process's memory, absorbs the burst.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { assert } from './assert.ts';

export interface BufferSender<Note> {
  /** A free buffer, or undefined when the consumer holds them all. Never blocks. */
  acquire(): ArrayBuffer | undefined;
  /** Transfers `buffer`; the producer must not touch it, or a view of it, afterwards. */
  send(buffer: ArrayBuffer, note: Note): void;
  /** Gives an acquired buffer back unused. */
  release(buffer: ArrayBuffer): void;
  /** Resolves when the consumer has handed back everything that was sent. */
  drained(): Promise<void>;
  /** Buffers that were sent and not yet handed back. */
  inFlight(): number;
  close(): void;
}

interface Delivery<Note> {
  buffer: ArrayBuffer;
  note: Note;
}

/** Creates the producer's end over `port`, with `count` buffers of `byteLength` octets each. */
export function createBufferSender<Note>(
  port: MessagePort,
  count: number,
  byteLength: number,
): BufferSender<Note> {
  assert(count > 0, 'a buffer channel needs at least one buffer');
  const free: ArrayBuffer[] = Array.from({ length: count }, () => new ArrayBuffer(byteLength));
  let sentCount = 0;

  function collectOne(): boolean {
    const returned = receiveMessageOnPort(port);
    if (returned === undefined) return false;
    free.push(returned.message as ArrayBuffer);
    sentCount -= 1;
    return true;
  }

  function collectReturned(): void {
    while (collectOne());
  }

  return {
    acquire() {
      // One and no more: the engine takes what arrives here for memory that grows, and looks for garbage.
      if (free.length === 0) collectOne();
      return free.pop();
    },
    send(buffer, note) {
      sentCount += 1;
      port.postMessage({ buffer, note } satisfies Delivery<Note>, [buffer]);
    },
    release: (buffer) => void free.push(buffer),
    async drained() {
      for (collectReturned(); sentCount > 0; collectReturned()) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    inFlight() {
      collectReturned();
      return sentCount;
    },
    close: () => port.close(),
  };
}

/**
 * Attaches the consumer's end: `take` is called once for each buffer, in order, and the buffer returns to
 * the producer when the promise that `take` returned settles. A rejection goes to `failed`; the next buffer
 * is taken all the same.
 */
export function receiveBuffers<Note>(
  port: MessagePort,
  take: (buffer: ArrayBuffer, note: Note) => Promise<void>,
  failed: (error: unknown) => void,
): void {
  let queue = Promise.resolve();
  port.on('message', ({ buffer, note }: Delivery<Note>) => {
    queue = queue
      .then(() => take(buffer, note))
      .catch(failed)
      .then(() => port.postMessage(buffer, [buffer]));
  });
}
