/** A message on its way to a collector over a stream, and those that wait for it. */
import type { Template } from '@weir/ipfix';

export interface OutgoingMessage {
  /** The whole message; Export Time and sequence number are written when it leaves. */
  readonly bytes: Uint8Array;
  /** Data Records, option records included. */
  readonly records: number;
  readonly flows: number;
  /** Sums over its flows. */
  readonly packets: number;
  readonly octets: number;
  /** The templates that a collector must know to read it. */
  readonly templates: readonly Template[];
}

/** Messages in the order in which they are to be sent. */
export interface MessageBacklog {
  readonly count: number;
  readonly octets: number;
  push(message: OutgoingMessage): void;
  shift(): OutgoingMessage | undefined;
  /** Puts back what `shift` gave last. */
  unshift(message: OutgoingMessage): void;
}

/** Slots before the head that are given back at once. */
const COMPACTED_SLOTS = 1024;

export function createMessageBacklog(): MessageBacklog {
  let messages: (OutgoingMessage | undefined)[] = [];
  let head = 0;
  let octets = 0;

  return {
    get count() {
      return messages.length - head;
    },
    get octets() {
      return octets;
    },
    push(message) {
      messages.push(message);
      octets += message.bytes.length;
    },
    shift() {
      const message = messages[head];
      if (message === undefined) return undefined;
      messages[head] = undefined;
      head += 1;
      octets -= message.bytes.length;
      if (head > COMPACTED_SLOTS && head * 2 > messages.length) {
        messages = messages.slice(head);
        head = 0;
      }
      return message;
    },
    unshift(message) {
      if (head > 0) messages[--head] = message;
      else messages.unshift(message);
      octets += message.bytes.length;
    },
  };
}
