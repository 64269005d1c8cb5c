/**
 * A bounded queue of messages in one allocation: the memory of a collector that does not keep up.
 *
 * A message is copied in once and stays where it is until its sending is done, so that the packer's arena is
 * free at once and nothing is allocated a message. Messages are sent in order and may be done out of order.
 */
import { assert } from '@weir/base';

export interface MessageQueue {
  readonly slotCount: number;
  /** Messages that wait to be sent. */
  readonly waiting: number;
  /** Messages being sent. */
  readonly sending: number;
  /** Copies a message in and returns its slot, or -1 when the queue is full or the message too long. */
  push(bytes: Uint8Array, offset: number, length: number): number;
  /** The next slot to send, which then counts as being sent; -1 when none waits. */
  take(): number;
  /** Frees a slot that was taken. */
  done(slot: number): void;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  offsetOf(slot: number): number;
  lengthOf(slot: number): number;
}

export function createMessageQueue(slotCount: number, slotOctets: number): MessageQueue {
  const bytes = new Uint8Array(slotCount * slotOctets);
  const view = new DataView(bytes.buffer);
  const lengths = new Uint32Array(slotCount);
  const isDone = new Uint8Array(slotCount);
  /** Counts since the start; a slot is its count modulo `slotCount`. */
  let pushed = 0;
  let taken = 0;
  let freed = 0;
  let doneCount = 0;

  return {
    slotCount,
    bytes,
    view,
    get waiting() {
      return pushed - taken;
    },
    get sending() {
      return taken - doneCount;
    },
    push(source, offset, length) {
      if (pushed - freed === slotCount || length > slotOctets) return -1;
      const slot = pushed % slotCount;
      pushed += 1;
      lengths[slot] = length;
      isDone[slot] = 0;
      bytes.set(source.subarray(offset, offset + length), slot * slotOctets);
      return slot;
    },
    take() {
      if (taken === pushed) return -1;
      const slot = taken % slotCount;
      taken += 1;
      return slot;
    },
    done(slot) {
      assert(isDone[slot] === 0, 'a slot is freed once');
      isDone[slot] = 1;
      doneCount += 1;
      while (freed < taken && isDone[freed % slotCount] === 1) freed += 1;
    },
    offsetOf: (slot) => slot * slotOctets,
    lengthOf: (slot) => lengths[slot] ?? 0,
  };
}
