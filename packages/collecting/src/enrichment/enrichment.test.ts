import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findV4 } from '../addresses/address-table.ts';
import { countryNumber } from '../addresses/country-code.ts';
import type { StageTables } from '../stages/batch-stages.ts';
import { createEnrichment } from './enrichment.ts';
import { ENRICHMENT_DEFAULT } from './enrichment-settings.ts';
import { mmdbOf } from './mmdb.test-support.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-enrichment-'));
});
afterEach(() => rm(folder, { recursive: true }));

const NONE = { ...ENRICHMENT_DEFAULT, country: false, asn: false };

test('other settings hold at once; those that cannot be used change nothing', async () => {
  const clock = createManualClock();
  const [networksFile, usersFile] = ['networks.csv', 'users.csv'].map((name) => path.join(folder, name));
  await writeFile(networksFile ?? '', 'prefix,network\n10.0.0.0/8,campus\n');
  await writeFile(usersFile ?? '', 'prefix,user\n10.0.0.1,ada\n10.0.0.300,bob\n');
  const enrichment = createEnrichment(NONE, { logger: silentLogger, clock });
  let told = 0;
  enrichment.onSettings(() => {
    told += 1;
  });
  await enrichment.start();
  await enrichment.reconfigure({ ...NONE, networksFile, hostNames: false });
  expect(enrichment.status()).toMatchObject({ networks: 1, users: 0 });
  expect(enrichment.settings.hostNames).toBe(false);
  await expect(enrichment.reconfigure({ ...NONE, usersFile })).rejects.toThrow(
    `${usersFile}:3: prefix: found`,
  );
  expect(enrichment.status()).toMatchObject({ networks: 1, users: 0 });
  await enrichment.reconfigure({ ...ENRICHMENT_DEFAULT, asn: false });
  await enrichment.loaded();
  expect(enrichment.tables()).toMatchObject({ networks: undefined, origins: expect.anything() });
  await enrichment.reconfigure(NONE);
  expect(enrichment.tables().origins).toBeUndefined();
  expect(told).toBe(3);
  await enrichment.stop();
});

describe('origins', () => {
  const clock = createManualClock();

  test('are loaded in the background, with names and what their licence wants', async () => {
    const enrichment = createEnrichment(ENRICHMENT_DEFAULT, {
      logger: silentLogger,
      clock,
    });
    const told: StageTables[] = [];
    enrichment.onChange((tables) => told.push(tables));
    await enrichment.start();
    expect(enrichment.tables()).toEqual({});
    clock.advance(1000);
    await enrichment.loaded();
    expect(told).toEqual([enrichment.tables()]);
    expect(enrichment.asName(15_169)).toMatch(/Google/);
    expect(enrichment.asName(4_294_967_295)).toBeUndefined();
    expect(enrichment.status().attribution).toContain('https://db-ip.com');
    expect(enrichment.status().originsDate).toMatch(/^\d{4}-\d\d-\d\d$/);
    await enrichment.stop();
  });

  test("a user's MaxMind files take the place of the embedded ones", async () => {
    const countryFile = path.join(folder, 'country.mmdb');
    const asnFile = path.join(folder, 'asn.mmdb');
    await writeFile(
      countryFile,
      mmdbOf([
        ['198.51.100.0/24', { country: { iso_code: 'NZ' } }],
        ['203.0.113.128/25', { registered_country: { iso_code: 'DE' } }],
      ]),
    );
    await writeFile(asnFile, mmdbOf([['198.51.100.0/25', { autonomous_system_number: 64_496 }]]));
    const settings = { ...ENRICHMENT_DEFAULT, countryFile, asnFile };
    const enrichment = createEnrichment(settings, { logger: silentLogger, clock });
    await enrichment.start();
    clock.advance(1000);
    await enrichment.loaded();
    const { origins } = enrichment.tables();
    const at = (address: number) => {
      if (origins === undefined) return [];
      const position = findV4(origins.table, address);
      return [origins.countries[position], origins.table.values[position]];
    };
    expect(at(0xc6336401)).toEqual([countryNumber('NZ'), 64_496]);
    expect(at(0xc63364ff)).toEqual([countryNumber('NZ'), 0]);
    expect(at(0xcb007180)).toEqual([countryNumber('DE'), 0]);
    expect(at(0x08080808)).toEqual([0, 0]);
    await enrichment.stop();
  });

  test('a file that is no database is said, and nothing else fails', async () => {
    const asnFile = path.join(folder, 'asn.mmdb');
    await writeFile(asnFile, 'nonsense');
    const said: unknown[] = [];
    const logger = { ...silentLogger, error: (...words: unknown[]) => said.push(words[0]) };
    const enrichment = createEnrichment({ ...ENRICHMENT_DEFAULT, asnFile }, { logger, clock });
    await enrichment.start();
    clock.advance(1000);
    await enrichment.loaded();
    expect(said[0]).toContain(`left out: ${asnFile}: not a MaxMind database`);
    expect(enrichment.tables()).toEqual({});
    await enrichment.stop();
  });
});

describe('files of people', () => {
  test('are read again when they change; what cannot be used leaves what was', async () => {
    const networksFile = path.join(folder, 'networks.csv');
    const clock = createManualClock();
    const errors: unknown[] = [];
    const logger = { ...silentLogger, error: (facts: unknown) => errors.push(facts) };
    const write = async (text: string, second: number) => {
      await writeFile(networksFile, text);
      await utimes(networksFile, second, second);
    };
    const later = async (isDone = () => true) => {
      clock.advance(5000);
      await vi.waitFor(() => expect(isDone()).toBe(true), { timeout: 10_000 });
    };
    const failures = (count: number) => () => enrichment.status().reloadFailures === count;
    const reloads = (count: number) => () => enrichment.status().reloads === count;
    await write('prefix,network\n10.0.0.0/8,a\n', 1000);
    const enrichment = createEnrichment({ ...NONE, networksFile }, { logger, clock });
    await enrichment.start();
    expect(enrichment.status()).toMatchObject({ networks: 1, reloads: 0, attribution: '' });
    await later();
    await write('prefix,network\n10.0.0.0/8,a\n10.1.0.0/16,b\n', 2000);
    await later(reloads(1));
    expect(enrichment.status()).toMatchObject({ networks: 2, reloads: 1, reloadFailures: 0 });
    await write('prefix,network\nnonsense,a\n', 3000);
    await later(failures(1));
    await later();
    await rm(networksFile);
    await later(failures(2));
    await later();
    expect(enrichment.status()).toMatchObject({ networks: 2, reloads: 1, reloadFailures: 2 });
    expect(JSON.stringify(errors[0])).toContain('networks.csv:2: prefix: found');
    await write('prefix,network\n', 4000);
    await later(reloads(2));
    expect(enrichment.status()).toMatchObject({ networks: 0, reloads: 2 });
    await enrichment.stop();
  });

  test('a file that cannot be used at the start stops the start', async () => {
    const usersFile = path.join(folder, 'users.csv');
    const services = { logger: silentLogger, clock: createManualClock() };
    await expect(createEnrichment({ ...NONE, usersFile }, services).start()).rejects.toMatchObject({
      code: 'prefix_file_unreadable',
      exitCode: 2,
    });
    await writeFile(usersFile, 'nonsense\n');
    await expect(createEnrichment({ ...NONE, usersFile }, services).start()).rejects.toMatchObject({
      code: 'prefix_file_invalid',
    });
  });
});
