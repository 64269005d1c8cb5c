/** Edits of an exporter's settings before they are sent. */
import type { Settings } from './agent.ts';

/** Those that the form has fields of their own for; the others are edited as JSON. */
export const FORM_PROPERTIES = [
  'Enabled',
  'Direction',
  'Interval',
  'IpFixCollectors',
  'Interfaces',
  'IdleTimeout',
  'TcpPerformance',
  'Names',
] as const;

/** Told by the exporter in a form that says only that there is one. */
const SECRET = 'FlowIdKey';

export interface SettingsChange {
  set: Record<string, unknown>;
  unset: string[];
}

/** What has to be sent so that `before` becomes `after`. */
export function changeBetween(before: Settings, after: Settings): SettingsChange {
  const set = Object.fromEntries(
    Object.entries(after).filter(([name, value]) => !sameValue(before[name], value)),
  );
  const unset = Object.keys(before).filter((name) => !(name in after));
  return { set, unset };
}

export const isEmpty = ({ set, unset }: SettingsChange): boolean =>
  Object.keys(set).length === 0 && unset.length === 0;

const sameValue = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The properties without a field, as text to edit. */
export function furtherText(settings: Settings): string {
  const names: readonly string[] = FORM_PROPERTIES;
  const further = Object.entries(settings).filter(([name]) => !names.includes(name) && name !== SECRET);
  return JSON.stringify(Object.fromEntries(further), null, 2);
}

/** The settings with other further properties. Throws an Error that says what is wrong with the text. */
export function withFurther(settings: Settings, text: string): Settings {
  const parsed: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Error('An object is allowed: {"IdleTimeout": 30000}');
  }
  const names: readonly string[] = [...FORM_PROPERTIES, SECRET];
  const kept = Object.entries(settings).filter(([name]) => names.includes(name));
  return { ...Object.fromEntries(kept), ...parsed };
}

/** Collectors one a line: an entry that says more than an address is a line of JSON. */
export const collectorLines = (value: unknown): string[] =>
  Array.isArray(value)
    ? value.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)))
    : [];

/** The reverse; a line that begins like JSON and is none stays text, for the checks to name it. */
export function collectorsOf(text: string): unknown[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      if (!line.startsWith('{')) return line;
      try {
        return JSON.parse(line) as unknown;
      } catch {
        return line;
      }
    });
}
