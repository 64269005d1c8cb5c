/**
 * SQL macros that write addresses as text: `addr(hi, lo)`: dotted quad for IPv4, RFC 5952 for IPv6; NULL
 * for NULL. `mac(value)`. Plans do not use them (they format after the ranking); the view `flows` does.
 *
 * A macro is text that replaces text, so a parameter that is used often makes its expression grow; the
 * lambdas are there to name a value once.
 */
const GROUPS = ['hi', 'lo'].flatMap((half) =>
  [48, 32, 16, 0].map((shift) => `to_hex((${half} >> ${shift}) & 65535)`),
);

/** `:1:2:…:8:`, all groups and a colon at both ends. */
const COLONS = `lower(concat(':', ${GROUPS.join(", ':', ")}, ':'))`;

/** The first of the longest runs of two or more zero groups becomes `::`. */
function compressed(text: string): string {
  const cases: string[] = [];
  for (let zeros = 8; zeros >= 2; zeros--) {
    const run = `:${'0:'.repeat(zeros)}`;
    cases.push(`WHEN contains(${text}, '${run}') THEN regexp_replace(${text}, '${run}', '::')`);
  }
  return `CASE ${cases.join(' ')} ELSE ${text} END`;
}

/** Without the outer colons, unless they belong to a `::`. */
const IPV6_TEXT = `regexp_replace(regexp_replace(
    list_transform([${COLONS}], lambda text: ${compressed('text')})[1], '^:([^:])', '\\1'), '([^:]):$', '\\1')`;

export const ADDRESS_MACROS: readonly string[] = [
  `CREATE OR REPLACE MACRO addr(hi, lo) AS CASE
    WHEN hi IS NULL OR lo IS NULL THEN NULL
    WHEN hi = 0 AND lo >> 32 = 65535 THEN
      concat((lo >> 24) & 255, '.', (lo >> 16) & 255, '.', (lo >> 8) & 255, '.', lo & 255)
    ELSE ${IPV6_TEXT} END`,
  `CREATE OR REPLACE MACRO mac(value) AS CASE WHEN value IS NOT NULL THEN
    regexp_replace(lower(lpad(to_hex(value), 12, '0')), '(..)(..)(..)(..)(..)(..)', '\\1:\\2:\\3:\\4:\\5:\\6') END`,
];
