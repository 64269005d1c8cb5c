import { Link } from 'wouter';
import type { ExporterStatus, ExportersResponse, StatusResponse } from '../api/contract.ts';
import { exporterId } from '../exporters/exporter-summary.ts';
import { Value } from '../flows/value.tsx';
import { formatCount, formatPerSecond } from '../format/quantity.ts';
import { formatAgo, formatDateTime, formatMoment } from '../format/time.ts';
import { VERSION_NAMES } from '../sources/source-state.ts';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';

const ALARMS_SHOWN = 4;
const EXPORTERS_SHOWN = 8;

interface HealthPanelProps {
  status: StatusResponse | undefined;
  exporters: ExportersResponse | undefined;
  className?: string;
}

/** Whether the exporters are well; the alarms first, then who sends most. */
export function HealthPanel({ status, exporters, className }: HealthPanelProps) {
  const [shared] = useSharedView();
  const alarms = alarmsOf(exporters);
  const known = status?.exporters ?? [];
  const sorted = known.toSorted((one, other) => other.recordsPerSecond - one.recordsPerSecond);
  const now = status?.now ?? 0;
  return (
    <Panel
      title="Exporters"
      note={alarms.length === 0 ? 'no alarm' : alarms.length === 1 ? 'one alarm' : `${alarms.length} alarms`}
      className={className ?? ''}
      controls={
        <Link href={pageAddress('/exporters', shared)} className={SMALL_BUTTON}>
          All
        </Link>
      }
    >
      {alarms.length > 0 && (
        <ul aria-label="Alarms" className="border-line border-b bg-warn-soft px-3.5 py-2 text-xs">
          {alarms.slice(0, ALARMS_SHOWN).map(({ id, who, message, since }) => (
            <li key={id} className="py-0.5">
              <Link
                href={`/exporters?v=1&exporter=${encodeURIComponent(who.id)}`}
                className="value font-semibold"
              >
                {who.name}
              </Link>{' '}
              {message}
              <span className="figures text-ink-soft"> since {formatMoment(since, now)}</span>
            </li>
          ))}
          {alarms.length > ALARMS_SHOWN && (
            <li className="py-0.5 text-ink-soft">and {alarms.length - ALARMS_SHOWN} more</li>
          )}
        </ul>
      )}
      <div className="px-3.5 py-2.5">
        {status !== undefined && known.length === 0 && (
          <p className="text-ink-soft">None has sent anything yet.</p>
        )}
        <ul aria-label="Exporters, records per second" className="space-y-1.5">
          {sorted.slice(0, EXPORTERS_SHOWN).map((exporter) => (
            <ExporterLine
              key={`${exporter.address} ${exporter.observationDomainId} ${exporter.source} ${exporter.version}`}
              exporter={exporter}
              now={now}
            />
          ))}
        </ul>
        {sorted.length > EXPORTERS_SHOWN && (
          <p className="mt-1.5 text-ink-faint text-xs">and {sorted.length - EXPORTERS_SHOWN} more</p>
        )}
      </div>
    </Panel>
  );
}

function alarmsOf(exporters: ExportersResponse | undefined) {
  return (exporters?.exporters ?? [])
    .flatMap((exporter) =>
      exporter.alarms.map(({ code, message, since }) => ({
        id: `${exporterId(exporter)} ${code}`,
        who: { id: exporterId(exporter), name: exporter.name },
        message,
        since,
      })),
    )
    .sort((one, other) => other.since - one.since);
}

function ExporterLine({ exporter, now }: { exporter: ExporterStatus; now: number }) {
  const lossless = exporter.lost === 0;
  const version = exporter.version === 0 ? 'this machine' : VERSION_NAMES[exporter.version];
  return (
    <li>
      <div className="flex items-baseline gap-2">
        <span
          className={`inline-block size-2 shrink-0 rounded-full ${lossless ? 'bg-good' : 'bg-warn'}`}
          role="img"
          aria-label={lossless ? 'no loss' : 'loses records'}
        />
        <Value dimension="exporter" value={exporter.address} className="wire" />
        <span className="figures ml-auto whitespace-nowrap text-xs">
          {formatPerSecond(exporter.recordsPerSecond)}
        </span>
      </div>
      <div className="figures flex gap-2 pl-4 text-ink-faint text-xs">
        <span>{version ?? `version ${exporter.version}`}</span>
        <span title={formatDateTime(exporter.lastSeenAt)}>{formatAgo(exporter.lastSeenAt, now)}</span>
        <span className={`ml-auto whitespace-nowrap ${lossless ? '' : 'text-warn'}`}>
          {lossless ? 'no loss' : `${formatCount(exporter.lost)} lost`}
        </span>
      </div>
    </li>
  );
}
