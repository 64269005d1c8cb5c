/**
 * Reads the databases of countries and autonomous systems into tables over shared memory: in a thread of its
 * own (origin-worker.ts), because it takes half a second for the embedded one, and seconds the first time.
 */
import { readFileSync } from 'node:fs';
import { EXIT_USAGE, UserError } from '@weir/base';
import { countryNumber } from '../addresses/country-code.ts';
import {
  type AsNames,
  createAsNames,
  createOriginTable,
  NO_RANGES,
  type OriginTable,
} from '../addresses/origin-table.ts';
import { readEmbeddedOrigins } from './embedded-origins.ts';
import type { EnrichmentSettings } from './enrichment-settings.ts';
import { rangesOfMmdb } from './mmdb-ranges.ts';

/** Structured-cloneable. */
export interface LoadedOrigins {
  readonly table: OriginTable;
  /** Of the embedded database. */
  readonly names: AsNames;
  /** Of the embedded database, what its licence wants to be told with it; empty when nothing of it is in use. */
  readonly attribution: string;
  /** Day of the embedded database, YYYY-MM-DD. */
  readonly date: string;
}

/**
 * Throws UserError when a file of the settings cannot be read or is no database. What the embedded one is compiled
 * into is kept in `cacheFolder`.
 */
export function loadOrigins(
  { country, asn, countryFile, asnFile }: EnrichmentSettings,
  cacheFolder?: string,
): LoadedOrigins {
  const embedded = readEmbeddedOrigins(cacheFolder);
  const countries =
    countryFile === undefined
      ? embedded.countries
      : rangesOfMmdb(readDatabase(countryFile), countryFile, countryOf);
  const systems =
    asnFile === undefined ? embedded.systems : rangesOfMmdb(readDatabase(asnFile), asnFile, systemOf);
  const isInUse = (country && countryFile === undefined) || asn;
  return {
    table: createOriginTable(country ? countries : NO_RANGES, asn ? systems : NO_RANGES),
    names: createAsNames(embedded.asNumbers, embedded.asNames),
    attribution: isInUse ? embedded.description.attribution : '',
    date: embedded.description.date,
  };
}

function readDatabase(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(
      'mmdb_unreadable',
      `${file}: cannot be read (${(error as Error).message})`,
      EXIT_USAGE,
    );
  }
}

/** GeoLite2, GeoIP2 and DB-IP have the country within an object, ip-location-db beside nothing. */
function countryOf(entry: object): number {
  const { country, registered_country, country_code } = entry as {
    country?: { iso_code?: unknown };
    registered_country?: { iso_code?: unknown };
    country_code?: unknown;
  };
  const code = country?.iso_code ?? registered_country?.iso_code ?? country_code;
  return typeof code === 'string' ? countryNumber(code) : 0;
}

function systemOf(entry: object): number {
  const { autonomous_system_number: number } = entry as { autonomous_system_number?: unknown };
  return typeof number === 'number' ? number : 0;
}
