/** NetFlow's clock: milliseconds since the exporter booted, in 32 bits, which wrap every 49.7 days. */
const TWO_32 = 4294967296;

/**
 * When an uptime was, in milliseconds since the Unix epoch. Taken as the signed distance from the header's own
 * uptime, so that a wrap between flow and export costs nothing.
 */
export function timeOfUptime(uptimeMs: number, exportTimeMs: number, headerUptimeMs: number): number {
  return exportTimeMs - ((headerUptimeMs - uptimeMs) | 0);
}

/** The same counted from a known boot: `initMs + uptimeMs`, with the wraps that bring it nearest to the export. */
export function timeSinceInit(initMs: number, uptimeMs: number, exportTimeMs: number): number {
  const wraps = Math.max(0, Math.round((exportTimeMs - initMs - uptimeMs) / TWO_32));
  return initMs + uptimeMs + wraps * TWO_32;
}
