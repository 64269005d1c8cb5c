/** What the page of alerts keeps in the address. */
import { ALERT_SEVERITIES, type AlertSeverity } from '@weir/analysis';
import type { ViewCodec } from '../view-state.ts';

export const ALERT_TABS = ['alerts', 'detections', 'notifications'] as const;
export type AlertTab = (typeof ALERT_TABS)[number];
export const ALERT_FILTERS = ['active', 'suppressed', 'closed', 'all'] as const;
export type AlertFilter = (typeof ALERT_FILTERS)[number];

export interface AlertsView {
  tab: AlertTab;
  state: AlertFilter;
  severity: AlertSeverity;
  find: string;
  alert: string;
  detection: string;
}

const DEFAULTS: AlertsView = {
  tab: 'alerts',
  state: 'active',
  severity: 'low',
  find: '',
  alert: '',
  detection: '',
};

function oneOf<T extends string>(values: readonly T[], text: string | null, standard: T): T {
  return values.find((value) => value === text) ?? standard;
}

export const ALERTS_VIEW: ViewCodec<AlertsView> = {
  parse: (parameters) => ({
    tab: oneOf(ALERT_TABS, parameters.get('tab'), DEFAULTS.tab),
    state: oneOf(ALERT_FILTERS, parameters.get('state'), DEFAULTS.state),
    severity: oneOf(ALERT_SEVERITIES, parameters.get('severity'), DEFAULTS.severity),
    find: parameters.get('find') ?? '',
    alert: parameters.get('alert') ?? '',
    detection: parameters.get('detection') ?? '',
  }),
  write: (view, parameters) => {
    for (const name of ['tab', 'state', 'severity', 'find', 'alert', 'detection'] as const) {
      if (view[name] !== DEFAULTS[name]) parameters.set(name, view[name]);
    }
  },
};
