/** What is wrong with an exporter, or with what arrives on a source. Codes are stable. */
export const EXPORTER_ALARM_CODES = [
  'silent',
  'clock_skew',
  'loss',
  'template_missing',
  'template_conflict',
  'rate_limited',
] as const;
export const SOURCE_ALARM_CODES = ['version_refused', 'kernel_drops', 'senders_unheard'] as const;
export type ExporterAlarmCode = (typeof EXPORTER_ALARM_CODES)[number];
export type SourceAlarmCode = (typeof SOURCE_ALARM_CODES)[number];

export interface Alarm<Code extends string = ExporterAlarmCode | SourceAlarmCode> {
  readonly code: Code;
  /** One sentence for people. */
  readonly message: string;
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number;
}

/** Alarms that hold now, by code; tells of each that begins or ends. */
export interface AlarmBoard<Code extends string> {
  /** `message` undefined: all is well. */
  set(code: Code, message: string | undefined, nowMs: number): void;
  isSet(code: Code): boolean;
  alarms(): Alarm<Code>[];
}

export interface AlarmChange<Code extends string> {
  readonly kind: 'raised' | 'cleared';
  readonly alarm: Alarm<Code>;
}

export function createAlarmBoard<Code extends string>(
  changed: (change: AlarmChange<Code>) => void,
): AlarmBoard<Code> {
  const alarms = new Map<Code, Alarm<Code>>();
  return {
    set(code, message, nowMs) {
      const known = alarms.get(code);
      if (message === undefined) {
        alarms.delete(code);
        if (known !== undefined) changed({ kind: 'cleared', alarm: known });
        return;
      }
      const alarm = { code, message, sinceMs: known?.sinceMs ?? nowMs };
      alarms.set(code, alarm);
      if (known === undefined) changed({ kind: 'raised', alarm });
    },
    isSet: (code) => alarms.has(code),
    alarms: () => [...alarms.values()],
  };
}
