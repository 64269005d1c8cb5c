import type { Alert } from '@weir/analysis';
import { useState } from 'react';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PLAIN_BUTTON, PRIMARY_BUTTON, SelectField, TextField } from '../widgets/form.tsx';
import { useAlertChange } from './use-alert-change.ts';

const HOUR_MS = 3_600_000;
const SPANS = [
  { value: '1', text: 'an hour' },
  { value: '24', text: 'a day' },
  { value: '168', text: 'a week' },
  { value: '720', text: 'thirty days' },
  { value: '8760', text: 'a year' },
];

type Scope = 'host' | 'subject' | 'detection' | 'network';
/** Who is allowed to scan does it to everybody, and several detections tell of it: the whole host is what to silence. */
const OF_SCANNERS = new Set(['portScan', 'hostSweep', 'scanStatistics']);

/** Silences what is like this alert, for a time. */
export function SuppressForm({ alert }: { alert: Alert }) {
  const [open, setOpen] = useState(false);
  const [hours, setHours] = useState('168');
  const host = hostOf(alert);
  const [scope, setScope] = useState<Scope>(
    host !== undefined && OF_SCANNERS.has(alert.detection) ? 'host' : 'subject',
  );
  const [network, setNetwork] = useState(() => networkOf(alert.subject.value));
  const [reason, setReason] = useState('');
  const change = useAlertChange(() => setOpen(false));
  if (!open) {
    return (
      <button type="button" className={PLAIN_BUTTON} onClick={() => setOpen(true)}>
        Suppress…
      </button>
    );
  }
  const send = () => {
    const until = new Date(Date.now() + Number(hours) * HOUR_MS).toISOString();
    const named = {
      ...(scope === 'host' && host !== undefined ? { network: host } : {}),
      ...(scope === 'subject' ? { subject: alert.subject, detection: alert.detection } : {}),
      ...(scope === 'detection' ? { detection: alert.detection } : {}),
      ...(scope === 'network' ? { network, detection: alert.detection } : {}),
    };
    change.mutate({ method: 'POST', path: 'alerts/suppressions', body: { ...named, until, reason } });
  };
  return (
    <form
      aria-label="Suppress"
      className="w-full space-y-3 rounded-md border border-line bg-sunken p-3"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        <SelectField
          label="What"
          value={scope}
          options={[
            ...(host === undefined ? [] : [{ value: 'host', text: `every alert that names ${host}` }]),
            { value: 'subject', text: `${alert.title} of ${alert.subject.value}` },
            { value: 'detection', text: `everything that ${alert.detection} finds` },
            { value: 'network', text: `what ${alert.detection} finds in a network` },
          ]}
          onChange={(value) => setScope(value as Scope)}
        />
        <SelectField label="For" value={hours} options={SPANS} onChange={setHours} />
        {scope === 'network' && (
          <TextField label="Network" wire value={network} onChange={setNetwork} help="As 10.1.0.0/16" />
        )}
        <TextField label="Why" value={reason} onChange={setReason} placeholder="our own scanner" />
      </div>
      {change.error !== null && <ProblemNote problem={change.error} />}
      <div className="flex gap-2">
        <button type="submit" className={PRIMARY_BUTTON} disabled={change.isPending}>
          Suppress
        </button>
        <button type="button" className={PLAIN_BUTTON} onClick={() => setOpen(false)}>
          Cancel
        </button>
      </div>
    </form>
  );
}

/** The host that did it: the first of a pair. Of a service, nobody asks for all alerts of its host. */
function hostOf({ subject }: Alert): string | undefined {
  if (subject.kind === 'host') return subject.value;
  return subject.kind === 'pair' ? subject.value.split(' → ')[0] : undefined;
}

/** The /24 of the first IPv4 address, else the first word. */
function networkOf(value: string): string {
  const first = value.split(/[\s→]+/)[0] ?? '';
  const match = /^(\d+\.\d+\.\d+)\.\d+$/.exec(first);
  return match === null ? first : `${match[1]}.0/24`;
}
