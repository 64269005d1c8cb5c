/**
 * Whom a listener over UDP hears while more arrives than it can decode. Datagrams of all senders stand in one queue of
 * the kernel, and what that drops it drops blindly: so the queue must stay short, and what shortens it is not to
 * decode what senders that are not established sent.
 *
 * These are heard in turns: each second another part of them, one in `shares`, chosen by chance, with all that they
 * send, so that a new exporter whose turn it is shows a whole stretch of its sequence. One whose records follow each
 * other goes on being heard, and is soon established. `shares` doubles while the queue grows, and halves after a
 * moment without need.
 */
import type { Clock } from '@weir/base';

/** Of the kernel's buffer: 1/8 of the default is 60 ms of the 60,000 datagrams/s that garbage from one core brings. */
const FILL_HIGH = 1 / 8;
/** Nothing is waited for any more: only established exporters and one in SHARES_MAX of the others are heard at once. */
const FILL_CRITICAL = 1 / 2;
const FILL_LOW = 1 / 32;
/** Between two steps up: a shorter queue must have had the time to show. */
const RAISE_MS = 20;
/** Without a step up for so long, one goes down. */
const CALM_MS = 100;
const TURN_MS = 1000;
/** Of 500,000 datagrams/s 8,000 are decoded; an exporter that repeats its templates often is heard within minutes. */
export const SHARES_MAX = 64;
/** A sender whose latest record came where it was expected is heard for so long: several messages of a slow one. */
const PROBATION_MS = 120_000;
/** 2^32 / golden ratio, odd. */
const HASH_MULTIPLIER = 0x9e37_79b1;

/** What the gate needs of a sender. */
export interface HeardSender {
  readonly established: boolean;
  /** Until when it is heard out of turn. 0: not at all. */
  heardUntilMs: number;
}

export interface OverloadGate {
  /** One in so many of the senders that are not established is heard now; 1: everybody is. */
  readonly shares: number;
  /** Datagrams that were not heard. */
  readonly unheard: number;
  /** How full the kernel's buffer is, 0 … 1. To be told before each turn of receiving. */
  look(fill: number): void;
  /** Whether a datagram is to be decoded; counts it when it is not. `senderKey` is the sender's number. */
  admit(sender: HeardSender, senderKey: number): boolean;
  /** Takes note of the records of an admitted datagram, and whether its message came where it was expected. */
  heard(sender: HeardSender, records: number, inOrder: boolean): void;
}

export function createOverloadGate(clock: Clock): OverloadGate {
  let shares = 1;
  let unheard = 0;
  let nowMs = clock.monotonicMs();
  let turn = 0;
  let raisedMs = nowMs;
  let calmSinceMs = nowMs;

  function raise(fill: number): void {
    calmSinceMs = nowMs;
    if (fill >= FILL_CRITICAL) shares = SHARES_MAX;
    else if (nowMs - raisedMs >= RAISE_MS) shares = Math.min(SHARES_MAX, shares * 2);
    else return;
    raisedMs = nowMs;
  }

  return {
    get shares() {
      return shares;
    },
    get unheard() {
      return unheard;
    },
    look(fill) {
      nowMs = clock.monotonicMs();
      turn = Math.floor(nowMs / TURN_MS);
      if (fill >= FILL_HIGH) raise(fill);
      else if (fill >= FILL_LOW) calmSinceMs = nowMs;
      else if (shares > 1 && nowMs - calmSinceMs >= CALM_MS) {
        shares /= 2;
        calmSinceMs = nowMs;
      }
    },
    admit(sender, senderKey) {
      if (shares === 1 || sender.established || nowMs < sender.heardUntilMs) return true;
      if (isTurnOf(senderKey, turn, shares)) return true;
      unheard += 1;
      return false;
    },
    heard(sender, records, inOrder) {
      if (records === 0 || sender.established) return;
      const wasOnProbation = sender.heardUntilMs > 0;
      sender.heardUntilMs = inOrder || !wasOnProbation ? nowMs + PROBATION_MS : 0;
    },
  };
}

/** Chance decides, not the order: who repeats templates at a fixed interval must not always miss its turn. */
function isTurnOf(senderKey: number, turn: number, shares: number): boolean {
  const mixed = Math.imul(senderKey ^ Math.imul(turn, HASH_MULTIPLIER), HASH_MULTIPLIER);
  return ((mixed ^ (mixed >>> 15)) & (shares - 1)) === 0;
}
