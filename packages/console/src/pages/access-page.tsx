import { AuditPanel } from '../access/audit-panel.tsx';
import { RoleFiltersPanel } from '../access/role-filters-panel.tsx';
import { TokensPanel } from '../access/tokens-panel.tsx';
import { useSession } from '../access/use-session.ts';
import { UsersPanel } from '../access/users-panel.tsx';

/** For admins: who may do what, who sees what, which programs hold a token, and who did what. */
export function AccessPage() {
  const session = useSession();
  return (
    <div className="mx-auto max-w-[90rem] space-y-3">
      {session?.user?.kind === 'local' && (
        <p className="rounded-lg border border-line bg-surface px-3.5 py-2 text-ink-soft">
          On this machine nobody has to log in. Users count where Weir is opened to others: with{' '}
          <code className="font-mono text-xs">--http</code> on another address, or behind a proxy.
        </p>
      )}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <UsersPanel />
        <div className="min-w-0 space-y-3">
          <RoleFiltersPanel />
          <TokensPanel title="Tokens of all users" resource="access/tokens" />
        </div>
      </div>
      <AuditPanel />
    </div>
  );
}
