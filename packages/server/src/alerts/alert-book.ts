/** The alerts of this device: found by detections and analyses, kept over restarts, told to who listens. */
import path from 'node:path';
import type { Alert, AlertFinding } from '@weir/analysis';
import { type CancelTimer, type Clock, type Component, createStateFile, type Logger } from '@weir/base';
import {
  AlertLedger,
  type LedgerCounters,
  type RaiseOutcome,
  type SuppressionRequest,
} from './alert-ledger.ts';
import { ledgerStateSchema, type Suppression } from './alert-schema.ts';

/** What changes within two seconds is written once; a killed process forgets no more, and finds it again. */
const WRITE_DELAY_MS = 2000;

export type AlertListener = (alert: Alert, isNews: boolean) => void;

export interface AlertBook extends Component {
  /**
   * Hands in what an analysis found. The same detection and subject again is one alert with a count; what is suppressed,
   * was closed a moment ago, or is beyond the cap of its hour is counted and not told.
   */
  raise(finding: AlertFinding): RaiseOutcome;
  /** Newest first. */
  alerts(): readonly Alert[];
  /** Throws UserError `alert_unknown`. */
  alert(id: string): Alert;
  /** Throws UserError `alert_unknown`. */
  setState(id: string, state: 'open' | 'acknowledged' | 'closed', by: string, note?: string): Alert;
  suppressions(): readonly Suppression[];
  /** Throws UserError `suppression_invalid`, `suppression_conflict`. */
  suppress(request: SuppressionRequest): Suppression;
  /** Throws UserError `suppression_unknown`. */
  unsuppress(id: string): void;
  /** Called for every alert that is new or changed. Returns what ends it. */
  subscribe(listener: AlertListener): () => void;
  counters(): Readonly<LedgerCounters>;
}

export interface AlertBookOptions {
  /** The alerts are in `alerts/alerts.json` of it. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createAlertBook({ dataDirectory, clock, logger }: AlertBookOptions): AlertBook {
  const file = createStateFile({
    path: path.join(dataDirectory, 'alerts', 'alerts.json'),
    initial: new AlertLedger().state(),
    parse: (value) => ledgerStateSchema.parse(value),
    logger,
  });
  const ledger = new AlertLedger(file.read());
  const listeners = new Set<AlertListener>();
  let cancelWrite: CancelTimer | undefined;

  function writeNow(): Promise<void> {
    cancelWrite?.();
    cancelWrite = undefined;
    return file.write(ledger.state());
  }

  function changed(): void {
    cancelWrite ??= clock.after(WRITE_DELAY_MS, () => {
      writeNow().catch((error: Error) => logger.warn(`alerts could not be written: ${error.message}`));
    });
  }

  function tell(alert: Alert, isNews: boolean): Alert {
    changed();
    for (const listener of listeners) listener(alert, isNews);
    return alert;
  }

  return {
    raise(finding) {
      const { outcome, alert, isNews } = ledger.raise(finding, clock.nowMs());
      if (alert !== undefined) tell(alert, isNews);
      return outcome;
    },
    alerts: () => ledger.alerts(),
    alert: (id) => ledger.alert(id),
    setState: (id, state, by, note = '') => tell(ledger.setState(id, state, by, note, clock.nowMs()), false),
    suppressions: () => ledger.suppressions(clock.nowMs()),
    suppress(request) {
      const suppression = ledger.suppress(request, clock.nowMs());
      changed();
      return suppression;
    },
    unsuppress(id) {
      ledger.unsuppress(id);
      changed();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    counters: () => ledger.counters,
    start: async () => {},
    stop: writeNow,
  };
}
