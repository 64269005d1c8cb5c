import type { ListenerStatus, MeteredInterface, StatusResponse } from '../api/contract.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { Advice } from '../widgets/copy-button.tsx';
import { Panel } from '../widgets/panel.tsx';

/** What is metered, what listens, and what is kept. */
export function StatusPanel({
  status,
  className,
}: {
  status: StatusResponse | undefined;
  className?: string;
}) {
  if (status === undefined) {
    return (
      <Panel title="Sources" className={className ?? ''}>
        <p className="p-3.5 text-ink-faint">Asking the server…</p>
      </Panel>
    );
  }
  return (
    <Panel title="Sources" note={`Weir ${status.version}`} className={className ?? ''}>
      <div className="divide-y divide-line">
        <Metering metering={status.metering} demo={status.demo} />
        <Listeners listeners={status.listeners} />
        <Store store={status.store} />
      </div>
    </Panel>
  );
}

function Heading({ children }: { children: string }) {
  return <h3 className="mb-1 font-medium text-ink-faint text-xs">{children}</h3>;
}

function Dot({ good, label }: { good: boolean; label: string }) {
  return (
    <span
      className={`inline-block size-2 shrink-0 rounded-full ${good ? 'bg-good' : 'bg-warn'}`}
      role="img"
      aria-label={label}
    />
  );
}

function Metering({ metering, demo }: { metering: StatusResponse['metering']; demo: boolean }) {
  return (
    <div className="px-3.5 py-2.5">
      <Heading>Metered here</Heading>
      {metering.state === 'on' ? (
        <>
          <ul className="space-y-1">
            {metering.interfaces.map((entry) => (
              <Interface key={entry.name} entry={entry} />
            ))}
          </ul>
          <p className="figures mt-1 text-ink-faint text-xs">
            {formatCount(metering.openFlows)} flows are open
          </p>
        </>
      ) : (
        <div className="space-y-1.5">
          <p className="flex items-baseline gap-2">
            <Dot good={false} label="not metering" />
            <span>{metering.reason}</span>
          </p>
          {metering.howToGrant !== undefined && <Advice text={metering.howToGrant} />}
        </div>
      )}
      {demo && <p className="mt-1.5 text-ink-faint text-xs">Demonstration traffic is being replayed.</p>}
    </div>
  );
}

function Interface({ entry }: { entry: MeteredInterface }) {
  const healthy = entry.state === 'up' && entry.kernelDrops === 0;
  const state = entry.state === 'up' ? (healthy ? 'healthy' : 'losing packets') : entry.state;
  return (
    <li className="flex items-baseline gap-2">
      <Dot good={healthy} label={state} />
      <span className="wire">{entry.name}</span>
      <span className="figures ml-auto text-right text-ink-soft text-xs">
        {entry.state === 'up'
          ? `${formatCount(entry.packets)} ${entry.packets === 1 ? 'packet' : 'packets'}`
          : entry.state}
        {entry.kernelDrops > 0 && (
          <span className="text-warn"> · {formatCount(entry.kernelDrops)} missed</span>
        )}
      </span>
    </li>
  );
}

function Listeners({ listeners }: { listeners: readonly ListenerStatus[] }) {
  return (
    <div className="px-3.5 py-2.5">
      <Heading>Listening</Heading>
      {listeners.length === 0 && <p className="text-ink-soft">No port is open for exporters.</p>}
      <ul className="space-y-1">
        {listeners.map((listener) => (
          <li
            key={`${listener.source} ${listener.address} ${listener.port}`}
            className="flex flex-wrap items-baseline gap-x-2"
          >
            <Dot good={listener.state === 'listening'} label={listener.state} />
            <span className="wire">
              {listener.transport}/{listener.port}
            </span>
            <span className="text-ink-faint text-xs">{listener.source}</span>
            <span className="figures ml-auto text-ink-soft text-xs">
              {listener.problem ?? received(listener)}
              {listener.kernelDrops > 0 && (
                <span className="text-warn"> · {formatCount(listener.kernelDrops)} lost</span>
              )}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What came in, in the words of the transport. */
function received({ datagrams, connections }: ListenerStatus): string {
  if (connections === undefined) return `${formatCount(datagrams)} datagrams`;
  const open = connections.length === 1 ? '1 connection' : `${formatCount(connections.length)} connections`;
  return `${open} · ${formatCount(datagrams)} messages`;
}

function Store({ store }: { store: StatusResponse['store'] }) {
  return (
    <div className="px-3.5 py-2.5">
      <Heading>Kept</Heading>
      <p className="figures">
        {formatCount(store.records)} records · {formatOctets(store.octets)}
      </p>
      <p className="figures text-ink-faint text-xs">
        {store.oldestAt === null ? 'Nothing is stored yet' : `Since ${formatDateTime(store.oldestAt)}`} in{' '}
        <span className="[overflow-wrap:anywhere]">{store.dataDirectory}</span>
      </p>
    </div>
  );
}
