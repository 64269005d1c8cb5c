/** Parameters of a flow source that say who may send, how much, and when an operator is to be told. */
import { isIP } from 'node:net';
import type { FlowDecoderOptions } from '@weir/ipfix';
import { z } from 'zod';

/** Compared by prefix length, so that a long list costs no more than 33 look-ups for IPv4. */
const NETWORKS_MAX = 1024;
const NETWORK_ALLOWED = 'a network such as 192.0.2.0/24 or 2001:db8::/32, or an IP address';
const RATE_MAX = 10_000_000;
const TEMPLATES_MAX = 1_048_576;
const WEEK_S = 604_800;

/** Networks of the exporters that are heard; left out, everybody is. */
export const allowSchema = z
  .array(z.string({ error: NETWORK_ALLOWED }).refine(isNetwork, NETWORK_ALLOWED), {
    error: 'a list of networks',
  })
  .min(1, 'at least one network')
  .max(NETWORKS_MAX, `at most ${NETWORKS_MAX} networks`);

/** What one exporter (its address) may send. */
export const limitsSchema = z.strictObject(
  {
    datagramsPerSecond: whole(1, RATE_MAX).optional(),
    recordsPerSecond: whole(1, RATE_MAX).optional(),
    /** Templates kept of it, over all its observation domains. */
    templates: whole(1, TEMPLATES_MAX).optional(),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? undefined
        : 'an object with datagramsPerSecond, recordsPerSecond and templates',
  },
);

/** When an operator is told that something is wrong with an exporter. */
export const alarmsSchema = z.strictObject(
  {
    /** Left out, as each exporter's own habit says. */
    silentAfterSeconds: whole(1, WEEK_S).optional(),
    clockSkewSeconds: whole(1, WEEK_S).default(5),
    lossPercent: z
      .number({ error: 'a percentage from 0 to 100' })
      .min(0, 'a percentage from 0 to 100')
      .max(100, 'a percentage from 0 to 100')
      .default(1),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? undefined
        : 'an object with silentAfterSeconds, clockSkewSeconds and lossPercent',
  },
);

export type ExporterRateLimits = Readonly<z.output<typeof limitsSchema>>;

/** What a source's limits mean for its decoder. */
export function decoderOptionsOf(limits: ExporterRateLimits | undefined): FlowDecoderOptions {
  const templates = limits?.templates;
  return templates === undefined ? {} : { limits: { templatesPerExporterMax: templates } };
}

export const ACCESS_KEYS: Readonly<Record<string, readonly string[]>> = {
  limits: Object.keys(limitsSchema.shape),
  alarms: Object.keys(alarmsSchema.shape),
};

/** An IP address, or one with a prefix length. */
export function isNetwork(text: string): boolean {
  const [address = '', length, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
}

function whole(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int({ error: allowed }).min(min, allowed).max(max, allowed);
}
