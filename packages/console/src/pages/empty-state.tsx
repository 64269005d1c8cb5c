import type { StatusResponse } from '../api/contract.ts';
import { formatAgo } from '../format/time.ts';
import { Advice, CommandLine } from '../widgets/copy-button.tsx';

interface EmptyStateProps {
  /** What was looked through, in words: `in the last 15 minutes`. */
  span: string;
  filter: string;
  /** Why the filter cannot be read; then nothing was looked for. */
  mistake: string | undefined;
  status: StatusResponse | undefined;
  onClearFilter: () => void;
}

/** Says why there is nothing to see, and what to do about it. */
export function EmptyState({ span, filter, mistake, status, onClearFilter }: EmptyStateProps) {
  if (mistake !== undefined) {
    return (
      <div className="mx-auto max-w-2xl px-6 py-8" data-testid="empty-state">
        <p className="font-semibold text-base">The filter cannot be read.</p>
        <div className="mt-2 space-y-3 text-ink-soft">
          <p>{mistake}</p>
          <ClearFilter onClick={onClearFilter} />
        </div>
      </div>
    );
  }
  return (
    <div className="mx-auto max-w-2xl px-6 py-8" data-testid="empty-state">
      <p className="font-semibold text-base">
        {filter === '' ? `No flow ${span}.` : `No flow ${span} matches the filter.`}
      </p>
      {filter === '' ? (
        <Reasons status={status} />
      ) : (
        <FilterReason filter={filter} onClearFilter={onClearFilter} />
      )}
    </div>
  );
}

/** The console's own traffic is never metered, so asking this server would not make a flow. */
function HowToMakeTraffic({ interfaces }: { interfaces: readonly string[] }) {
  const loopback = interfaces.includes('lo');
  return (
    <div className="space-y-1.5">
      <p>
        Weir meters {interfaces.join(', ')}. A flow is shown some seconds after it began; one that is over, at
        once or when it has been quiet for a while.{' '}
        {loopback ? 'Make one:' : 'Open any web page to make one.'}
      </p>
      {loopback && <CommandLine command="ping -c 3 127.0.0.1" />}
    </div>
  );
}

function ClearFilter({ onClick }: { onClick: () => void }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="rounded-md bg-accent px-3 py-1.5 font-medium text-accent-ink"
    >
      Show all flows
    </button>
  );
}

function FilterReason({ filter, onClearFilter }: { filter: string; onClearFilter: () => void }) {
  return (
    <div className="mt-2 space-y-3 text-ink-soft">
      <p>
        The filter is <code className="wire text-ink">{filter}</code>. There may be other flows.
      </p>
      <ClearFilter onClick={onClearFilter} />
    </div>
  );
}

function Reasons({ status }: { status: StatusResponse | undefined }) {
  if (status === undefined) return null;
  const { metering, listeners, store, now } = status;
  const listening = listeners.find((listener) => listener.state === 'listening');
  return (
    <div className="mt-2 space-y-4 text-ink-soft">
      {store.newestAt !== null && (
        <p>
          The newest record in the store ended {formatAgo(store.newestAt, now)}: a longer time range shows it.
        </p>
      )}
      {metering.state === 'on' ? (
        <HowToMakeTraffic interfaces={metering.interfaces.map((entry) => entry.name)} />
      ) : (
        <div className="space-y-1.5">
          <p>This machine's own traffic is not metered: {metering.reason}</p>
          {metering.howToGrant !== undefined && <Advice text={metering.howToGrant} />}
        </div>
      )}
      {listening !== undefined && (
        <div className="space-y-1.5">
          <p>
            Point any IPFIX or NetFlow exporter to {listening.transport.toUpperCase()} port {listening.port}{' '}
            of this machine, or send a thousand made-up records:
          </p>
          <CommandLine command={`npx weir generate --to Udp/127.0.0.1:${listening.port} --records 1000`} />
        </div>
      )}
      <div className="space-y-1.5">
        <p>Or see what Weir looks like with traffic:</p>
        <CommandLine command="npm start -- --demo" />
      </div>
    </div>
  );
}
