import { describe, expect, test } from 'vitest';
import { DnsNameCache } from './dns-name-cache.ts';

const NOBODY = 0;

function setKey(cache: DnsNameCache, client: number, address: number): void {
  cache.key.fill(0);
  cache.key[3] = client;
  cache.key[6] = 0xffff;
  cache.key[7] = address;
}

describe('the cache of names', () => {
  test('may know every address that it has a name for, after however many others', () => {
    const cache = new DnsNameCache();
    const count = 150_000;
    for (let address = 1; address <= count; address += 1) {
      setKey(cache, NOBODY, address);
      cache.put(Uint8Array.of(address), 60, address);
    }
    let found = 0;
    let marked = 0;
    for (let address = 1; address <= 2 * count; address += 1) {
      setKey(cache, NOBODY, address);
      const has = cache.find(count) !== undefined;
      const may = cache.mayKnow(0xffff, address);
      if (has) found += 1;
      if (may && address > count) marked += 1;
      if (has) expect(may).toBe(true);
    }
    expect(found).toBeGreaterThan(20_000);
    // Addresses that it never heard of: most have no mark.
    expect(marked).toBeLessThan(0.4 * count);
  });

  test('does not give a name to another client or after its time', () => {
    const cache = new DnsNameCache();
    setKey(cache, 7, 42);
    cache.put(Uint8Array.of(1), 60, 0);
    expect(cache.find(60_000)).toEqual(Uint8Array.of(1));
    expect(cache.find(60_001)).toBeUndefined();
    setKey(cache, 8, 42);
    expect(cache.mayKnow(0xffff, 42)).toBe(true);
    expect(cache.find(0)).toBeUndefined();
  });
});
