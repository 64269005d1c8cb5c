/**
 * The database of countries and autonomous systems that comes with the program: compiled from the packages of
 * ip-location-db by the first who needs it, and kept in the data folder for those who follow.
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { compileOrigins } from '../addresses/origin-compiler.ts';
import { decodeOrigins, type OriginData } from '../addresses/origin-file.ts';

const require = createRequire(import.meta.url);
/** Grows when the compiler makes another file of the same lists. */
const COMPILER_REVISION = 1;

/**
 * Takes 0.12 CPU s from `cacheFolder`, 2.5 where it is not there yet or no folder is given. A folder that cannot
 * be written to costs those seconds at each start and nothing else.
 */
export function readEmbeddedOrigins(cacheFolder?: string): OriginData {
  const asnFolder = path.dirname(require.resolve('@ip-location-db/asn/package.json'));
  const countryFolder = path.dirname(require.resolve('@ip-location-db/geo-whois-asn-country/package.json'));
  const version = [asnFolder, countryFolder].map(versionOf).join('-');
  const file =
    cacheFolder === undefined
      ? undefined
      : path.join(cacheFolder, `origins-${version}-${COMPILER_REVISION}.bin`);
  const known = file === undefined ? undefined : readKept(file);
  if (known !== undefined) return known;
  const octets = compileOrigins(asnFolder, countryFolder);
  if (file !== undefined) keep(file, octets);
  return decodeOrigins(octets);
}

function versionOf(folder: string): string {
  return (JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string }).version;
}

/** undefined where there is none, and where it is damaged: it is made again then. */
function readKept(file: string): OriginData | undefined {
  try {
    return decodeOrigins(readFileSync(file));
  } catch {
    return undefined;
  }
}

function keep(file: string, octets: Uint8Array): void {
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(temporary, octets);
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
