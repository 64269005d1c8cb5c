/** Parameters of a flow source that say how its records are paired and compared. */
import { z } from 'zod';

/** QRadar's "flow carry-over window". */
const WINDOW_SECONDS_DEFAULT = 6;
const WINDOW_SECONDS_MAX = 300;
/** 2^19 slots of 64 octets: 32 MiB where all are in use. */
const SESSIONS_MAX_DEFAULT = 262_144;
/** 2^23 slots: 512 MiB. */
const SESSIONS_MAX_MAX = 4_194_304;

const yesOrNo = z.boolean({ error: 'true or false' });

export const sessionsSchema = z.strictObject(
  {
    /** Mark both directions of a conversation with one sessionId. */
    pairing: yesOrNo.default(true),
    /** Mark records of packets that another observation point told of. */
    deduplication: yesOrNo.default(true),
    /** How long after a record that ended a flow the other direction's may come. */
    windowSeconds: wholeNumber(0, WINDOW_SECONDS_MAX).default(WINDOW_SECONDS_DEFAULT),
    /** Sessions going on at a time that the table has room for. */
    sessionsMax: wholeNumber(1024, SESSIONS_MAX_MAX).default(SESSIONS_MAX_DEFAULT),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? undefined : `an object with ${SESSIONS_KEYS.join(', ')}`,
  },
);

export const SESSIONS_KEYS: readonly string[] = Object.keys(sessionsSchema.shape);

type SessionParameters = Readonly<z.output<typeof sessionsSchema>>;

const DEFAULTS: SessionParameters = sessionsSchema.parse({});

/** As configured, or as they are by default. */
export function sessionParameters(configured: SessionParameters | undefined): SessionParameters {
  return configured ?? DEFAULTS;
}

function wholeNumber(min: number, max: number) {
  const allowed = `a whole number from ${min} to ${max}`;
  return z.int({ error: allowed }).min(min, allowed).max(max, allowed);
}
