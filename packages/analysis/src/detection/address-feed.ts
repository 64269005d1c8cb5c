/** Lists of addresses that somebody warns of: one address or network a line, as text, CSV or netset. */
import { type Address, formatNetwork, type Network, networkOf, parseNetwork } from '../address.ts';

export interface AddressFeed {
  readonly name: string;
  readonly networks: readonly Network[];
  /** When the file was written (ms). */
  readonly changedMs: number;
  /** Lines that hold no address. */
  readonly badLines: number;
}

/** Of all feeds together; the SQL that looks them up has so many numbers. */
export const FEED_ENTRIES_MAX = 200_000;
/** A `/0` in a feed would list everybody. */
const PREFIX_MIN_V4 = 96 + 8;
const PREFIX_MIN_V6 = 16;

/**
 * The networks of a feed. A line is empty, a comment (`#`, `;`, `//`), or has an address or network as one of its columns
 * (separated by commas, semicolons or spaces), quoted or not; what follows a `#` is a comment. A first line without an
 * address is a heading.
 */
export function parseAddressFeed(text: string): { networks: Network[]; badLines: number } {
  const networks = new Map<string, Network>();
  let badLines = 0;
  text.split(/\r?\n/).forEach((line, index) => {
    const content = line.replace(/#.*$/, '').trim();
    if (content === '' || content.startsWith(';') || content.startsWith('//')) return;
    const network = networkIn(content);
    if (network !== undefined) networks.set(formatNetwork(network), network);
    else if (index > 0) badLines += 1;
  });
  return { networks: [...networks.values()], badLines };
}

function networkIn(line: string): Network | undefined {
  for (const column of line.split(/[,;\s]+/)) {
    const network = parseNetwork(column.replace(/^"|"$/g, ''));
    if (network === undefined) continue;
    const isWide = network.hi === 0n && network.prefixLength >= 96;
    return network.prefixLength >= (isWide ? PREFIX_MIN_V4 : PREFIX_MIN_V6) ? network : undefined;
  }
  return undefined;
}

/** The feeds, and which of them lists an address. */
export class AddressFeeds {
  readonly feeds: readonly AddressFeed[];
  /** By prefix length, by network: which feed. */
  readonly #byLength = new Map<number, Map<string, AddressFeed>>();
  /** Entries that are beyond the limit. */
  readonly ignored: number;

  constructor(feeds: readonly AddressFeed[] = []) {
    this.feeds = feeds;
    let entries = 0;
    let ignored = 0;
    for (const feed of feeds) {
      for (const network of feed.networks) {
        if (entries >= FEED_ENTRIES_MAX) {
          ignored += 1;
          continue;
        }
        entries += 1;
        this.#add(feed, network);
      }
    }
    this.ignored = ignored;
  }

  #add(feed: AddressFeed, network: Network): void {
    const networks = this.#byLength.get(network.prefixLength) ?? new Map<string, AddressFeed>();
    networks.set(keyOf(network), feed);
    this.#byLength.set(network.prefixLength, networks);
  }

  networks(): Network[] {
    return [...this.#byLength].flatMap(([prefixLength, networks]) =>
      [...networks.keys()].map((key) => {
        const [hi = '0', lo = '0'] = key.split(' ');
        return { hi: BigInt(hi), lo: BigInt(lo), prefixLength };
      }),
    );
  }

  /** The feed that lists an address, and as what; the longest prefix. */
  find(address: Address): { readonly feed: AddressFeed; readonly network: Network } | undefined {
    for (const prefixLength of [...this.#byLength.keys()].sort((one, other) => other - one)) {
      const network = networkOf(address, prefixLength);
      const feed = this.#byLength.get(prefixLength)?.get(keyOf(network));
      if (feed !== undefined) return { feed, network };
    }
    return undefined;
  }
}

const keyOf = ({ hi, lo }: Address): string => `${hi} ${lo}`;
