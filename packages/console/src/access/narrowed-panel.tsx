import { Panel } from '../widgets/panel.tsx';
import { useSession } from './use-session.ts';

/** Says which part of the flows is all that somebody sees; nothing to who sees all. */
export function NarrowedPanel() {
  const rowFilter = useSession()?.user?.rowFilter ?? '';
  if (rowFilter === '') return null;
  return (
    <Panel title="What you see">
      <div className="space-y-1.5 px-3.5 py-2.5 text-[0.8125rem] text-ink-soft">
        <p>
          Only flows that meet <code className="wire text-ink">{rowFilter}</code>
        </p>
        <p>Exporters, sources and alerts are about all flows, and not shown. An admin can change that.</p>
      </div>
    </Panel>
  );
}
