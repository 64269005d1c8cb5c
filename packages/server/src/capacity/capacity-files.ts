/** Settings and histories in `capacity/` of the data folder: `settings.json`, `subjects/NAME.json`. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createStateFile, type Logger, replaceFile, type StateFile } from '@weir/base';
import {
  type CapacitySettings,
  type CapacitySubject,
  settingsSchema,
  subjectSchema,
} from './capacity-schema.ts';

export interface CapacityFiles {
  readonly settings: StateFile<CapacitySettings>;
  /** All that are followed, by their keys: in memory, some 50 KB each. */
  readonly subjects: ReadonlyMap<string, CapacitySubject>;
  write(subject: CapacitySubject): Promise<void>;
  remove(key: string): void;
}

export function openCapacityFiles(dataDirectory: string, logger: Logger): CapacityFiles {
  const folder = path.join(dataDirectory, 'capacity', 'subjects');
  const subjects = new Map<string, CapacitySubject>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!name.endsWith('.json')) continue;
    try {
      const subject = subjectSchema.parse(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
      subjects.set(subject.key, subject);
    } catch (error) {
      logger.warn(
        { error: String(error) },
        `${path.join(folder, name)} could not be read: its history is lost`,
      );
    }
  }
  const fileOf = (key: string): string => path.join(folder, `${encodeURIComponent(key)}.json`);
  return {
    settings: createStateFile({
      path: path.join(dataDirectory, 'capacity', 'settings.json'),
      initial: settingsSchema.parse({}),
      parse: (value) => settingsSchema.parse(value),
      logger,
    }),
    subjects,
    async write(subject) {
      subjects.set(subject.key, subject);
      await replaceFile(fileOf(subject.key), `${JSON.stringify(subject)}\n`);
    },
    remove(key) {
      subjects.delete(key);
      rmSync(fileOf(key), { force: true });
    },
  };
}
