/**
 * SQL macros that write addresses as text: `addr(hi, lo)`: dotted quad for IPv4, RFC 5952 for IPv6; NULL
 * for NULL. `mac(value)`. Plans do not use them (they format after the ranking); the view `flows` does.
 */
const GROUP = (half: string, shift: number): string => `to_hex((${half} >> ${shift}) & 65535)`;

const GROUPS = ['hi', 'lo'].flatMap((half) => [48, 32, 16, 0].map((shift) => GROUP(half, shift)));

/** `:1:2:…:8:`; the first of the longest runs of zero groups becomes `::`, the outer colons go. */
const IPV6_TEXT = `concat(':', ${GROUPS.join(", ':', ")}, ':')`;

function compressed(): string {
  const cases: string[] = [];
  for (let zeros = 8; zeros >= 2; zeros--) {
    const run = `:${'0:'.repeat(zeros)}`;
    cases.push(`WHEN contains(text, '${run}') THEN regexp_replace(text, '${run}', '::')`);
  }
  return `CASE ${cases.join(' ')} ELSE text END`;
}

export const ADDRESS_MACROS: readonly string[] = [
  `CREATE OR REPLACE MACRO addr6_trim(text) AS
    regexp_replace(regexp_replace(text, '^:([^:])', '\\1'), '([^:]):$', '\\1')`,
  `CREATE OR REPLACE MACRO addr6_compress(text) AS addr6_trim(${compressed()})`,
  `CREATE OR REPLACE MACRO addr(hi, lo) AS CASE
    WHEN hi IS NULL OR lo IS NULL THEN NULL
    WHEN hi = 0 AND lo >> 32 = 65535 THEN
      concat((lo >> 24) & 255, '.', (lo >> 16) & 255, '.', (lo >> 8) & 255, '.', lo & 255)
    ELSE addr6_compress(${IPV6_TEXT}) END`,
  `CREATE OR REPLACE MACRO mac(value) AS CASE WHEN value IS NOT NULL THEN
    regexp_replace(lpad(lower(to_hex(value)), 12, '0'), '(..)(..)(..)(..)(..)(..)', '\\1:\\2:\\3:\\4:\\5:\\6') END`,
].map((statement) => statement.replaceAll('to_hex(', 'weir_hex('));

/** DuckDB's to_hex writes capitals. */
export const HEX_MACRO = 'CREATE OR REPLACE MACRO weir_hex(value) AS lower(to_hex(value))';
