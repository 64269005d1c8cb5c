/** What of a profile is kept and told; changed by an operator, kept in `profile/settings.json`. */
import { z } from 'zod';
import { WEEKS_KEPT } from './baseline-table.ts';

export const profileSettingsSchema = z.strictObject({
  /** Off: nothing more is learned; what was learned stays until it is forgotten. */
  enabled: z.boolean().default(true).describe('Whether finished hours are learned'),
  people: z
    .boolean()
    .default(true)
    .describe(
      'Whether users, and who used which service when, are learned; off: what is known of them is forgotten',
    ),
  weeks: z
    .number()
    .int()
    .min(1)
    .max(WEEKS_KEPT)
    .default(WEEKS_KEPT)
    .describe('How long first and last uses are kept after the last, and hours count for baselines'),
  alerts: z
    .strictObject({
      traffic: z.boolean().default(true).describe('Traffic far above its baseline'),
      performance: z.boolean().default(true).describe('Slow handshakes and retransmissions'),
      unusualHours: z
        .boolean()
        .default(false)
        .describe('Activity at unusual hours: noisy where people work freely'),
    })
    .prefault({}),
});
export type ProfileSettings = z.infer<typeof profileSettingsSchema>;

export const PROFILE_SETTINGS_DEFAULT: ProfileSettings = profileSettingsSchema.parse({});
