import { useState } from 'react';
import { ProblemNote } from '../pages/problem-note.tsx';
import { CommandLine } from '../widgets/copy-button.tsx';
import { PRIMARY_BUTTON, SelectField, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { type AccessToken, ROLE_OPTIONS, ROLES, type Role } from './access-contract.ts';
import { useAccessChange } from './use-access-change.ts';

const DAYS = [
  { value: '7', text: 'a week' },
  { value: '90', text: '90 days' },
  { value: '365', text: 'a year' },
];

/** Makes a token, and shows it the only time that it can be seen. */
export function NewTokenForm({ role: own }: { role: Role }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>('viewer');
  const [days, setDays] = useState('90');
  const [made, setMade] = useState<(AccessToken & { secret: string }) | undefined>();
  const change = useAccessChange<AccessToken & { secret: string }>((token) => {
    setMade(token);
    setName('');
  });
  const offered = ROLE_OPTIONS.filter(({ value }) => ROLES.indexOf(value) <= ROLES.indexOf(own));
  return (
    <Panel title="A token for a program">
      <form
        className="grid grid-cols-1 gap-x-4 gap-y-3 px-4 py-3.5 sm:grid-cols-3"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate({ method: 'POST', path: 'session/tokens', body: { name, role, days: Number(days) } });
        }}
      >
        <TextField label="What it is for" value={name} onChange={setName} placeholder="Prometheus" />
        <SelectField label="Role" value={role} options={offered} onChange={setRole} />
        <SelectField label="Holds for" value={days} options={DAYS} onChange={setDays} />
        <div className="sm:col-span-3">
          <button type="submit" disabled={name === '' || change.isPending} className={PRIMARY_BUTTON}>
            Make a token
          </button>
        </div>
      </form>
      {change.error !== null && <ProblemNote problem={change.error} className="m-3" />}
      {made !== undefined && (
        <div role="status" className="space-y-2 border-line border-t bg-accent-soft px-4 py-3.5">
          <p>
            The token {made.name}. Copy it now: it cannot be shown again. Programs send it as{' '}
            <code className="font-mono text-xs">Authorization: Bearer …</code>
          </p>
          <CommandLine command={made.secret} />
        </div>
      )}
    </Panel>
  );
}
