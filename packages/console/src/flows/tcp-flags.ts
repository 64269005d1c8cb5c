const LETTERS = ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C', 'N'] as const;
const NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'] as const;

/** tcpControlBits (RFC 7125) as letters, lowest bit first, a dot for a bit not set: `FS.PA...`; trailing bits only when set. */
export function tcpFlagLetters(bits: number): string {
  return LETTERS.slice(0, bits > 0x3f ? 9 : 6)
    .map((letter, bit) => ((bits >> bit) & 1 ? letter : '·'))
    .join('');
}

/** The same bits in words, for titles and screen readers. */
export function tcpFlagNames(bits: number): string {
  const names = NAMES.filter((_, bit) => (bits >> bit) & 1);
  return names.length === 0 ? 'no TCP flag' : names.join(', ');
}
