import { useState } from 'react';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PRIMARY_BUTTON, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { useAccessChange } from './use-access-change.ts';

/** The own password; all other sessions end with the former one. */
export function PasswordForm({ name }: { name: string }) {
  const [password, setPassword] = useState('');
  const [newPassword, setNewPassword] = useState('');
  const change = useAccessChange(() => {
    setPassword('');
    setNewPassword('');
  });
  return (
    <Panel title="Password">
      <form
        className="space-y-3 px-4 py-3.5"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate({ method: 'PUT', path: 'session/password', body: { password, newPassword } });
        }}
      >
        <input type="text" autoComplete="username" value={name} readOnly hidden />
        <TextField
          label="Present password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          help="10 characters at least; other sessions of yours end"
          value={newPassword}
          onChange={setNewPassword}
        />
        <button
          type="submit"
          disabled={password === '' || newPassword === '' || change.isPending}
          className={PRIMARY_BUTTON}
        >
          Change
        </button>
        {change.isSuccess && <p role="status">The password is changed.</p>}
        {change.error !== null && <ProblemNote problem={change.error} />}
      </form>
    </Panel>
  );
}
