/** A data folder that knows of a year of usage: bins of an account and histories of interfaces, as the program keeps them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const BIN_MS = 300_000;
const DAY_MS = 86_400_000;
const OCTETS_PER_MBIT = 37_500_000;

const account = {
  id: 'acme-gmbh',
  name: 'Acme GmbH',
  filter: '',
  direction: { by: 'networks', networks: ['192.0.2.0/24'] },
  plan: {
    kind: 'percentile',
    measure: 'greater',
    percentile: 95,
    convention: 'nearest-rank',
    currency: 'EUR',
    commit: '90',
    rate: '1.10',
    fee: '0',
  },
  calendar: { startDay: 1, timeZone: 'UTC' },
};

/** A day with a peak in the evening, a little less at weekends, and something that looks like chance. */
function mbitAt(timeMs: number): number {
  const hour = (timeMs % DAY_MS) / 3_600_000;
  const day = Math.floor(timeMs / DAY_MS);
  const weekend = (day + 4) % 7 === 0 || (day + 4) % 7 === 6 ? 0.7 : 1;
  const noise = ((Math.sin(timeMs / BIN_MS) * 43_758.5453) % 1) * 8;
  return Math.max(0, weekend * (45 + 40 * Math.sin(((hour - 13) / 24) * 2 * Math.PI)) + noise);
}

const write = (file: string, value: unknown): void => {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(value));
};

/** Writes it all below `folder`; `nowMs` is when it ends. */
export function writeUsage(folder: string, nowMs: number): void {
  write(path.join(folder, 'billing', 'accounts.json'), { version: 1, accounts: [account] });
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  writeBins(folder, Date.UTC(year, month - 1, 1), Date.UTC(year, month, 1), nowMs);
  writeBins(folder, Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1), nowMs);
  writeSubject(folder, nowMs, 1, 'ge-0/0/1', 0.9);
  writeSubject(folder, nowMs, 2, 'ge-0/0/2', 0);
  write(path.join(folder, 'capacity', 'settings.json'), {
    interfaces: [{ exporter: '192.0.2.1', ifIndex: 1, name: '', speedMbit: 200 }],
  });
}

function writeBins(folder: string, fromMs: number, toMs: number, nowMs: number): void {
  const count = (toMs - fromMs) / BIN_MS;
  const bins = (share: number) =>
    Array.from({ length: count }, (_, index) => {
      const timeMs = fromMs + index * BIN_MS;
      return timeMs < nowMs ? Math.round(mbitAt(timeMs) * share * OCTETS_PER_MBIT) : 0;
    });
  const through = Math.floor((nowMs - 60_000) / BIN_MS) * BIN_MS;
  const period = new Date(fromMs).toISOString().slice(0, 7);
  write(path.join(folder, 'billing', 'bins', account.id, `${period}.json`), {
    version: 1,
    period,
    fromMs,
    toMs,
    in: bins(1),
    out: bins(0.4),
    throughMs: through,
    lateThroughMs: through,
    splitMs: through - 3 * 3_600_000,
    pendingFromMs: null,
    observedFromMs: fromMs,
    lateRecords: 12,
    lateOctets: 34_000,
    sampledOctets: 0,
    sampledPackets: 0,
    rateMax: 1,
    closed: null,
  });
}

function writeSubject(folder: string, nowMs: number, ifIndex: number, name: string, growth: number): void {
  const today = Math.floor(nowMs / DAY_MS);
  const days = Array.from({ length: 90 }, (_, index) => {
    const day = today - 90 + index;
    const peak = mbitAt(day * DAY_MS + 19 * 3_600_000) * (ifIndex === 1 ? 1 : 0.2) + growth * index;
    const figures = (value: number) => ({ p95: value, max: value * 1.2, mean: value * 0.5 });
    return { day, bins: 288, in: figures(peak), out: figures(peak / 3) };
  });
  const firstHour = today * 24 - 8 * 168;
  const hours = (share: number) =>
    Array.from({ length: 8 * 168 }, (_, index) => mbitAt((firstHour + index) * 3_600_000) * share);
  const key = `interface:192.0.2.1|${ifIndex}`;
  write(path.join(folder, 'capacity', 'subjects', `${encodeURIComponent(key)}.json`), {
    version: 1,
    key,
    kind: 'interface',
    exporter: '192.0.2.1',
    ifIndex,
    name,
    throughMs: today * DAY_MS,
    days,
    today: { day: today, in: [], out: [] },
    hours: { firstHour, in: hours(1), out: hours(0.3) },
  });
}
