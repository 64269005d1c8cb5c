/** What `/capacity` answers. Rates are Mbit/s. */
export interface Outlook {
  state: 'forecast' | 'short' | 'noSpeed';
  daysUsed: number;
  daysNeeded: number;
  weekly: boolean;
  growthPerDay: number;
  growthLower: number;
  growthUpper: number;
  crossing: { expected: string | null; earliest: string | null; latest: string | null } | null;
  horizonDays: number;
}

export interface Way {
  p95: number | null;
  max: number | null;
  mean: number | null;
  utilisation: number | null;
  outlook: Outlook;
}

export interface CapacitySummary {
  key: string;
  kind: 'interface' | 'link' | 'exporter';
  name: string;
  exporter: string;
  ifIndex: number | null;
  speedMbit: number | null;
  days: number;
  lastDay: string | null;
  in: Way;
  out: Way;
  filter: string;
}

export interface CapacitySettings {
  version: 1;
  thresholdPercent: number;
  alertDays: number;
  interfaces: { exporter: string; ifIndex: number; name: string; speedMbit?: number }[];
  exporters: { exporter: string; speedMbit: number }[];
  links: { id: string; name: string; speedMbit?: number; members: { exporter: string; ifIndex: number }[] }[];
}

export interface CapacityResponse {
  settings: CapacitySettings;
  throughMs: number | null;
  subjects: CapacitySummary[];
  turnedAway: number;
}

export interface WayHistory {
  days: { day: string; p95: number; max: number; mean: number; complete: boolean }[];
  fitted: ForecastDay[];
  forecast: ForecastDay[];
  profile: (number | null)[];
  weekdayEffects: number[];
}

export interface ForecastDay {
  day: string;
  expected: number;
  lower: number;
  upper: number;
}

export interface CapacityDetail extends CapacitySummary {
  thresholdPercent: number;
  bandShare: number;
  series: { in: WayHistory; out: WayHistory };
}
