/**
 * flowId (148): a keyed hash of a flow's addresses, ports and protocol in its own direction, and of nothing
 * else: no time, no interface, no VLAN, no direction flag. So sender and receiver, who see the same packets as
 * egress and as ingress, give a flow the same id when they have the same key.
 *
 * How a collector joins the two sides of a flow: records of different exporters with the same flowId whose
 * times from flowStart to flowEnd overlap. The id alone does not do: whoever uses the same addresses and ports
 * again has it again. What the receiver's records have less than the sender's was lost on the way. ICMP is
 * told apart by type and code, which stand where ports do; fragments after the first have ports 0 at both
 * ends. Address translation on the way makes other ids of the two sides.
 */
import { createHash } from 'node:crypto';
import * as record from './flow-record.ts';
import { HalfSipHash } from './half-siphash.ts';
import * as packet from './packet-burst.ts';

// This file's own, see flow-cache.ts.
const { WORD_DESTINATION_PREFIX, WORD_SOURCE_PREFIX } = record;
const { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE, KIND_IPV6 } = packet;

const PREFIX_WORDS = 3;
/** Four of an IPv4 flow, six more of the prefixes of IPv6. */
const INPUT_WORDS_MAX = 10;

/** 64 bits in two words. */
export type FlowIdKey = readonly [number, number];

/** The key that a text stands for: the same text at both ends gives the same flowIds. */
export function flowIdKeyOf(text: string): FlowIdKey {
  const digest = createHash('sha256').update('weir flowId key\0').update(text, 'utf8').digest();
  return [digest.readInt32LE(0), digest.readInt32LE(4)];
}

/** A key by chance: ids then mean something to this process alone. */
export function randomFlowIdKey(): FlowIdKey {
  const [low = 0, high = 0] = crypto.getRandomValues(new Int32Array(2));
  return [low, high];
}

/** Computes flowIds; after `compute` the two words of the id are `low` and `high`. */
export class FlowIdHash {
  readonly #hash: HalfSipHash;
  readonly #input = new Int32Array(INPUT_WORDS_MAX);

  constructor(key: FlowIdKey) {
    this.#hash = new HalfSipHash(key[0], key[1]);
  }

  get low(): number {
    return this.#hash.low;
  }

  get high(): number {
    return this.#hash.high;
  }

  /** Of the flow whose record (flow-record.ts) begins at `base` of `words`. */
  compute(words: Int32Array, base: number): void {
    const input = this.#input;
    const kind = words[base + KEY_KIND]!;
    input[0] = words[base + KEY_SOURCE]!;
    input[1] = words[base + KEY_DESTINATION]!;
    input[2] = words[base + KEY_PORTS]!;
    input[3] = kind & 0xff;
    let count = 4;
    if ((kind & KIND_IPV6) !== 0) {
      for (let index = 0; index < PREFIX_WORDS; index += 1) {
        input[count] = words[base + WORD_SOURCE_PREFIX + index]!;
        input[count + 1] = words[base + WORD_DESTINATION_PREFIX + index]!;
        count += 2;
      }
    }
    this.#hash.digest(input, count);
  }
}
