import { useState } from 'react';
import { useApi } from '../api/use-api.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PLAIN_BUTTON, PRIMARY_BUTTON, SelectField, SMALL_BUTTON, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { type AccessUser, ROLE_OPTIONS, type Role, type UsersResponse } from './access-contract.ts';
import { RowFilterField, rowFilterProblem } from './row-filter-field.tsx';
import { useAccessChange } from './use-access-change.ts';

/** Users, one of them open for changes. */
export function UsersPanel() {
  const { data, error } = useApi<UsersResponse>(['access/users', {}]);
  const [open, setOpen] = useState('');
  const [adding, setAdding] = useState(false);
  return (
    <Panel
      title="Users"
      note={data === undefined ? 'asking…' : data.users.length}
      controls={
        <button type="button" onClick={() => setAdding(!adding)} className={SMALL_BUTTON}>
          Add a user
        </button>
      }
    >
      {error !== null && <ProblemNote problem={error} className="m-3" />}
      {adding && <NewUserForm onDone={() => setAdding(false)} />}
      {data?.users.length === 0 && !adding && (
        <p className="px-4 py-6 text-ink-soft">There are no users yet. The first one should be an admin.</p>
      )}
      <ul aria-label="Users" className="divide-y divide-line">
        {data?.users.map((user) => (
          <li key={user.name}>
            <button
              type="button"
              aria-expanded={open === user.name}
              onClick={() => setOpen(open === user.name ? '' : user.name)}
              className="flex w-full flex-wrap items-baseline gap-x-3 px-3.5 py-2 text-left text-[0.8125rem] hover:bg-hover"
            >
              <span className="font-medium">{user.name}</span>
              <span className="text-ink-soft text-xs">{user.role}</span>
              <span className="ml-auto min-w-0 truncate font-mono text-ink-soft text-xs">
                {user.rowFilter === '' ? '' : user.rowFilter}
              </span>
            </button>
            {open === user.name && <UserForm key={JSON.stringify(user)} user={user} />}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const FORM = 'grid grid-cols-1 gap-x-4 gap-y-3 border-line border-t bg-sunken px-4 py-3.5 sm:grid-cols-2';
const WHOLE_ROW = 'flex flex-wrap items-center gap-2 sm:col-span-2';

function NewUserForm({ onDone }: { onDone: () => void }) {
  const [draft, setDraft] = useState({ name: '', role: 'viewer' as Role, password: '', rowFilter: '' });
  const change = useAccessChange(onDone);
  const rowFilter = draft.role === 'admin' ? '' : draft.rowFilter;
  return (
    <form
      aria-label="A new user"
      className={FORM}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate({ method: 'POST', path: 'access/users', body: { ...draft, rowFilter } });
      }}
    >
      <TextField
        label="Name"
        value={draft.name}
        onChange={(name) => setDraft({ ...draft, name })}
        autoFocus
      />
      <TextField
        label="Password"
        type="password"
        autoComplete="new-password"
        help="10 characters at least"
        value={draft.password}
        onChange={(password) => setDraft({ ...draft, password })}
      />
      <RoleField role={draft.role} onChange={(role) => setDraft({ ...draft, role })} />
      <RowFilterField
        label="Sees only"
        value={rowFilter}
        disabled={draft.role === 'admin'}
        onChange={(filter) => setDraft({ ...draft, rowFilter: filter })}
      />
      <div className={WHOLE_ROW}>
        <button
          type="submit"
          disabled={
            change.isPending ||
            draft.name === '' ||
            draft.password === '' ||
            rowFilterProblem(rowFilter) !== undefined
          }
          className={PRIMARY_BUTTON}
        >
          Add
        </button>
        <button type="button" onClick={onDone} className={PLAIN_BUTTON}>
          Cancel
        </button>
        {change.error !== null && <ProblemNote problem={change.error} />}
      </div>
    </form>
  );
}

function UserForm({ user }: { user: AccessUser }) {
  const [role, setRole] = useState(user.role);
  const [filter, setFilter] = useState(user.rowFilter);
  const [password, setPassword] = useState('');
  const [removing, setRemoving] = useState(false);
  const change = useAccessChange();
  const path = `access/users/${encodeURIComponent(user.name)}`;
  const rowFilter = role === 'admin' ? '' : filter;
  const same = role === user.role && rowFilter === user.rowFilter && password === '';
  return (
    <form
      aria-label={`User ${user.name}`}
      className={FORM}
      onSubmit={(event) => {
        event.preventDefault();
        const body = { role, rowFilter, ...(password === '' ? {} : { password }) };
        change.mutate({ method: 'PATCH', path, body });
      }}
    >
      <RoleField role={role} onChange={setRole} />
      <RowFilterField label="Sees only" value={rowFilter} disabled={role === 'admin'} onChange={setFilter} />
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        help="empty: stays as it is; another one ends all sessions"
        value={password}
        onChange={setPassword}
      />
      <div className={WHOLE_ROW}>
        <button
          type="submit"
          disabled={same || change.isPending || rowFilterProblem(rowFilter) !== undefined}
          className={PRIMARY_BUTTON}
        >
          Save
        </button>
        {removing ? (
          <>
            <button
              type="button"
              onClick={() => change.mutate({ method: 'DELETE', path })}
              className={`${PLAIN_BUTTON} text-drop`}
            >
              Remove {user.name} for good
            </button>
            <button type="button" onClick={() => setRemoving(false)} className={PLAIN_BUTTON}>
              Keep
            </button>
          </>
        ) : (
          <button type="button" onClick={() => setRemoving(true)} className={PLAIN_BUTTON}>
            Remove…
          </button>
        )}
        {change.error !== null && <ProblemNote problem={change.error} />}
      </div>
    </form>
  );
}

function RoleField({ role, onChange }: { role: Role; onChange: (role: Role) => void }) {
  const choose = (value: string): void => {
    const chosen = ROLE_OPTIONS.find((option) => option.value === value);
    if (chosen !== undefined) onChange(chosen.value);
  };
  return <SelectField label="Role" value={role} options={ROLE_OPTIONS} onChange={choose} />;
}
