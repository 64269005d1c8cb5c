import { NewTokenForm } from '../access/new-token-form.tsx';
import { PasswordForm } from '../access/password-form.tsx';
import { TokensPanel } from '../access/tokens-panel.tsx';
import { useSession } from '../access/use-session.ts';

/** The own password, and tokens for one's programs. */
export function AccountPage() {
  const user = useSession()?.user;
  if (user == null) return null;
  if (user.kind === 'local') {
    return (
      <p className="mx-auto max-w-2xl px-6 py-8 text-ink-soft">
        Nobody is logged in: on this machine nobody has to. Passwords and tokens belong to users; add one on
        the page Access, then{' '}
        <a href="/login?next=%2Faccount" className="text-accent underline">
          log in
        </a>
        .
      </p>
    );
  }
  return (
    <div className="mx-auto grid max-w-[70rem] grid-cols-1 items-start gap-3 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
      <div className="min-w-0 space-y-3">
        <NewTokenForm role={user.role} />
        <TokensPanel title="Tokens" resource="session/tokens" />
      </div>
      {user.kind === 'user' && <PasswordForm name={user.name} />}
    </div>
  );
}
