/** What a collector adds to records from tables of its own: the property `enrichment` of its configuration. */
import { z } from 'zod';

const yesOrNo = z.boolean({ error: 'true or false' });
const filePath = z.string({ error: 'a path' }).min(1, 'a path');

export const enrichmentSchema = z.strictObject(
  {
    /** Countries of addresses, from the embedded database or from `countryFile`. */
    country: yesOrNo.default(true),
    /** Autonomous systems where the exporter names none, from the embedded database or from `asnFile`. */
    asn: yesOrNo.default(true),
    /** MaxMind databases (MMDB) in place of the embedded one. */
    countryFile: filePath.optional(),
    asnFile: filePath.optional(),
    /** Prefixes with the names of networks and sites, JSON or CSV. */
    networksFile: filePath.optional(),
    /** Prefixes with their users, JSON or CSV. */
    usersFile: filePath.optional(),
    /** Host names from records of exporters that saw answers of the DNS or server names of TLS. */
    hostNames: yesOrNo.default(true),
    /** Asks the DNS for names of addresses that nothing else named. */
    reverseDns: yesOrNo.default(false),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? undefined : `an object with any of ${ENRICHMENT_KEYS.join(', ')}`,
  },
);

export const ENRICHMENT_KEYS: readonly string[] = Object.keys(enrichmentSchema.shape);

export type EnrichmentSettings = Readonly<z.output<typeof enrichmentSchema>>;

export const ENRICHMENT_DEFAULT: EnrichmentSettings = enrichmentSchema.parse({});
