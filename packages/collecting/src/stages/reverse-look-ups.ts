/**
 * Names of addresses by reverse look-up in the DNS. Asked in the background of a listener's thread, so few at a
 * time and so few a second that neither the thread nor the name server feels it; who is asked for beyond that is
 * left without a name until the address is asked for again.
 */
import { Resolver } from 'node:dns/promises';
import { type Clock, systemClock } from '@weir/base';
import { formatIPv4, formatIPv6 } from '@weir/ipfix';
import type { NameServer } from './host-name-stage.ts';

/** A second, over all addresses; a small office's worth of name server. */
const LOOK_UPS_PER_SECOND = 50;
const LOOK_UPS_AT_ONCE = 16;
const TIMEOUT_MS = 2000;
const MAPPED_PREFIX = 0xffff;

export interface ReverseLookUps extends NameServer {
  stop(): void;
}

export interface ReverseLookUpServices {
  clock?: Clock;
  /** Names of an address; rejects when there is none. */
  reverse?: (address: string) => Promise<string[]>;
}

export function createReverseLookUps({
  clock = systemClock,
  reverse,
}: ReverseLookUpServices = {}): ReverseLookUps {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
  const lookUp = reverse ?? ((address: string) => resolver.reverse(address));
  let underWay = 0;
  let left = LOOK_UPS_PER_SECOND;
  let secondBeganMs = clock.monotonicMs();

  function ready(): boolean {
    const nowMs = clock.monotonicMs();
    if (nowMs - secondBeganMs >= 1000) {
      secondBeganMs = nowMs;
      left = LOOK_UPS_PER_SECOND;
    }
    return left > 0 && underWay < LOOK_UPS_AT_ONCE;
  }

  return {
    ready,
    ask(address, told) {
      left -= 1;
      underWay += 1;
      lookUp(textOf(address))
        .then(([name]) => name !== undefined && told(name))
        .catch(() => {})
        .finally(() => {
          underWay -= 1;
        });
    },
    stop: () => resolver.cancel(),
  };
}

/** `words`: the lowest first. */
function textOf(words: Int32Array): string {
  const octets = new Uint8Array(16);
  const view = new DataView(octets.buffer);
  for (const [index, word] of words.entries()) view.setInt32(12 - index * 4, word);
  const isV4 = words[3] === 0 && words[2] === 0 && words[1] === MAPPED_PREFIX;
  return isV4 ? formatIPv4(octets, 12) : formatIPv6(octets, 0);
}
