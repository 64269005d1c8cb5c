import { BILLING_MEASURES, type BillingAccount, PERCENTILE_CONVENTIONS, PLAN_KINDS } from '@weir/analysis';
import { useState } from 'react';
import { useChange } from '../api/use-change.ts';
import { FormEnd } from '../pages/form-end.tsx';
import { FieldGroup, ListField, SelectField, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { type AccountDraft, accountOf, draftOf, NEW_ACCOUNT, problemOf } from './account-draft.ts';

const KIND_TEXTS = {
  percentile: 'Percentile of the rate',
  volume: 'Volume',
  flat: 'Flat, and what is above',
};
const MEASURE_TEXTS = { in: 'In', out: 'Out', merged: 'Both, summed', greater: 'The greater of both' };
const DIRECTIONS = [
  { value: 'networks', text: 'By the networks of the account' },
  { value: 'interface', text: 'By an interface of an exporter' },
  { value: 'filters', text: 'By two filters' },
];
const METERS = [
  { value: 'ingress', text: 'What comes in only' },
  { value: 'both', text: 'What comes in and what goes out' },
];

interface AccountFormProps {
  /** Undefined: a new one. */
  account: BillingAccount | undefined;
  onDone: (id: string | undefined) => void;
}

export function AccountForm({ account, onDone }: AccountFormProps) {
  const [draft, setDraft] = useState<AccountDraft>(account === undefined ? NEW_ACCOUNT : draftOf(account));
  const [tried, setTried] = useState(false);
  const save = useChange<BillingAccount>('billing');
  const problem = problemOf(draft);
  const set = (part: Partial<AccountDraft>): void => setDraft({ ...draft, ...part });

  function submit(): void {
    setTried(true);
    if (problem !== undefined) return;
    const change = {
      method: account === undefined ? 'POST' : 'PUT',
      path: account === undefined ? 'billing/accounts' : `billing/accounts/${account.id}`,
      body: accountOf(draft),
    } as const;
    save.mutate(change, { onSuccess: ({ id }) => onDone(id) });
  }

  return (
    <Panel title={account === undefined ? 'New account' : `Change ${account.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FieldGroup title="Whose flows">
          <TextField label="Name" value={draft.name} onChange={(name) => set({ name })} />
          <TextField
            label="Only flows with"
            help="A filter; empty: all flows"
            wire
            value={draft.filter}
            onChange={(filter) => set({ filter })}
          />
          <DirectionFields draft={draft} set={set} />
        </FieldGroup>
        <PlanFields draft={draft} set={set} />
        <FieldGroup title="Period">
          <TextField
            label="Begins on day"
            help="1 to 28"
            value={draft.startDay}
            disabled={account !== undefined}
            onChange={(startDay) => set({ startDay })}
          />
          <TextField
            label="Time zone"
            help="IANA name. Day and zone cannot be changed later."
            value={draft.timeZone}
            proposals={ZONES}
            disabled={account !== undefined}
            onChange={(timeZone) => set({ timeZone })}
          />
        </FieldGroup>
        <FormEnd
          problem={tried ? problem : undefined}
          error={save.error}
          submitText={account === undefined ? 'Add account' : 'Save'}
          isBusy={save.isPending}
          onCancel={() => onDone(account?.id)}
          note={account === undefined ? undefined : WHAT_CHANGES}
        />
      </form>
    </Panel>
  );
}

const WHAT_CHANGES =
  'Other flows: bins of periods that are not closed are read again. Another plan: closed statements stay as they are.';
const ZONES = ['UTC', Intl.DateTimeFormat().resolvedOptions().timeZone];

interface PartProps {
  draft: AccountDraft;
  set: (part: Partial<AccountDraft>) => void;
}

function DirectionFields({ draft, set }: PartProps) {
  return (
    <>
      <SelectField
        label="In and out"
        value={draft.by}
        options={DIRECTIONS}
        onChange={(by) => set({ by: by as AccountDraft['by'] })}
      />
      {draft.by === 'networks' && (
        <ListField
          label="Networks"
          help="In: to them from elsewhere; out: from them to elsewhere"
          value={draft.networks.split('\n')}
          placeholder="192.0.2.0/24"
          onChange={(networks) => set({ networks })}
        />
      )}
      {draft.by === 'interface' && (
        <>
          <TextField
            label="Exporter"
            wire
            value={draft.exporter}
            onChange={(exporter) => set({ exporter })}
          />
          <TextField label="ifIndex" wire value={draft.ifIndex} onChange={(ifIndex) => set({ ifIndex })} />
          <SelectField
            label="The exporter meters"
            value={draft.meters}
            options={METERS}
            onChange={(meters) => set({ meters: meters as AccountDraft['meters'] })}
          />
        </>
      )}
      {draft.by === 'filters' && (
        <>
          <TextField
            label="In: flows with"
            wire
            value={draft.inFilter}
            onChange={(inFilter) => set({ inFilter })}
          />
          <TextField
            label="Out: flows with"
            wire
            value={draft.outFilter}
            onChange={(outFilter) => set({ outFilter })}
          />
        </>
      )}
    </>
  );
}

function PlanFields({ draft, set }: PartProps) {
  const unit = draft.kind === 'volume' ? 'GB' : 'Mbit/s';
  const isVolume = draft.kind === 'volume';
  return (
    <FieldGroup title="Plan">
      <SelectField
        label="Billed by"
        value={draft.kind}
        options={PLAN_KINDS.map((value) => ({ value, text: KIND_TEXTS[value] }))}
        onChange={(kind) => set({ kind: kind as AccountDraft['kind'] })}
      />
      <SelectField
        label="Direction"
        value={draft.measure}
        options={BILLING_MEASURES.map((value) => ({ value, text: MEASURE_TEXTS[value] }))}
        onChange={(measure) => set({ measure: measure as AccountDraft['measure'] })}
      />
      {!isVolume && (
        <>
          <TextField
            label="Percentile"
            value={draft.percentile}
            onChange={(percentile) => set({ percentile })}
          />
          <SelectField
            label="Convention"
            help="They differ by one bin at most"
            value={draft.convention}
            options={PERCENTILE_CONVENTIONS.map((value) => ({ value, text: value }))}
            onChange={(convention) => set({ convention: convention as AccountDraft['convention'] })}
          />
        </>
      )}
      <TextField
        label={`Commit (${unit})`}
        help={draft.kind === 'flat' ? 'What the fee includes' : 'Billed at least'}
        value={draft.commit}
        onChange={(commit) => set({ commit })}
      />
      {draft.kind === 'flat' ? (
        <TextField label="Fee" value={draft.fee} onChange={(fee) => set({ fee })} />
      ) : (
        <TextField label={`Rate for a ${unit}`} value={draft.rate} onChange={(rate) => set({ rate })} />
      )}
      <TextField
        label={`Rate above the commit, for a ${unit}`}
        help={draft.kind === 'flat' ? 'Overage' : 'Empty: the same rate'}
        value={draft.overageRate}
        onChange={(overageRate) => set({ overageRate })}
      />
      <TextField
        label="Currency"
        help="EUR, USD, JPY, …"
        value={draft.currency}
        onChange={(currency) => set({ currency })}
      />
    </FieldGroup>
  );
}
