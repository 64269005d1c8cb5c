/** Which detections are on, with which parameters, and what is ours. */
import path from 'node:path';
import {
  DETECTIONS,
  type Detection,
  defaultParameters,
  FilterError,
  HOME_NETWORKS_DEFAULT,
  type Network,
  parseFilter,
  parseNetwork,
  renderFilter,
} from '@weir/analysis';
import { createStateFile, type Logger, UserError } from '@weir/base';
import { z } from 'zod';

const HOME_NETWORKS_MAX = 200;

const settingsSchema = z.object({
  version: z.literal(1),
  home: z.array(z.string()).max(HOME_NETWORKS_MAX),
  except: z.string().max(4000),
  detections: z.record(
    z.string(),
    z.object({ enabled: z.boolean(), parameters: z.record(z.string(), z.number()) }),
  ),
});
type Settings = z.infer<typeof settingsSchema>;

/** What concerns all detections. */
export const commonSettingsSchema = z.strictObject({
  home: z
    .array(z.string().max(60))
    .max(HOME_NETWORKS_MAX)
    .describe('networks that are ours, as 10.0.0.0/8 or 2001:db8::/32'),
  except: z.string().max(4000).describe('flows that no detection looks at, in the filter language'),
});
export type CommonSettings = z.infer<typeof commonSettingsSchema>;

export interface DetectionChoice {
  readonly enabled: boolean;
  readonly parameters: Readonly<Record<string, number>>;
}

export interface DetectionSettings {
  common(): CommonSettings;
  /** Throws UserError `detections_invalid`, or FilterError. */
  changeCommon(common: CommonSettings): Promise<void>;
  choice(detection: Detection): DetectionChoice;
  /** Throws UserError `detections_invalid` for parameters that the detection does not have or allow. */
  change(detection: Detection, choice: Partial<DetectionChoice>): Promise<void>;
  home(): Network[];
  /** SQL of the records that count. */
  counted(): string;
}

const INITIAL: Settings = { version: 1, home: [...HOME_NETWORKS_DEFAULT], except: '', detections: {} };
const NO_DUPLICATES = `("duplicate" = 1) IS NOT TRUE`;

export function openDetectionSettings(dataDirectory: string, logger: Logger): DetectionSettings {
  const file = createStateFile({
    path: path.join(dataDirectory, 'detections', 'settings.json'),
    initial: INITIAL,
    parse: (value) => settingsSchema.parse(value),
    logger,
  });
  const choice = (detection: Detection): DetectionChoice => {
    const known = file.read().detections[detection.id];
    return {
      enabled: known?.enabled ?? detection.enabledByDefault,
      parameters: { ...defaultParameters(detection), ...known?.parameters },
    };
  };
  return {
    common: () => ({ home: file.read().home, except: file.read().except }),
    async changeCommon({ home, except }) {
      for (const text of home) if (parseNetwork(text) === undefined) throw noNetwork(text);
      exceptSql(except);
      await file.write({ ...file.read(), home, except });
    },
    choice,
    async change(detection, { enabled, parameters }) {
      const before = choice(detection);
      const next = {
        enabled: enabled ?? before.enabled,
        parameters: { ...before.parameters, ...checkedParameters(detection, parameters ?? {}) },
      };
      const settings = file.read();
      await file.write({ ...settings, detections: { ...settings.detections, [detection.id]: next } });
    },
    home: () => file.read().home.flatMap((text) => parseNetwork(text) ?? []),
    counted: () => [NO_DUPLICATES, ...exceptSql(file.read().except)].join(' AND '),
  };
}

function exceptSql(except: string): string[] {
  if (except.trim() === '') return [];
  const expression = parseFilter(except);
  // Elements without a column cannot be told here: the SQL is made before the store says what it has.
  try {
    return [renderFilter(expression, {}, true)];
  } catch (error) {
    if (error instanceof FilterError) throw error;
    throw new UserError('detections_invalid', `except: ${String((error as Error).message)}`);
  }
}

/** Throws UserError `detections_invalid` that names the parameter and what is allowed. */
export function checkedParameters(
  detection: Detection,
  parameters: Readonly<Record<string, number>>,
): Record<string, number> {
  for (const [name, value] of Object.entries(parameters)) {
    const known = detection.parameters.find((each) => each.name === name);
    if (known === undefined) {
      const allowed = detection.parameters.map((each) => each.name).join(', ');
      throw new UserError(
        'detections_invalid',
        `${detection.id}: there is no parameter ${name} (there are: ${allowed})`,
      );
    }
    if (!(value >= known.min && value <= known.max)) {
      const range = `${known.min} to ${known.max} ${known.unit}`.trim();
      throw new UserError(
        'detections_invalid',
        `${detection.id}: ${name}: ${value} is not allowed (allowed: ${range})`,
      );
    }
  }
  return { ...parameters };
}

const noNetwork = (text: string) =>
  new UserError('detections_invalid', `home: '${text}' is no network (allowed: 10.0.0.0/8, 2001:db8::/32)`);

/** Throws UserError `detection_unknown`. */
export function detectionNamed(id: string): Detection {
  const detection = DETECTIONS.find((each) => each.id === id);
  if (detection === undefined) throw new UserError('detection_unknown', `there is no detection ${id}`);
  return detection;
}
