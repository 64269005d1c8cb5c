/** NetFlow's clock: milliseconds since the exporter booted, in 32 bits, which wrap every 49.7 days. */
const TWO_32 = 4294967296;

/**
 * A flow may end this much after the header's uptime was read: exporters fill the header first. More is a flow
 * from before the wrap.
 */
const AHEAD_MS_MAX = 600_000;

/**
 * When an uptime was, in milliseconds since the Unix epoch: as long before the export as it lies before the
 * header's own uptime, a wrap between the two included.
 */
export function timeOfUptime(uptimeMs: number, exportTimeMs: number, headerUptimeMs: number): number {
  const agoMs = headerUptimeMs - uptimeMs;
  return exportTimeMs - (agoMs < -AHEAD_MS_MAX ? agoMs + TWO_32 : agoMs);
}

/** The same counted from a known boot: `initMs + uptimeMs`, with the wraps that bring it nearest to the export. */
export function timeSinceInit(initMs: number, uptimeMs: number, exportTimeMs: number): number {
  const wraps = Math.max(0, Math.round((exportTimeMs - initMs - uptimeMs) / TWO_32));
  return initMs + uptimeMs + wraps * TWO_32;
}
