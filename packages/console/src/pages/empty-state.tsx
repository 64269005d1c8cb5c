import type { StatusResponse } from '../api/contract.ts';
import { formatAgo } from '../format/time.ts';
import { CommandLine } from '../widgets/copy-button.tsx';

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
        <div className="space-y-1.5">
          <p>
            Weir meters {metering.interfaces.map((entry) => entry.name).join(', ')}. A flow is shown when it
            has ended or been quiet for some seconds. Make one:
          </p>
          <CommandLine command={`curl ${window.location.origin}/healthz`} />
        </div>
      ) : (
        <div className="space-y-1.5">
          <p>This machine's own traffic is not metered: {metering.reason}</p>
          {metering.howToGrant !== undefined && <CommandLine command={metering.howToGrant} />}
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
        <CommandLine command="npx weir up --demo" />
      </div>
    </div>
  );
}
