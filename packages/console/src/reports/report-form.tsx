import { useState } from 'react';
import { useApi } from '../api/use-api.ts';
import { useChange } from '../api/use-change.ts';
import type { AccountsResponse } from '../billing/billing-contract.ts';
import { FormEnd } from '../pages/form-end.tsx';
import { FieldGroup, ListField, SelectField, SMALL_BUTTON, Switch, TextField } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { Report, ReportFormat, ReportRequest, ReportSection } from './report-contract.ts';
import { minuteOf, newReport, newSection, SECTION_TITLES, timeText, WEEKDAYS } from './report-draft.ts';

const INTERVALS = [
  { value: 'daily', text: 'Every day, of the day before' },
  { value: 'weekly', text: 'Every week, of the seven days before' },
  { value: 'monthly', text: 'Every month, of the month before' },
];
const FORMATS: readonly { value: ReportFormat; text: string }[] = [
  { value: 'pdf', text: 'PDF' },
  { value: 'html', text: 'HTML' },
  { value: 'csv', text: 'CSV' },
];
const KINDS = Object.keys(SECTION_TITLES) as ReportSection['kind'][];

interface ReportFormProps {
  /** Undefined: a new one. */
  report: Report | undefined;
  mail: boolean;
  onDone: (id: string | undefined) => void;
}

export function ReportForm({ report, mail, onDone }: ReportFormProps) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [draft, setDraft] = useState<ReportRequest>(() =>
    report === undefined ? newReport(zone) : requestOf(report),
  );
  const [time, setTime] = useState(timeText(draft.schedule.minute));
  const save = useChange<{ id: string }>('reports');
  const set = (part: Partial<ReportRequest>): void => setDraft({ ...draft, ...part });
  const minute = minuteOf(time);
  const problem =
    draft.name.trim() === ''
      ? 'It needs a name.'
      : minute === undefined
        ? 'The time is like 07:00.'
        : draft.formats.length === 0
          ? 'It needs a format.'
          : draft.sections.length === 0
            ? 'It needs a section.'
            : undefined;
  const [tried, setTried] = useState(false);

  function submit(): void {
    setTried(true);
    if (problem !== undefined || minute === undefined) return;
    const body = { ...draft, schedule: { ...draft.schedule, minute } };
    const change =
      report === undefined
        ? ({ method: 'POST', path: 'reports', body } as const)
        : ({ method: 'PUT', path: `reports/${report.id}`, body } as const);
    save.mutate(change, { onSuccess: ({ id }) => onDone(id) });
  }

  return (
    <Panel title={report === undefined ? 'New report' : `Change ${report.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FieldGroup title="Report">
          <TextField label="Name" value={draft.name} onChange={(name) => set({ name })} />
          <Switch
            label="Make it by the clock"
            help="Off: only when somebody asks for it"
            on={draft.enabled}
            onChange={(enabled) => set({ enabled })}
          />
        </FieldGroup>
        <ScheduleFields draft={draft} set={set} time={time} setTime={setTime} />
        <SectionFields sections={draft.sections} onChange={(sections) => set({ sections })} />
        <FieldGroup title="Delivery">
          <fieldset className="min-w-0 space-y-1">
            <legend className="font-medium text-ink-soft text-xs">Formats</legend>
            {FORMATS.map(({ value, text }) => (
              <Switch
                key={value}
                label={text}
                on={draft.formats.includes(value)}
                onChange={(on) =>
                  set({
                    formats: FORMATS.map((each) => each.value).filter((each) =>
                      each === value ? on : draft.formats.includes(each),
                    ),
                  })
                }
              />
            ))}
          </fieldset>
          <ListField
            label="Send to"
            help={
              mail
                ? 'E-mail addresses, one a line; empty: it is kept only'
                : 'No mail server is known yet: name one in Alerts, Notifications. Until then reports wait.'
            }
            value={draft.sendTo}
            placeholder="noc@example.net"
            onChange={(text) => set({ sendTo: text.split(/[\s,]+/).filter((each) => each !== '') })}
          />
          <TextField
            label="Keep so many"
            value={String(draft.keep)}
            onChange={(text) => set({ keep: /^\d{1,3}$/.test(text) ? Number(text) : 0 })}
          />
        </FieldGroup>
        <FormEnd
          problem={tried ? problem : undefined}
          error={save.error}
          submitText={report === undefined ? 'Add report' : 'Save'}
          isBusy={save.isPending}
          onCancel={() => onDone(report?.id)}
        />
      </form>
    </Panel>
  );
}

function requestOf({ name, enabled, schedule, sections, formats, sendTo, keep }: Report): ReportRequest {
  return { name, enabled, schedule, sections, formats, sendTo, keep };
}

interface ScheduleProps {
  draft: ReportRequest;
  set: (part: Partial<ReportRequest>) => void;
  time: string;
  setTime: (time: string) => void;
}

function ScheduleFields({ draft, set, time, setTime }: ScheduleProps) {
  const { schedule } = draft;
  const change = (part: Partial<ReportRequest['schedule']>): void =>
    set({ schedule: { ...schedule, ...part } });
  return (
    <FieldGroup title="When">
      <SelectField
        label="How often"
        value={schedule.every}
        options={INTERVALS}
        onChange={(every) => change({ every: every as ReportRequest['schedule']['every'] })}
      />
      {schedule.every === 'weekly' && (
        <SelectField
          label="On"
          value={String(schedule.weekday)}
          options={WEEKDAYS.map((text, value) => ({ value: String(value), text }))}
          onChange={(weekday) => change({ weekday: Number(weekday) })}
        />
      )}
      {schedule.every === 'monthly' && (
        <SelectField
          label="On day"
          value={String(schedule.day)}
          options={Array.from({ length: 28 }, (_, index) => ({
            value: `${index + 1}`,
            text: `${index + 1}`,
          }))}
          onChange={(day) => change({ day: Number(day) })}
        />
      )}
      <TextField label="At" placeholder="07:00" value={time} onChange={setTime} />
      <TextField
        label="Time zone"
        value={schedule.timeZone}
        proposals={['UTC', Intl.DateTimeFormat().resolvedOptions().timeZone]}
        onChange={(timeZone) => change({ timeZone })}
      />
    </FieldGroup>
  );
}

function SectionFields({
  sections,
  onChange,
}: {
  sections: ReportSection[];
  onChange: (sections: ReportSection[]) => void;
}) {
  const replace = (at: number, section: ReportSection): void =>
    onChange(sections.map((each, index) => (index === at ? section : each)));
  return (
    <fieldset className="min-w-0 space-y-2.5 border-line border-t px-4 py-3.5">
      <legend className="sr-only">Sections</legend>
      <p aria-hidden="true" className="font-semibold text-[0.8125rem]">
        Sections
      </p>
      {sections.map((section, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a section is its place.
        <fieldset key={at} className="min-w-0 rounded-md border border-line p-3">
          <legend className="px-1 font-medium text-xs">
            {at + 1}. {SECTION_TITLES[section.kind]}
          </legend>
          <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
            <SectionDetail section={section} onChange={(next) => replace(at, next)} />
          </div>
          <button
            type="button"
            className={`${SMALL_BUTTON} mt-2`}
            aria-label={`Remove section ${at + 1}`}
            onClick={() => onChange(sections.filter((_, index) => index !== at))}
          >
            Remove
          </button>
        </fieldset>
      ))}
      <div className="flex flex-wrap gap-2">
        {KINDS.map((kind) => (
          <button
            key={kind}
            type="button"
            className={SMALL_BUTTON}
            onClick={() => onChange([...sections, newSection(kind)])}
          >
            + {SECTION_TITLES[kind]}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function SectionDetail({
  section,
  onChange,
}: {
  section: ReportSection;
  onChange: (section: ReportSection) => void;
}) {
  if (section.kind === 'alerts' || section.kind === 'policy' || section.kind === 'capacity') return null;
  if (section.kind === 'billing')
    return (
      <AccountField account={section.account} onChange={(account) => onChange({ ...section, account })} />
    );
  const limit = (
    <TextField
      label="At most"
      value={String(section.limit)}
      onChange={(text) => onChange({ ...section, limit: /^\d{1,3}$/.test(text) ? Number(text) : 0 })}
    />
  );
  return (
    <>
      {section.kind !== 'drops' && (
        <DimensionsField by={section.by} onChange={(by) => onChange({ ...section, by })} />
      )}
      <TextField
        label="Only flows with"
        wire
        help="A filter; empty: all flows"
        value={section.filter}
        onChange={(filter) => onChange({ ...section, filter })}
      />
      {limit}
    </>
  );
}

function AccountField({ account, onChange }: { account: string; onChange: (account: string) => void }) {
  const { data } = useApi<AccountsResponse>(['billing/accounts', {}]);
  const options = (data?.accounts ?? []).map((each) => ({ value: each.account.id, text: each.account.name }));
  return <SelectField label="Account" value={account} options={options} onChange={onChange} />;
}

/** The text is the field's own while it is typed: a comma at its end would else be taken away at once. */
function DimensionsField({ by, onChange }: { by: readonly string[]; onChange: (by: string[]) => void }) {
  const [text, setText] = useState(by.join(', '));
  return (
    <TextField
      label="By"
      wire
      help="Dimensions, separated by commas: srcAddr, dstPort, application, …"
      value={text}
      onChange={(next) => {
        setText(next);
        onChange(next.split(/[\s,]+/).filter((each) => each !== ''));
      }}
    />
  );
}
