/** What an operator says of single exporters, in the configuration file. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { ALARM_LIMITS_DEFAULT, type AlarmLimits } from './exporter-health.ts';
import type { FlowSource } from './flow-source.ts';
import { canonicalAddress } from './socket-address.ts';

/** As many as a listener tells of. */
const EXPORTER_SETTINGS_MAX = 4096;
const WEEK_S = 604_800;
const SECONDS_ALLOWED = `a whole number of seconds from 1 to ${WEEK_S}`;
const NAME_ALLOWED = 'a name of 1 to 128 printable characters';

const exporterSettingsSchema = z.strictObject(
  {
    address: z
      .string({ error: 'the IP address of an exporter' })
      .refine((text) => isIP(text) !== 0, 'the IP address of an exporter')
      .transform(canonicalAddress),
    /** What it is called, whatever else it says of itself. */
    name: z
      .string({ error: NAME_ALLOWED })
      .regex(/^[^\p{Cc}]{1,128}$/u, NAME_ALLOWED)
      .optional(),
    /** An alarm is raised after so many seconds without a message; left out, when it pauses longer than usual. */
    silentAfterSeconds: z
      .int({ error: SECONDS_ALLOWED })
      .min(1, SECONDS_ALLOWED)
      .max(WEEK_S, SECONDS_ALLOWED)
      .optional(),
  },
  { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : 'an object with address and name') },
);

export const exporterListSchema = z
  .array(exporterSettingsSchema, { error: 'a list of exporters' })
  .max(EXPORTER_SETTINGS_MAX, `at most ${EXPORTER_SETTINGS_MAX} exporters`);

/** The limits that hold for an exporter: what is said of it, else of its source, else the usual ones. */
export function createAlarmLimits(
  source: Pick<FlowSource, 'alarms'>,
  exporters: readonly ExporterSettings[],
): (address: string) => AlarmLimits {
  const limits = { ...ALARM_LIMITS_DEFAULT, ...source.alarms };
  const byAddress = new Map(
    exporters.flatMap(({ address, silentAfterSeconds }) =>
      silentAfterSeconds === undefined ? [] : [[address, { ...limits, silentAfterSeconds }] as const],
    ),
  );
  return (address) => byAddress.get(address) ?? limits;
}

export type ExporterSettings = Readonly<z.output<typeof exporterSettingsSchema>>;
export const EXPORTER_SETTINGS_KEYS: readonly string[] = Object.keys(exporterSettingsSchema.shape);
