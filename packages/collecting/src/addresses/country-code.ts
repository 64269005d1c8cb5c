/** A country as a number: the two letters of ISO 3166-1 alpha-2, the first in the high octet; 0 for none. */
export function countryNumber(text: string): number {
  return /^[A-Z]{2}$/.test(text) ? (text.charCodeAt(0) << 8) | text.charCodeAt(1) : 0;
}
