import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { useSession } from '../access/use-session.ts';
import { ApiError, apiSend } from '../api/client.ts';
import { nextAddress } from '../api/login-address.ts';
import { PRIMARY_BUTTON, TextField } from '../widgets/form.tsx';
import { ThemeToggle } from '../widgets/theme-toggle.tsx';
import { ProblemNote } from './problem-note.tsx';

/** Name and password, or another program's word; with the key of a set-up link the first admin. */
export function LoginPage() {
  const [path] = useLocation();
  // As it is: the hook of the router would decode it once too often.
  const { search } = window.location;
  const session = useSession();
  const next = nextAddress(search);
  const isSetUp = path === '/setup';
  const user = session?.user ?? null;
  useEffect(() => {
    document.title = 'Log in · Weir';
    // Who is known already comes from a link of another site, which brings no cookie along.
    if (user !== null && user.kind !== 'local') window.location.replace(next);
  }, [user, next]);
  const told = new URLSearchParams(search).get('problem');
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-sm space-y-5">
        <div className="flex items-center gap-3">
          <img src="/weir.svg" alt="" className="size-9" />
          <h1 className="font-semibold text-lg tracking-tight">
            {isSetUp ? 'The first admin' : 'Log in to Weir'}
          </h1>
          <div className="ml-auto">
            <ThemeToggle />
          </div>
        </div>
        {told !== null && <ProblemNote problem={new ApiError({ code: told, message: whyNot(told) }, 401)} />}
        {isSetUp && (
          <p className="text-ink-soft">
            Nobody can log in yet. Choose the name and the password of the first admin, who adds everybody
            else.
          </p>
        )}
        {session !== undefined && !isSetUp && <Ways session={session} next={next} />}
        {(isSetUp || session?.passwords === true) && <LoginForm isSetUp={isSetUp} next={next} />}
        {session !== undefined && !isSetUp && !session.passwords && session.oidc === null && <Nobody />}
      </div>
    </main>
  );
}

/** What came of a log-in by another program; the address says a code only, so that no link can put words here. */
function whyNot(code: string): string {
  if (code === 'login_role') return 'You are known, but you have no role here. Ask an admin of Weir for one.';
  if (code === 'login_stale')
    return 'This log-in was begun in another browser, or too long ago. Begin again.';
  return 'The log-in did not succeed. The audit log says why.';
}

function Ways({ session, next }: { session: { oidc: string | null; passwords: boolean }; next: string }) {
  if (session.oidc === null) return null;
  return (
    <div className="space-y-3">
      <a href={`/login/oidc?next=${encodeURIComponent(next)}`} className={`${PRIMARY_BUTTON} w-full`}>
        Log in with {session.oidc}
      </a>
      {session.passwords && (
        <p className="text-center text-ink-faint text-xs">or with a password of this server</p>
      )}
    </div>
  );
}

function Nobody() {
  return (
    <div className="space-y-2 text-ink-soft">
      <p>
        There are no users yet. Whoever started Weir finds a link to make the first one in its log, or runs
      </p>
      <p className="rounded-md bg-sunken px-3 py-2 font-mono text-xs">weir user add NAME --role admin</p>
    </div>
  );
}

function LoginForm({ isSetUp, next }: { isSetUp: boolean; next: string }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const login = useMutation({
    mutationFn: () =>
      isSetUp
        ? apiSend('POST', 'session/set-up', { key: window.location.hash.slice(1), name, password })
        : apiSend('POST', 'session', { name, password }),
    // A new page: nothing of what was refused before is left in it.
    onSuccess: () => window.location.replace(next),
  });
  const onSubmit = (event: FormEvent): void => {
    event.preventDefault();
    login.mutate();
  };
  return (
    <form onSubmit={onSubmit} className="space-y-4 rounded-lg border border-line bg-surface p-5">
      {login.error !== null && <ProblemNote problem={login.error} />}
      <TextField label="Name" value={name} onChange={setName} autoComplete="username" autoFocus />
      <TextField
        label="Password"
        type="password"
        value={password}
        onChange={setPassword}
        autoComplete={isSetUp ? 'new-password' : 'current-password'}
        {...(isSetUp ? { help: '10 characters at least' } : {})}
      />
      <button
        type="submit"
        disabled={login.isPending || name === '' || password === ''}
        className={`${PRIMARY_BUTTON} w-full`}
      >
        {login.isPending ? 'Looking…' : isSetUp ? 'Make the first admin' : 'Log in'}
      </button>
    </form>
  );
}
