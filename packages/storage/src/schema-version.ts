/** Which version of the store's formats the folder is of: a number in the table `store` of weir.duckdb. */
import { UserError } from '@weir/base';
import type { Database } from './database.ts';
import { SCHEMA_VERSION } from './sealed-file.ts';

/**
 * Refuses the store of a later version, with the UserError `store_newer`, and writes this version's number into
 * an older one: its files are read as they are, and what is new comes with the files to come. Gives the number
 * that was there.
 */
export async function bringToVersion(database: Database, dataDirectory: string): Promise<number> {
  await database.run('CREATE TABLE IF NOT EXISTS store ("schemaVersion" UINTEGER)');
  const { rows } = await database.rows('SELECT max("schemaVersion") FROM store');
  const found = rows[0]?.[0];
  // The first version wrote no number.
  const version = found === null || found === undefined ? 1 : Number(found);
  if (version > SCHEMA_VERSION) {
    const versions = `schema ${version}; this program reads up to ${SCHEMA_VERSION}`;
    throw new UserError(
      'store_newer',
      `a later version of weir wrote the store ${dataDirectory} (${versions})`,
    );
  }
  if (version < SCHEMA_VERSION || found === null || found === undefined) {
    await database.run(`INSERT INTO store VALUES (${SCHEMA_VERSION})`);
  }
  return version;
}
