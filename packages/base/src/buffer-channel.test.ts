import { MessageChannel } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createBufferSender, receiveBuffers } from './buffer-channel.ts';

describe('a buffer channel', () => {
  test('hands over every buffer in order and gets each back', async () => {
    const { port1, port2 } = new MessageChannel();
    const sender = createBufferSender<number>(port1, 3, 8);
    const taken: [number, number][] = [];
    const take = async (buffer: ArrayBuffer, note: number) => {
      await Promise.resolve();
      taken.push([new Uint32Array(buffer)[0] ?? -1, note]);
    };
    receiveBuffers(port2, take, (error) => {
      throw error;
    });
    for (let round = 0; round < 100; round++) {
      let buffer = sender.acquire();
      while (buffer === undefined) {
        await new Promise((resolve) => setImmediate(resolve));
        buffer = sender.acquire();
      }
      new Uint32Array(buffer)[0] = round;
      sender.send(buffer, round);
      expect(buffer.byteLength).toBe(0);
    }
    await sender.drained();
    expect(taken).toEqual(Array.from({ length: 100 }, (_, round) => [round, round]));
    expect(sender.inFlight()).toBe(0);
    sender.close();
  });

  test('is bounded: without a consumer there is no fourth buffer of three', () => {
    const { port1 } = new MessageChannel();
    const sender = createBufferSender<null>(port1, 3, 8);
    const buffers = [sender.acquire(), sender.acquire(), sender.acquire()];
    expect(buffers.every((buffer) => buffer !== undefined)).toBe(true);
    for (const buffer of buffers) if (buffer) sender.send(buffer, null);
    expect(sender.acquire()).toBeUndefined();
    expect(sender.inFlight()).toBe(3);
    sender.close();
  });

  test('returns a buffer also when the consumer failed on it', async () => {
    const { port1, port2 } = new MessageChannel();
    const sender = createBufferSender<null>(port1, 1, 8);
    const failures: unknown[] = [];
    receiveBuffers<null>(
      port2,
      () => Promise.reject(new Error('full')),
      (error) => failures.push(error),
    );
    for (let round = 0; round < 2; round++) {
      const buffer = sender.acquire();
      expect(buffer).toBeDefined();
      if (buffer) sender.send(buffer, null);
      await sender.drained();
    }
    expect(failures).toHaveLength(2);
    sender.close();
  });
});
