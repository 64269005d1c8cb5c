import { useState } from 'react';
import { useApi } from '../api/use-api.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PLAIN_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { Role, UsersResponse } from './access-contract.ts';
import { RowFilterField, rowFilterProblem } from './row-filter-field.tsx';
import { useAccessChange } from './use-access-change.ts';

/** What everybody with a role sees, beside what his own filter says. */
export function RoleFiltersPanel() {
  const { data } = useApi<UsersResponse>(['access/users', {}]);
  return (
    <Panel title="What roles see">
      <div className="space-y-3 px-4 py-3.5">
        {(['viewer', 'operator'] as const).map((role) => (
          <RoleFilter
            key={`${role} ${data?.rowFilters[role] ?? ''}`}
            role={role}
            saved={data?.rowFilters[role] ?? ''}
          />
        ))}
      </div>
    </Panel>
  );
}

function RoleFilter({ role, saved }: { role: Role; saved: string }) {
  const [filter, setFilter] = useState(saved);
  const change = useAccessChange();
  const submit = (): void =>
    change.mutate({ method: 'PUT', path: `access/roles/${role}`, body: { rowFilter: filter } });
  return (
    <form
      className="space-y-2"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <RowFilterField label={`Every ${role} sees only`} value={filter} onChange={setFilter} />
      {filter !== saved && (
        <button
          type="submit"
          disabled={change.isPending || rowFilterProblem(filter) !== undefined}
          className={PLAIN_BUTTON}
        >
          Save
        </button>
      )}
      {change.error !== null && <ProblemNote problem={change.error} />}
    </form>
  );
}
