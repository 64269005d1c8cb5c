import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { PLAIN_BUTTON, PRIMARY_BUTTON, SelectField, Switch, TextField } from '../widgets/form.tsx';
import { BookmarkIcon } from '../widgets/icons.tsx';
import { Popover } from '../widgets/popover.tsx';
import { EXPLORE_PATH, proposedTitle, sameAddress } from './kept-view.ts';
import { useViews } from './use-views.ts';

/** What was kept of the console, and keeping what is on the screen now: alone, or as a tile of a dashboard. */
export function ViewsMenu() {
  return (
    <Popover
      label="Views"
      align="right"
      button={<BookmarkIcon className="size-4" />}
      buttonClassName="grid size-8 place-items-center rounded-md border border-line bg-surface text-ink-soft hover:border-line-strong hover:text-ink"
    >
      {(close) => <ViewsPanel close={close} />}
    </Popover>
  );
}

function ViewsPanel({ close }: { close: () => void }) {
  const [path] = useLocation();
  const search = useSearch();
  const address = search === '' ? path : `${path}?${search}`;
  const { views, known, failure, change } = useViews();
  if (failure !== null) return <p className="w-72 px-3.5 py-3 text-drop">{failure.message}</p>;
  // What is there decides what can be kept: a dashboard that is not known yet would be made anew.
  if (!known) return <p className="w-72 px-3.5 py-3 text-ink-soft">asking…</p>;
  const kept = views.find((view) => sameAddress(view.address, address));
  return (
    <div className="w-80 max-w-[calc(100vw-1.5rem)] text-[0.8125rem]">
      <div className="max-h-64 overflow-y-auto border-line border-b p-1.5">
        {views.length === 0 && (
          <p className="px-2 py-1.5 text-ink-soft">
            No view is kept yet. A view is a page with its time, its filter and all else.
          </p>
        )}
        <ul aria-label="Kept views">
          {views.map((view) => (
            <li key={view.id} className="flex items-center gap-1">
              <Link
                href={view.address}
                onClick={close}
                className="min-w-0 flex-1 truncate rounded-md px-2 py-1.5 hover:bg-hover"
              >
                {view.name}
                {!view.mine && <span className="text-ink-faint text-xs"> by {view.owner}</span>}
                {view.mine && view.shared && <span className="text-ink-faint text-xs"> shared</span>}
              </Link>
              {view.mine && (
                <button
                  type="button"
                  aria-label={`Remove ${view.name}`}
                  className="rounded px-1.5 py-1 text-ink-faint hover:bg-hover hover:text-drop"
                  onClick={() => change.mutate({ kind: 'remove', what: 'views', id: view.id })}
                >
                  ×
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
      {kept === undefined ? (
        <KeepForm key={address} address={address} onKept={close} />
      ) : (
        <p className="px-3.5 py-3 text-ink-soft">This view is kept as “{kept.name}”.</p>
      )}
      {path === EXPLORE_PATH && <TileForm key={`tile ${address}`} address={address} onKept={close} />}
    </div>
  );
}

interface KeepFormProps {
  address: string;
  onKept: () => void;
}

function KeepForm({ address, onKept }: KeepFormProps) {
  const { change } = useViews();
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  return (
    <form
      aria-label="Keep this view"
      className="space-y-2.5 px-3.5 py-3"
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate({ kind: 'view', name, address, shared }, { onSuccess: onKept });
      }}
    >
      <TextField label="Keep this view as" value={name} problem={change.error?.message} onChange={setName} />
      <Switch label="Shared" on={shared} help="All who may look see it." onChange={setShared} />
      <button type="submit" className={PRIMARY_BUTTON} disabled={name.trim() === '' || change.isPending}>
        Keep
      </button>
    </form>
  );
}

const NEW = '';

/** What *Explore* shows becomes a tile. */
function TileForm({ address, onKept }: KeepFormProps) {
  const { dashboards, change } = useViews();
  const own = dashboards.filter(({ mine }) => mine);
  const [chosen, setChosen] = useState<string>();
  const id = chosen ?? own[0]?.id ?? NEW;
  const [title, setTitle] = useState(proposedTitle(address));
  const [name, setName] = useState('Dashboard');
  const tile = { title, address, wide: false };
  const known = own.find((dashboard) => dashboard.id === id);
  return (
    <form
      aria-label="Put this on a dashboard"
      className="space-y-2.5 border-line border-t px-3.5 py-3"
      onSubmit={(event) => {
        event.preventDefault();
        const input =
          known === undefined
            ? { name, shared: false, tiles: [tile] }
            : { name: known.name, shared: known.shared, tiles: [...known.tiles, tile] };
        change.mutate(
          { kind: 'dashboard', ...(known === undefined ? {} : { id: known.id }), input },
          { onSuccess: onKept },
        );
      }}
    >
      <SelectField
        label="Put this on a dashboard"
        value={id}
        options={[
          ...own.map((dashboard) => ({ value: dashboard.id, text: dashboard.name })),
          { value: NEW, text: 'A new one' },
        ]}
        onChange={setChosen}
      />
      {known === undefined && <TextField label="Name of the dashboard" value={name} onChange={setName} />}
      <TextField
        label="Title of the tile"
        value={title}
        problem={change.error?.message}
        onChange={setTitle}
      />
      <button
        type="submit"
        className={PLAIN_BUTTON}
        disabled={title.trim() === '' || (known === undefined && name.trim() === '') || change.isPending}
      >
        Add the tile
      </button>
    </form>
  );
}
