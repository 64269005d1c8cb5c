/** Lists of bad addresses in a folder, read again when a file has changed. */
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type AddressFeed, AddressFeeds, parseAddressFeed } from '@weir/analysis';
import type { Logger } from '@weir/base';

const FEEDS_MAX = 50;
/** 200,000 lines of the widest kind. */
const FEED_OCTETS_MAX = 16 * 1024 * 1024;
const EXTENSIONS = ['.txt', '.csv', '.netset', '.ipset'];

export interface FeedFolder {
  /** The feeds as they are now; only files that changed are read. */
  read(): Promise<AddressFeeds>;
}

interface KnownFile {
  readonly changedMs: number;
  readonly octets: number;
  readonly feed: AddressFeed | undefined;
}

export function createFeedFolder(folder: string, logger: Logger): FeedFolder {
  let known = new Map<string, KnownFile>();
  let feeds = new AddressFeeds();

  async function fileOf(name: string): Promise<KnownFile | undefined> {
    const file = path.join(folder, name);
    const { mtimeMs: changedMs, size: octets } = await stat(file);
    const before = known.get(name);
    if (before?.changedMs === changedMs && before.octets === octets) return before;
    if (octets > FEED_OCTETS_MAX) {
      logger.warn(`the feed ${name} has ${octets} octets, more than ${FEED_OCTETS_MAX}: it is not used`);
      return { changedMs, octets, feed: undefined };
    }
    const { networks, badLines } = parseAddressFeed(await readFile(file, 'utf8'));
    if (badLines > 0) logger.warn(`the feed ${name} has ${badLines} lines without an address`);
    return { changedMs, octets, feed: { name, networks, changedMs, badLines } };
  }

  return {
    async read() {
      const names = (await readdir(folder).catch(() => [])).filter((name) =>
        EXTENSIONS.includes(path.extname(name)),
      );
      const now = new Map<string, KnownFile>();
      for (const name of names.sort().slice(0, FEEDS_MAX)) {
        const file = await fileOf(name).catch((error: Error) => {
          logger.warn(`the feed ${name} cannot be read: ${error.message}`);
          return undefined;
        });
        if (file !== undefined) now.set(name, file);
      }
      const isSame = now.size === known.size && [...now].every(([name, file]) => known.get(name) === file);
      known = now;
      if (!isSame) feeds = new AddressFeeds([...now.values()].flatMap(({ feed }) => feed ?? []));
      return feeds;
    },
  };
}
