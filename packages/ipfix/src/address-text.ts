/** Addresses as people write them: dotted IPv4, IPv6 as RFC 5952 wants it, MAC with colons. */

export function formatIPv4(bytes: Uint8Array, position: number): string {
  return `${bytes[position]}.${bytes[position + 1]}.${bytes[position + 2]}.${bytes[position + 3]}`;
}

/**
 * RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals)
 * as `::`; IPv4-mapped addresses end in dotted form (section 5).
 */
export function formatIPv6(bytes: Uint8Array, position: number): string {
  const groups: number[] = [];
  for (let at = position; at < position + 16; at += 2) {
    groups.push(((bytes[at] as number) << 8) | (bytes[at + 1] as number));
  }
  if (isIPv4Mapped(groups)) return `::ffff:${formatIPv4(bytes, position + 12)}`;
  const run = longestZeroRun(groups);
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

export function formatMacAddress(bytes: Uint8Array, position: number): string {
  return (formatHex(bytes, position, 6).match(/../g) ?? []).join(':');
}

/** Lower case, two digits an octet, no prefix. */
export function formatHex(bytes: Uint8Array, position: number, octets: number): string {
  let text = '';
  for (let at = position; at < position + octets; at++) text += HEX_OF_OCTET[bytes[at] as number];
  return text;
}

/** The 4 octets of a dotted address; undefined when the text is none. */
export function parseIPv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return Uint8Array.from(parts, Number);
}

/** The 16 octets of any text form of RFC 4291 section 2.2 without a zone; undefined when the text is none. */
export function parseIPv6(text: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted === null ? undefined : parseIPv4(dotted[2] as string);
  if (dotted !== null && tail === undefined) return undefined;
  const [head, rest, ...more] = (tail === undefined ? text : `${dotted?.[1]}0:0`).split('::');
  const before = groupsOf(head as string);
  const after = rest === undefined ? [] : groupsOf(rest);
  if (more.length > 0 || before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  if (rest === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...new Array<number>(missing).fill(0), ...after];
  const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]));
  if (tail !== undefined) bytes.set(tail, 12);
  return bytes;
}

/** The 6 octets of `aa:bb:cc:dd:ee:ff` or with hyphens; undefined when the text is none. */
export function parseMacAddress(text: string): Uint8Array | undefined {
  return /^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text)
    ? parseHex(text.replaceAll(/[:-]/g, ''))
    : undefined;
}

/** The octets of an even number of hexadecimal digits; undefined when the text is anything else. */
export function parseHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

const HEX_OF_OCTET = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

function isIPv4Mapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at++) {
    if (groups[at] === 0) continue;
    if (at - start > best.length) best = { start, length: at - start };
    start = at + 1;
  }
  return best;
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.map((group) => Number.parseInt(group, 16));
}
