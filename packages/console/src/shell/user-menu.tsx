import { useMutation } from '@tanstack/react-query';
import { Link } from 'wouter';
import { ROLE_MEANINGS } from '../access/access-contract.ts';
import { useSession } from '../access/use-session.ts';
import { apiSend } from '../api/client.ts';
import { PersonIcon } from '../widgets/icons.tsx';
import { Popover } from '../widgets/popover.tsx';

const ITEM = 'block w-full rounded-md px-3 py-1.5 text-left hover:bg-hover';

/** Who is logged in; nothing where nobody has to be. */
export function UserMenu() {
  const user = useSession()?.user ?? null;
  const logOut = useMutation({
    mutationFn: () => apiSend('DELETE', 'session'),
    onSettled: () => window.location.assign('/login'),
  });
  if (user === null || user.kind === 'local') return null;
  return (
    <Popover
      label={`${user.name}, ${user.role}`}
      align="right"
      button={<PersonIcon className="size-4" />}
      buttonClassName="grid size-8 place-items-center rounded-md border border-line bg-surface text-ink-soft hover:border-line-strong hover:text-ink"
    >
      {(close) => (
        <div className="w-60 p-1.5 text-[0.8125rem]">
          <div className="border-line border-b px-3 pt-1 pb-2">
            <p className="truncate font-semibold">{user.name}</p>
            <p className="text-ink-soft text-xs">
              {user.role}: {ROLE_MEANINGS[user.role]}
            </p>
            {user.rowFilter !== '' && (
              <p className="mt-1 break-words text-ink-soft text-xs">
                sees only <span className="font-mono">{user.rowFilter}</span>
              </p>
            )}
          </div>
          <Link href="/account" onClick={close} className={`${ITEM} mt-1.5`}>
            Password and tokens
          </Link>
          {user.role === 'admin' && (
            <Link href="/access" onClick={close} className={ITEM}>
              Users and audit log
            </Link>
          )}
          <button type="button" onClick={() => logOut.mutate()} className={ITEM}>
            Log out
          </button>
        </div>
      )}
    </Popover>
  );
}
