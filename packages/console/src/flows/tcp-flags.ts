const NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'NS'] as const;

/** tcpControlBits (RFC 7125) in words, lowest bit first, for titles and screen readers. */
export function tcpFlagNames(bits: number): string {
  const names = NAMES.filter((_, bit) => (bits >> bit) & 1);
  return names.length === 0 ? 'no TCP flag' : names.join(', ');
}
