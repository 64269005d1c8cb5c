import { useLocation } from 'wouter';
import type { AlertDetailResponse, AlertsResponse } from '../alerts/alert-contract.ts';
import { AlertDetail } from '../alerts/alert-detail.tsx';
import { AlertList } from '../alerts/alert-list.tsx';
import { ALERT_TABS, ALERTS_VIEW, type AlertsView } from '../alerts/alerts-view.ts';
import { DetectionsPanel } from '../alerts/detections-panel.tsx';
import { NotificationsPanel } from '../alerts/notifications-panel.tsx';
import { useApi, useFollowedApi } from '../api/use-api.ts';
import { pageAddress, useViewState } from '../use-view-state.ts';
import type { SharedView } from '../view-state.ts';
import { Panel } from '../widgets/panel.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 5000;
const MARGIN_MS = 60_000;
const TAB_TEXTS: Readonly<Record<AlertsView['tab'], string>> = {
  alerts: 'Alerts',
  detections: 'Detections',
  notifications: 'Notifications, suppressions',
};

/** What was found, what is looked for, and who is told. */
export function AlertsPage() {
  const [view, change] = useViewState(ALERTS_VIEW);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      <Segmented
        label="Part of the page"
        options={ALERT_TABS.map((value) => ({ value, text: TAB_TEXTS[value] }))}
        value={view.tab}
        onChange={(tab) => change({ tab })}
      />
      {view.tab === 'alerts' && <AlertsPart view={view} onChange={change} />}
      {view.tab === 'detections' && (
        <DetectionsPanel open={view.detection} onOpen={(detection) => change({ detection })} />
      )}
      {view.tab === 'notifications' && <NotificationsPanel />}
    </div>
  );
}

type ViewState = ReturnType<typeof useViewState<AlertsView>>;

function AlertsPart({ view, onChange }: { view: ViewState[0]; onChange: ViewState[1] }) {
  const answer = useFollowedApi<AlertsResponse>(
    [
      'alerts',
      {
        state: view.state === 'all' ? undefined : view.state,
        severity: view.severity === 'low' ? undefined : view.severity,
        text: view.find,
      },
    ],
    EVERY_MS,
  );
  const [, navigate] = useLocation();
  const detail = useApi<AlertDetailResponse>([`alerts/${view.alert}`, {}], { enabled: view.alert !== '' });
  const opened = detail.data?.alert.id === view.alert ? detail.data : undefined;
  return (
    <>
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
        <AlertList view={view} answer={answer.data} onChange={onChange} />
        {view.alert !== '' && detail.error !== null && <ProblemNote problem={detail.error} />}
        {opened !== undefined && view.alert !== '' ? (
          <AlertDetail
            answer={opened}
            zone={view.zone}
            onZoom={(from, to) => navigate(pageAddress('/explore', zoomed(opened, view, from, to)))}
          />
        ) : (
          <Panel title="Alert" className="max-xl:hidden">
            <p className="px-4 py-6 text-ink-soft">
              {view.alert === ''
                ? 'Choose an alert to see its numbers, its flows, and what was before and after.'
                : 'Asking the store for its flows…'}
            </p>
          </Panel>
        )}
      </div>
    </>
  );
}

/** A part of the graph that was dragged over, as a question of its own. */
function zoomed({ alert }: AlertDetailResponse, { zone }: SharedView, from: number, to: number): SharedView {
  const span = { kind: 'fixed' as const, from, to: Math.max(to, from + MARGIN_MS) };
  return { zone, range: span, filter: alert.evidence.filter };
}
